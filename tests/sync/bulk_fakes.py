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
from tests.harness import NOW, World, a_click, a_submission, a_world

CONTACTS: Final = 80


class Leaping(Clock):
    """Whoever waits for HubSpot finds that the portal's time has passed, and that something has happened."""

    def __init__(self, world: World, meanwhile: Callable[[], None] | None) -> None:
        super().__init__()
        self.world, self.meanwhile, self.ahead = world, meanwhile, 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.raise_if_stopped()
        self.ahead += seconds
        self.world.clock.advance(seconds)
        if self.meanwhile:
            self.meanwhile()

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        super().wait(condition, None if seconds is None else min(seconds, 0.001))
        self.ahead += seconds or 0.0


class PowerCut(Exception):
    """The machine is off."""


class Cut(Progress):
    """Cuts the power when the run waits for HubSpot for the so-manieth time."""

    def __init__(self, times: int) -> None:
        self.left = times

    def advance(self, what: str, number: int) -> None:  # noqa: ARG002 -- as the pipeline calls it
        self.left -= what == "in bulk"
        if self.left == 0:
            raise PowerCut


class Doctored(Exports):
    """Exports that hold something else than the portal."""

    def __init__(self, hubspot: HubSpot, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
        super().__init__(hubspot.transport, FileDownloader(hubspot.metrics))
        self.change = change

    @contextmanager
    def opened(self, export: str, waiting: Poller) -> Iterator[CsvFile]:
        with super().open_when_ready(export, waiting) as sheet:
            yield _Changed(sheet, self.change)


class _Changed(CsvFile):
    def __init__(self, sheet: CsvFile, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
        self.sheet, self.change = sheet, change

    def rows(self) -> Iterator[dict[str, str]]:
        return (changed for row in self.sheet.read_rows() if (changed := self.change(row)) is not None)


def some_people(contacts: int = CONTACTS) -> PortalData:
    """Made-up people of whom some have clicked and some have asked for a demo; two portals of them are alike."""
    data = generate(contacts=contacts, seed=11, now=NOW)
    addresses = [str(row["properties"].get("email")) for row in data.contacts]
    return replace(
        data,
        email_events=[a_click(number, address) for number, address in enumerate(addresses) if number % 5 == 0],
        forms=[{"id": "demo", "name": "Demo"}],
        submissions=[a_submission(address, "demo") for number, address in enumerate(addresses) if number % 20 == 3],
        events=(),
        deals=(),
    )


@contextmanager
def at_work(folder: Path, data: PortalData | None = None, **options: Any) -> Iterator[World]:
    folder.mkdir(exist_ok=True)
    with a_world(folder, data or some_people(), **{"settings": {"requests_in_flight": 2}, **options}) as world:
        meanwhile(world, None)
        world.least_in_bulk = CONTACTS // 2
        yield world


def meanwhile(world: World, happens: Callable[[], None] | None, **more: Any) -> None:
    """Let something happen whenever the worker waits."""
    world.reach = lambda **how: connect(clock=Leaping(world, happens), **how, **more)


def doctored(world: World, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Let exports hold something else."""

    def reach(**how: Any) -> HubSpot:
        hubspot = connect(clock=Leaping(world, None), **how)
        return replace(hubspot, exports=Doctored(hubspot, change))

    world.reach = reach


def the_import(world: World) -> ImportTask | None:
    return next(iter(world.portal.imports.list_for_app("sandbox")), None)


def imported(world: World, do: Callable[[ImportTask], None]) -> Callable[[], None]:
    """Return what does something with the import, once, as soon as there is one."""
    left = [True]

    def happens() -> None:
        if left and (item := the_import(world)) is not None:
            left.clear()
            do(item)

    return happens


def one(world: World, number: int) -> int:
    """Return the id of the contact of that number."""
    return int(world.portal.list_records("contacts", offset=number, limit=1)[0]["hs_object_id"])
