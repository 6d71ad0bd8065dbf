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

from sync_worker.batched import batched
from sync_worker.errors import StateError
from sync_worker.hubspot.api.batch_update import DELETED_REASON
from sync_worker.hubspot.api.csv_file import UnusableExport
from sync_worker.hubspot.api.import_file import ImportFile
from sync_worker.hubspot.records.models import BatchWriteResult, Contact, Import, WriteAck
from sync_worker.store.database import Store
from sync_worker.sync.apply import pending_import
from sync_worker.sync.apply.apply import BATCH_SIZE, Applier
from sync_worker.sync.apply.contact_batch import ContactBatchResult
from sync_worker.sync.plan.plan import ContactChange
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.sync.pull.exports import BULK_UNAVAILABLE_ERRORS, SAMPLE_SIZE, BulkContext

MAX_ERRORS: Final = 1_000  # that are listed; where there are more, every contact is looked up

DISK_SPACE_HINT: Final = "TMPDIR names the folder; it needs about 2 kB for each contact. Or leave out `--via bulk`."


log = structlog.get_logger()


class ImportJob:
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
        yield from batched(map(_parse_change, self._lines), BATCH_SIZE)

    def sample(self) -> dict[int, str]:
        """Return what is desired of some contacts, evenly spread."""
        step, every = max(1, self.file.row_count // SAMPLE_SIZE), (change for batch in self.batches() for change in batch)
        return {change.id: change.desired for change in islice(every, 0, step * SAMPLE_SIZE, step)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Sends what can be imported by import, and the rest through the applier."""

    context: BulkContext
    store: Store
    crm_schema: CrmSchema
    applier: Applier
    clock: Callable[[], datetime]

    def send(self, changes: Iterable[ContactChange]) -> None:
        """Send changes, and account for every one that was imported; what goes the usual way may be under way at the end."""
        rest, more = iter(changes), True
        while more:
            try:
                more = self._send_job(rest)
            except OSError as error:  # HubSpot's and the state's have names of their own
                said = f"The file of an import cannot be kept on this machine: {error.strerror}."
                raise StateError(said, operation="write contacts", hint=DISK_SPACE_HINT) from error

    def _send_job(self, changes: Iterator[ContactChange]) -> bool:
        """Send as much as one import holds; return whether there is more."""
        with ExitStack() as stack:
            part = ImportJob(stack, self.crm_schema.property_names)
            more = self._fill(part, changes)
            if part.file.row_count < self.context.min_size or not self._run_import(part):
                self._send_by_api(part)
        return more

    def _fill(self, job: ImportJob, changes: Iterator[ContactChange]) -> bool:
        """Put into the part what can be imported, send the rest; return whether there is more than the part holds."""
        others: list[ContactChange] = []
        for change in changes:
            if not _is_importable(change):
                others.append(change)
            else:
                job.add(change)
            if len(others) == BATCH_SIZE:
                self.applier.send(others)
                others = []
            if job.file.is_full:
                break
        self.applier.send(others)
        return job.file.is_full

    def _send_by_api(self, job: ImportJob) -> None:
        for batch in job.batches():
            self.applier.send(batch)

    def _run_import(self, job: ImportJob) -> bool:
        """Import a part; return False where it is to go the usual way."""
        for batch in job.batches():
            self.applier.save_undo(batch)
        pending_import.save_pending(self.store, job.file.name, None, self.clock())
        try:
            begun = self.context.hubspot.imports.start(job.file)
        except BULK_UNAVAILABLE_ERRORS as error:
            pending_import.clear_pending(self.store)
            self.context.fallback.report("Contacts are written", error)
            return False
        pending_import.save_pending(self.store, job.file.name, begun.id, self.clock())
        log.info("import.begun", id=begun.id, rows=job.file.row_count)
        ended = pending_import.wait(self.context.hubspot.imports, begun, self.context.poller)
        log.info("import.ended", id=ended.id, state=ended.state, counters=dict(ended.counters))
        if ended.is_successful:
            self._save_results(job, ended)
        else:
            self.context.fallback.report(
                "Contacts are written", UnusableExport(f"HubSpot's import has come to nothing ({ended.state.lower()}).")
            )
        pending_import.clear_pending(self.store)
        return ended.is_successful

    def _save_results(self, job: ImportJob, result: Import) -> None:
        """Remember what became of each contact: from the counters where they add up, else by looking each one up."""
        refused, all_named = self._load_rejections(result)
        sure = all_named and _counters_match(job, result, refused) and self._matches_desired(job.sample(), refused)
        for batch in job.batches():
            certain = [change for change in batch if sure and change.id not in refused]
            taken = {change.id: WriteAck(properties={}, updated_at=result.created_at) for change in certain}
            if certain:
                self.applier.save_results([(certain, ContactBatchResult(result=BatchWriteResult(acknowledged=taken)))])
            if others := [change for change in batch if change.id not in taken]:
                self._verify_contacts(others)

    def _load_rejections(self, result: Import) -> tuple[set[int], bool]:
        """Return whom HubSpot did not take, or not as a whole, and whether it has named all of them."""
        if not result.counters.get("ERRORS", 1):
            return set(), True
        try:
            errors = list(islice(self.context.hubspot.imports.read_errors(result.id), MAX_ERRORS + 1))
        except BULK_UNAVAILABLE_ERRORS as error:
            log.warning("import.errors_not_visible", id=result.id, reason=error.message)
            return set(), False
        if errors:
            log.warning("import.rows_refused", id=result.id, reasons=dict(Counter(error.reason for error in errors)))
        all_named = len(errors) <= MAX_ERRORS and all(error.contact_id for error in errors)
        return {error.contact_id for error in errors if error.contact_id}, all_named

    def _matches_desired(self, desired: Mapping[int, str], rejected_ids: Collection[int]) -> bool:
        found = self.context.hubspot.contacts.read([id_ for id_ in desired if id_ not in rejected_ids], self.crm_schema.property_names)
        return all(
            self.crm_schema.observed_json(contact.properties) == desired[contact.id] for contact in found.items if contact.id in desired
        )

    def _verify_contacts(self, changes: Sequence[ContactChange]) -> None:
        """Read contacts again and remember what they show.

        Who shows something else is written the usual way, which takes whatever is good in it, and tells why it does not take the rest.
        """
        found = self.context.hubspot.contacts.read([change.id for change in changes], self.crm_schema.property_names)
        shown = {contact.id: contact for contact in found.items}
        again = [
            change
            for change in changes
            if change.id in shown and self.crm_schema.observed_json(shown[change.id].properties) != change.desired
        ]
        others = {change.id for change in again}
        seen = [change for change in changes if change.id not in others]
        written = BatchWriteResult(
            acknowledged={change.id: _acknowledgement(shown[change.id], change) for change in seen if change.id in shown},
            rejected=dict.fromkeys(found.missing, DELETED_REASON),
            merged_into=found.merged_into,
            deleted=found.missing,
        )
        self.applier.save_results([(seen, ContactBatchResult(result=written))])
        self.applier.send(again)


def _counters_match(job: ImportJob, result: Import, rejected_ids: Collection[int]) -> bool:
    updated, created = result.counters.get("UPDATED_OBJECTS", 0), result.counters.get("CREATED_OBJECTS", 0)
    return created == 0 and updated + len(rejected_ids) >= job.file.row_count


def _is_importable(change: ContactChange) -> bool:
    # An empty cell clears nothing, and a stage is looked at just before it is moved.
    return change.new_stage is None and all(change.values.values())


def _acknowledgement(contact: Contact, change: ContactChange) -> WriteAck:
    return WriteAck(properties={name: contact.properties.get(name) for name in change.properties}, updated_at=contact.updated_at)


def _parse_change(line: bytes) -> ContactChange:
    id_, properties, desired = orjson.loads(line)
    return ContactChange(id=id_, properties={name: (before, after) for name, (before, after) in properties.items()}, desired=desired)
