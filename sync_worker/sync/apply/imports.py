"""Writing in bulk: many changes in one import, each of them accounted for."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Final

import orjson
import structlog

from sync_worker.batched import batches
from sync_worker.errors import StateError
from sync_worker.hubspot.api.batch_update import DELETED_REASON
from sync_worker.hubspot.api.csv_file import UnusableExport
from sync_worker.hubspot.api.import_file import ImportFile
from sync_worker.hubspot.records.models import BatchWriteResult, Contact, Import, WriteAck
from sync_worker.store.database import Store
from sync_worker.sync.apply import pending_import
from sync_worker.sync.apply.apply import BATCH, Applier
from sync_worker.sync.apply.contact_batch import Sent
from sync_worker.sync.plan.plan import ContactChange
from sync_worker.sync.portal.crm_schema import Outputs
from sync_worker.sync.pull.exports import NOT_IN_BULK, SAMPLE, Means

MOST_ERRORS: Final = 1_000  # that are listed; where there are more, every contact is looked up

NEEDS_ROOM: Final = "TMPDIR names the folder; it needs about 2 kB for each contact. Or leave out `--via bulk`."


log = structlog.get_logger()


class Part:
    """The changes of one import: as HubSpot gets them, and as they are remembered; on the disk, not in memory."""

    def __init__(self, stack: ExitStack, names: Sequence[str]) -> None:
        self.file = stack.enter_context(ImportFile(f"sync-worker {secrets.token_hex(8)}", names))
        self._lines: IO[bytes] = stack.enter_context(TemporaryFile(prefix="sync-worker-"))  # noqa: SIM115 -- open as long as the stack

    def add(self, change: ContactChange) -> None:
        """Add a change."""
        self.file.add_contact(change.id, orjson.loads(change.desired))
        self._lines.write(orjson.dumps([change.id, change.properties, change.desired], option=orjson.OPT_APPEND_NEWLINE))

    def batches(self) -> Iterator[tuple[ContactChange, ...]]:
        """Yield the changes, a hundred at a time, from the beginning each time."""
        self._lines.seek(0)
        yield from batches(map(_read, self._lines), BATCH)

    def sample(self) -> dict[int, str]:
        """Return what is desired of some contacts, evenly spread."""
        step, every = max(1, self.file.row_count // SAMPLE), (change for batch in self.batches() for change in batch)
        return {change.id: change.desired for change in islice(every, 0, step * SAMPLE, step)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Sends what can be imported by import, and the rest through the applier."""

    means: Means
    store: Store
    outputs: Outputs
    applier: Applier
    clock: Callable[[], datetime]

    def send(self, changes: Iterable[ContactChange]) -> None:
        """Send changes, and account for every one that was imported; what goes the usual way may be under way at the end."""
        rest, more = iter(changes), True
        while more:
            try:
                more = self._send_part(rest)
            except OSError as error:  # HubSpot's and the state's have names of their own
                said = f"The file of an import cannot be kept on this machine: {error.strerror}."
                raise StateError(said, operation="write contacts", hint=NEEDS_ROOM) from error

    def _send_part(self, rest: Iterator[ContactChange]) -> bool:
        """Send as much as one import holds; return whether there is more."""
        with ExitStack() as stack:
            part = Part(stack, self.outputs.names)
            more = self._fill(part, rest)
            if part.file.row_count < self.means.least or not self._imported(part):
                self._send_as_usual(part)
        return more

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
        pending_import.note(self.store, part.file.name, None, self.clock())
        try:
            begun = self.means.hubspot.imports.start(part.file)
        except NOT_IN_BULK as error:
            pending_import.forget(self.store)
            self.means.fallback.tell("Contacts are written", error)
            return False
        pending_import.note(self.store, part.file.name, begun.id, self.clock())
        log.info("import.begun", id=begun.id, rows=part.file.row_count)
        ended = pending_import.ended(self.means.hubspot.imports, begun, self.means.waiting)
        log.info("import.ended", id=ended.id, state=ended.state, counters=dict(ended.counters))
        if ended.is_successful:
            self._account(part, ended)
        else:
            self.means.fallback.tell(
                "Contacts are written", UnusableExport(f"HubSpot's import has come to nothing ({ended.state.lower()}).")
            )
        pending_import.forget(self.store)
        return ended.is_successful

    def _account(self, part: Part, ended: Import) -> None:
        """Remember what became of each contact: from the counters where they add up, else by looking each one up."""
        refused, all_named = self._refused(ended)
        sure = all_named and _adds_up(part, ended, refused) and self._shows(part.sample(), refused)
        for batch in part.batches():
            certain = [change for change in batch if sure and change.id not in refused]
            taken = {change.id: WriteAck(properties={}, updated_at=ended.created_at) for change in certain}
            if certain:
                self.applier.remember([(certain, Sent(written=BatchWriteResult(acknowledged=taken)))])
            if others := [change for change in batch if change.id not in taken]:
                self._look_up(others)

    def _refused(self, ended: Import) -> tuple[set[int], bool]:
        """Return whom HubSpot did not take, or not as a whole, and whether it has named all of them."""
        if not ended.counters.get("ERRORS", 1):
            return set(), True
        try:
            errors = list(islice(self.means.hubspot.imports.read_errors(ended.id), MOST_ERRORS + 1))
        except NOT_IN_BULK as error:
            log.warning("import.errors_not_visible", id=ended.id, reason=error.message)
            return set(), False
        if errors:
            log.warning("import.rows_refused", id=ended.id, reasons=dict(Counter(error.reason for error in errors)))
        all_named = len(errors) <= MOST_ERRORS and all(error.contact_id for error in errors)
        return {error.contact_id for error in errors if error.contact_id}, all_named

    def _shows(self, desired: Mapping[int, str], refused: Collection[int]) -> bool:
        found = self.means.hubspot.contacts.read([id_ for id_ in desired if id_ not in refused], self.outputs.names)
        return all(self.outputs.shown(contact.properties) == desired[contact.id] for contact in found.items if contact.id in desired)

    def _look_up(self, changes: Sequence[ContactChange]) -> None:
        """Read contacts again and remember what they show.

        Who shows something else is written the usual way, which takes whatever is good in it, and tells why it does not take the rest.
        """
        found = self.means.hubspot.contacts.read([change.id for change in changes], self.outputs.names)
        shown = {contact.id: contact for contact in found.items}
        again = [change for change in changes if change.id in shown and self.outputs.shown(shown[change.id].properties) != change.desired]
        others = {change.id for change in again}
        seen = [change for change in changes if change.id not in others]
        written = BatchWriteResult(
            acknowledged={change.id: _acknowledged(shown[change.id], change) for change in seen if change.id in shown},
            rejected=dict.fromkeys(found.missing, DELETED_REASON),
            merged_into=found.merged_into,
            deleted=found.missing,
        )
        self.applier.remember([(seen, Sent(written=written))])
        self.applier.send(again)


def _adds_up(part: Part, ended: Import, refused: Collection[int]) -> bool:
    updated, created = ended.counters.get("UPDATED_OBJECTS", 0), ended.counters.get("CREATED_OBJECTS", 0)
    return created == 0 and updated + len(refused) >= part.file.row_count


def _importable(change: ContactChange) -> bool:
    # An empty cell clears nothing, and a stage is looked at just before it is moved.
    return change.stage is None and all(change.values.values())


def _acknowledged(contact: Contact, change: ContactChange) -> WriteAck:
    return WriteAck(properties={name: contact.properties.get(name) for name in change.properties}, updated_at=contact.updated_at)


def _read(line: bytes) -> ContactChange:
    id_, properties, desired = orjson.loads(line)
    return ContactChange(id=id_, properties={name: (before, after) for name, (before, after) in properties.items()}, desired=desired)
