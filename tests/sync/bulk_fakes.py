"""Fakes for bulk runs: a portal with enough contacts, a clock that skips waits, and events during a wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sync_worker.hubspot.api.bulk.csv_file import CsvFile
from sync_worker.hubspot.api.bulk.downloads import FileDownloader
from sync_worker.hubspot.api.bulk.exports import Exports
from sync_worker.hubspot.api.bulk.polling import Poller
from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.progress import Progress
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.crm.imports import ImportTask
from sync_worker.sandbox.generator import generate
from tests.harness import NOW, Harness, make_click, make_submission, start_harness

CONTACTS: Final = 80


class LeapingClock(Clock):
    """A clock that skips every wait. It advances the portal's clock by the same time and calls `on_wait`."""

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
    """The process was killed."""


class PowerCutProgress(Progress):
    """Raises PowerCut during the nth wait for HubSpot."""

    def __init__(self, after: int) -> None:
        self.remaining = after

    def advance(self, what: str, number: int) -> None:  # noqa: ARG002 -- the signature of Progress
        self.remaining -= what == "in bulk"
        if self.remaining == 0:
            raise PowerCut


class AlteredExports(Exports):
    """Exports whose rows differ from the portal."""

    def __init__(self, hubspot: HubSpot, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
        super().__init__(hubspot.transport, FileDownloader(hubspot.metrics))
        self.change = change

    @contextmanager
    def open_when_ready(self, export: str, poller: Poller) -> Iterator[CsvFile]:
        with super().open_when_ready(export, poller) as sheet:
            yield AlteredSheet(sheet, self.change)


class AlteredSheet(CsvFile):
    def __init__(self, sheet: CsvFile, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
        self.sheet, self.change = sheet, change

    def read_rows(self) -> Iterator[dict[str, str]]:
        return (changed for row in self.sheet.read_rows() if (changed := self.change(row)) is not None)


def make_bulk_portal(contacts: int = CONTACTS) -> PortalData:
    """Return generated contacts; every fifth has clicked, every twentieth has requested a demo. All calls return equal data."""
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
    """Call a function whenever the worker waits."""
    harness.connect_hubspot = lambda **options: connect(clock=LeapingClock(harness, on_wait), **{**options, **more})


def alter_exports(harness: Harness, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Change or drop rows of every export."""

    def connect_altered(**options: Any) -> HubSpot:
        hubspot = connect(clock=LeapingClock(harness, None), **options)
        return replace(hubspot, exports=AlteredExports(hubspot, change))

    harness.connect_hubspot = connect_altered


def find_import(harness: Harness) -> ImportTask | None:
    return next(iter(harness.portal.imports.list_for_app("sandbox")), None)


def once_import_started(harness: Harness, action: Callable[[ImportTask], None]) -> Callable[[], None]:
    """Return an `on_wait` function that applies an action to the first import, once."""
    pending = [True]

    def run_once() -> None:
        if pending and (task := find_import(harness)) is not None:
            pending.clear()
            action(task)

    return run_once


def contact_id(harness: Harness, number: int) -> int:
    """Return the id of the contact at a position in the list."""
    return int(harness.portal.list_records("contacts", offset=number, limit=1)[0]["hs_object_id"])
