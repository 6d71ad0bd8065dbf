"""Writing in bulk: many changes in one import, each of them accounted for.

An import is noted before it is sent. Where the run is stopped meanwhile, the next one waits until HubSpot is done with it, so that
nothing old is written over something new.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Any, Final, TypeVar

import orjson
import structlog

from sync_worker.errors import Forbidden, NotFound, Unavailable
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.import_files import ImportFile
from sync_worker.hubspot.records import Acknowledged, Contact, Import, Written
from sync_worker.hubspot.waiting import Waiting
from sync_worker.pipeline.apply import BATCH, Applier
from sync_worker.pipeline.bulk import LEAST, NOT_IN_BULK, SAMPLE, Fallback
from sync_worker.pipeline.outputs import Outputs
from sync_worker.pipeline.plan import ContactChange
from sync_worker.pipeline.writing import Sent
from sync_worker.store import meta
from sync_worker.store.database import Store
from sync_worker.store.instants import from_ms, to_ms

KEY: Final = "import"  # the import that is under way: {name, id or None, at}
MOST_ERRORS: Final = 1_000  # that are listed; where there are more, every contact is looked up
FORGOTTEN_AFTER: Final = timedelta(days=1)  # what HubSpot has not done by then holds nobody up
AWAITED: Final = "HubSpot is not done with the import {name} after {at_most}."
RUN_AGAIN: Final = "Run again later: the next run goes on waiting for it. `bulk_minutes` is how long a run waits."
UNTOLD: Final = "HubSpot's import did not take it, without a word."

T = TypeVar("T")

log = structlog.get_logger()


class Part:
    """The changes of one import: as HubSpot gets them, and as they are remembered; on the disk, not in memory."""

    def __init__(self, stack: ExitStack, names: Sequence[str]) -> None:
        self.file = stack.enter_context(ImportFile(f"sync-worker {secrets.token_hex(8)}", names))
        self._lines: IO[bytes] = stack.enter_context(TemporaryFile(prefix="sync-worker-"))  # noqa: SIM115 -- open as long as the stack

    def add(self, change: ContactChange) -> None:
        """Add a change."""
        self.file.add(change.id, orjson.loads(change.desired))
        self._lines.write(orjson.dumps([change.id, change.properties, change.desired], option=orjson.OPT_APPEND_NEWLINE))

    def batches(self) -> Iterator[tuple[ContactChange, ...]]:
        """Yield the changes, a hundred at a time, from the beginning each time."""
        self._lines.seek(0)
        yield from _batches(map(_read, self._lines))

    def sample(self) -> dict[int, str]:
        """Return what is desired of some contacts, evenly spread."""
        step, every = max(1, self.file.rows // SAMPLE), (change for batch in self.batches() for change in batch)
        return {change.id: change.desired for change in islice(every, 0, step * SAMPLE, step)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Sends what can be imported by import, and the rest through the applier. Fewer than `least` changes are not worth an import."""

    hubspot: HubSpot
    store: Store
    outputs: Outputs
    applier: Applier
    waiting: Waiting
    fallback: Fallback
    clock: Callable[[], datetime]
    least: int = LEAST

    def send(self, changes: Iterable[ContactChange]) -> None:
        """Send changes, and account for every one that was imported; what goes the usual way may be under way at the end."""
        rest, more = iter(changes), True
        while more:
            with ExitStack() as stack:
                part = Part(stack, self.outputs.names)
                more = self._fill(part, rest)
                if part.file.rows < self.least or not self._imported(part):
                    self._send_as_usual(part)

    def _fill(self, part: Part, changes: Iterator[ContactChange]) -> bool:
        """Put into the part what can be imported, send the rest; return whether there is more than the part holds."""
        others: list[ContactChange] = []
        for change in changes:
            if not _importable(change):
                others.append(change)
            else:
                part.add(change)
            if len(others) == BATCH:
                self.applier.send(others)
                others = []
            if part.file.is_full:
                break
        self.applier.send(others)
        return part.file.is_full

    def _send_as_usual(self, part: Part) -> None:
        for batch in part.batches():
            self.applier.send(batch)

    def _imported(self, part: Part) -> bool:
        """Import a part; return False where it is to go the usual way."""
        for batch in part.batches():
            self.applier.announce(batch)
        name = part.file.name
        self._note(name, None)
        try:
            begun = self.hubspot.imports.start(part.file)
        except NOT_IN_BULK as error:
            self._forget()
            self.fallback.tell("Contacts are written", error)
            return False
        self._note(name, begun.id)
        log.info("import.begun", id=begun.id, rows=part.file.rows)
        ended = self.hubspot.imports.ended(begun.id, self.waiting)
        if ended is None:
            raise Unavailable(AWAITED.format(name=name, at_most=self.waiting.at_most), operation="write contacts", hint=RUN_AGAIN)
        log.info("import.ended", id=ended.id, state=ended.state, **ended.counters)
        if ended.is_done:
            self._account(part, ended)
        else:
            self.fallback.tell("Contacts are written", Unavailable(f"HubSpot's import has come to nothing ({ended.state.lower()})."))
        self._forget()
        return ended.is_done

    def _account(self, part: Part, ended: Import) -> None:
        """Remember what became of each contact: from the counters where they add up, else by looking each one up."""
        reasons, told = self._refusals(ended)
        sure = told and self._adds_up(part, ended, reasons) and self._shows(part.sample(), reasons)
        for batch in part.batches():
            certain = [change for change in batch if sure and change.id not in reasons]
            taken = {change.id: Acknowledged(properties={}, updated_at=ended.created_at) for change in certain}
            self.applier.remember(certain, Sent(written=Written(acknowledged=taken)))
            self._look_up([change for change in batch if change.id not in taken], reasons)

    def _refusals(self, ended: Import) -> tuple[dict[int, str], bool]:
        """Return why contacts were refused, and whether HubSpot has told of all of them by id."""
        if not ended.counters.get("ERRORS", 1):
            return {}, True
        errors = list(islice(self.hubspot.imports.errors(ended.id), MOST_ERRORS + 1))
        told = len(errors) <= MOST_ERRORS and all(error.contact_id for error in errors)
        return {error.contact_id: error.reason for error in errors if error.contact_id}, told

    def _adds_up(self, part: Part, ended: Import, reasons: Mapping[int, str]) -> bool:
        updated, created = ended.counters.get("UPDATED_OBJECTS", 0), ended.counters.get("CREATED_OBJECTS", 0)
        return created == 0 and updated + len(reasons) >= part.file.rows

    def _shows(self, desired: Mapping[int, str], reasons: Mapping[int, str]) -> bool:
        asked = [id_ for id_ in desired if id_ not in reasons]
        found = self.hubspot.contacts.read(asked, self.outputs.names)
        return all(self.outputs.shown(contact.properties) == desired[contact.id] for contact in found.items if contact.id in desired)

    def _look_up(self, changes: Sequence[ContactChange], reasons: Mapping[int, str]) -> None:
        """Read contacts again and remember what they show; who shows something else without a reason is written the usual way."""
        if not changes:
            return
        found = self.hubspot.contacts.read([change.id for change in changes], self.outputs.names)
        shown = {contact.id: contact for contact in found.items}
        taken = {change.id: _acknowledged(shown[change.id], change) for change in changes if self._is_as_desired(shown, change)}
        left = [change for change in changes if change.id in shown and change.id not in taken]
        refused = {change.id: reasons[change.id] for change in left if change.id in reasons}
        written = Written(
            acknowledged=taken,
            rejected={**refused, **dict.fromkeys(found.missing, UNTOLD)},
            moved=found.moved,
            gone=found.missing,
        )
        again = [change for change in left if change.id not in refused]
        self.applier.remember([change for change in changes if change not in again], Sent(written=written))
        self.applier.send(again)

    def _is_as_desired(self, shown: Mapping[int, Contact], change: ContactChange) -> bool:
        return change.id in shown and self.outputs.shown(shown[change.id].properties) == change.desired

    def _note(self, name: str, number: str | None) -> None:
        with self.store.transaction() as tx:
            meta.put(tx, KEY, {"name": name, "id": number, "at": to_ms(self.clock())})

    def _forget(self) -> None:
        with self.store.transaction() as tx:
            meta.put(tx, KEY, None)


def settle(hubspot: HubSpot, store: Store, waiting: Waiting, now: datetime) -> None:
    """Wait for the import that an earlier run was stopped in, if there is one; what it wrote is found by reading.

    Raises:
        Unavailable: HubSpot is not done with it.
    """
    with store.transaction() as tx:
        note: dict[str, Any] | None = meta.get(tx, KEY)
    if note is None:
        return
    if now < from_ms(note["at"]) + FORGOTTEN_AFTER and not _is_over(hubspot, note, waiting):
        raise Unavailable(AWAITED.format(name=note["name"], at_most=waiting.at_most), operation="look at an import", hint=RUN_AGAIN)
    with store.transaction() as tx:
        meta.put(tx, KEY, None)


def _is_over(hubspot: HubSpot, note: Mapping[str, Any], waiting: Waiting) -> bool:
    log.info("import.awaited", name=note["name"])
    try:
        found = hubspot.imports.one(note["id"]) if note["id"] else hubspot.imports.named(note["name"])
        return found is None or found.is_over or hubspot.imports.ended(found.id, waiting) is not None
    except (Forbidden, NotFound) as error:
        # Who may not look can't wait either; HubSpot's search shows what it has written.
        log.warning("import.not_visible", reason=error.message)
        return True


def _importable(change: ContactChange) -> bool:
    # An empty cell clears nothing, and a stage is looked at just before it is moved.
    return change.stage is None and all(change.values.values())


def _acknowledged(contact: Contact, change: ContactChange) -> Acknowledged:
    return Acknowledged(properties={name: contact.properties.get(name) for name in change.properties}, updated_at=contact.updated_at)


def _read(line: bytes) -> ContactChange:
    id_, properties, desired = orjson.loads(line)
    return ContactChange(id=id_, properties={name: (before, after) for name, (before, after) in properties.items()}, desired=desired)


def _batches(changes: Iterable[T]) -> Iterator[tuple[T, ...]]:
    rest = iter(changes)
    while batch := tuple(islice(rest, BATCH)):
        yield batch
