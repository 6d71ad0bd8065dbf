"""People for whom an export and an import are worth it, a clock that leaps, and what may happen while HubSpot takes its time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sync_worker.hubspot.api.csv_file import CsvFile
from sync_worker.hubspot.api.downloads import FileDownloader
from sync_worker.hubspot.api.exports import Exports
from sync_worker.hubspot.api.polling import Poller
from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.progress import Progress
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.crm.imports import ImportTask
from sync_worker.sandbox.generator import generate
from tests.harness import NOW, Harness, make_click, make_submission, start_harness

CONTACTS: Final = 80


class LeapingClock(Clock):
    """Whoever waits for HubSpot finds that the portal's time has passed, and that something has happened."""

    def __init__(self, harness: Harness, on_wait: Callable[[], None] | None) -> None:
        super().__init__()
        self.harness, self.on_wait, self.offset_seconds = harness, on_wait, 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.offset_seconds

    def sleep(self, seconds: float) -> None:
        self.raise_if_stopped()
        self.offset_seconds += seconds
        self.harness.clock.advance(seconds)
        if self.on_wait:
            self.on_wait()

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        super().wait(condition, None if seconds is None else min(seconds, 0.001))
        self.offset_seconds += seconds or 0.0


class PowerCut(Exception):
    """The machine is off."""


class PowerCutProgress(Progress):
    """Cuts the power when the run waits for HubSpot for the so-manieth time."""

    def __init__(self, after: int) -> None:
        self.remaining = after

    def advance(self, what: str, number: int) -> None:  # noqa: ARG002 -- as the pipeline calls it
        self.remaining -= what == "in bulk"
        if self.remaining == 0:
            raise PowerCut


class AlteredExports(Exports):
    """Exports that hold something else than the portal."""

    def __init__(self, hubspot: HubSpot, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
        super().__init__(hubspot.transport, FileDownloader(hubspot.metrics))
        self.change = change

    @contextmanager
    def open_when_ready(self, export: str, waiting: Poller) -> Iterator[CsvFile]:
        with super().open_when_ready(export, waiting) as sheet:
            yield AlteredSheet(sheet, self.change)


class AlteredSheet(CsvFile):
    def __init__(self, sheet: CsvFile, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
        self.sheet, self.change = sheet, change

    def read_rows(self) -> Iterator[dict[str, str]]:
        return (changed for row in self.sheet.read_rows() if (changed := self.change(row)) is not None)


def make_bulk_portal(contacts: int = CONTACTS) -> PortalData:
    """Made-up people of whom some have clicked and some have asked for a demo; two portals of them are alike."""
    data = generate(contacts=contacts, seed=11, now=NOW)
    addresses = [str(row["properties"].get("email")) for row in data.contacts]
    return replace(
        data,
        email_events=[make_click(number, address) for number, address in enumerate(addresses) if number % 5 == 0],
        forms=[{"id": "demo", "name": "Demo"}],
        submissions=[make_submission(address, "demo") for number, address in enumerate(addresses) if number % 20 == 3],
        events=(),
        deals=(),
    )


@contextmanager
def bulk_harness(folder: Path, data: PortalData | None = None, **options: Any) -> Iterator[Harness]:
    folder.mkdir(exist_ok=True)
    with start_harness(folder, data or make_bulk_portal(), **{"settings": {"requests_in_flight": 2}, **options}) as harness:
        set_on_wait(harness, None)
        harness.min_bulk_records = CONTACTS // 2
        yield harness


def set_on_wait(harness: Harness, on_wait: Callable[[], None] | None, **more: Any) -> None:
    """Let something happen whenever the worker waits."""
    harness.connect_hubspot = lambda **how: connect(clock=LeapingClock(harness, on_wait), **how, **more)


def alter_exports(harness: Harness, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Let exports hold something else."""

    def reach(**how: Any) -> HubSpot:
        hubspot = connect(clock=LeapingClock(harness, None), **how)
        return replace(hubspot, exports=AlteredExports(hubspot, change))

    harness.connect_hubspot = reach


def find_import(harness: Harness) -> ImportTask | None:
    return next(iter(harness.portal.imports.list_for_app("sandbox")), None)


def once_import_started(harness: Harness, action: Callable[[ImportTask], None]) -> Callable[[], None]:
    """Return what does something with the import, once, as soon as there is one."""
    left = [True]

    def happens() -> None:
        if left and (item := find_import(harness)) is not None:
            left.clear()
            action(item)

    return happens


def contact_id(harness: Harness, number: int) -> int:
    """Return the id of the contact of that number."""
    return int(harness.portal.list_records("contacts", offset=number, limit=1)[0]["hs_object_id"])
