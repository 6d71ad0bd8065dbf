"""Write changes in bulk, by HubSpot imports, and check the result of every contact. See also `pending_import.py`."""

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
from sync_worker.hubspot.api.bulk.csv_file import UnusableExport
from sync_worker.hubspot.api.bulk.import_file import ImportFile
from sync_worker.hubspot.records.models import BatchWriteResult, Contact, Import, WriteAck
from sync_worker.store.database import Store
from sync_worker.sync.apply import pending_import
from sync_worker.sync.apply.apply import BATCH_SIZE, Applier
from sync_worker.sync.apply.contact_batch import ContactBatchResult
from sync_worker.sync.plan.plan import ContactChange
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.pull.exports import BULK_UNAVAILABLE_ERRORS, SAMPLE_SIZE, BulkContext

MAX_ERRORS: Final = 1_000  # with more errors than this, every contact is read again

DISK_SPACE_HINT: Final = "The temporary folder (TMPDIR) needs about 2 kB per contact. Free space there, or omit `--via bulk`."


log = structlog.get_logger()


class ImportJob:
    """The changes of one import: the file for HubSpot, and the changes to save later. Both are on disk to limit memory."""

    def __init__(self, stack: ExitStack, names: Sequence[str]) -> None:
        self.file = stack.enter_context(ImportFile(f"sync-worker {secrets.token_hex(8)}", names))
        self._lines: IO[bytes] = stack.enter_context(TemporaryFile(prefix="sync-worker-"))  # noqa: SIM115 -- the stack closes it

    def add(self, change: ContactChange) -> None:
        """Add a change."""
        self.file.add_contact(change.id, orjson.loads(change.desired))
        self._lines.write(orjson.dumps([change.id, change.properties, change.desired], option=orjson.OPT_APPEND_NEWLINE))

    def batches(self) -> Iterator[tuple[ContactChange, ...]]:
        """Yield the changes in batches of 100. Each call starts at the first change."""
        self._lines.seek(0)
        yield from batched(map(_parse_change, self._lines), BATCH_SIZE)

    def sample(self) -> dict[int, str]:
        """Return the desired values of up to `SAMPLE_SIZE` contacts, evenly distributed."""
        step, changes = max(1, self.file.row_count // SAMPLE_SIZE), (change for batch in self.batches() for change in batch)
        return {change.id: change.desired for change in islice(changes, 0, step * SAMPLE_SIZE, step)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Sends the importable changes by imports, and the others through the applier."""

    context: BulkContext
    store: Store
    crm_schema: CrmSchema
    applier: Applier
    clock: Callable[[], datetime]

    def send(self, changes: Iterable[ContactChange]) -> None:
        """Send changes and save the results of the imported ones. Changes of the applier may still be in flight at the end."""
        rest, more = iter(changes), True
        while more:
            try:
                more = self._send_job(rest)
            except OSError as error:  # errors of HubSpot and the state have other types
                message = f"The import file cannot be written: {error.strerror}."
                raise StateError(message, operation="write contacts", hint=DISK_SPACE_HINT) from error

    def _send_job(self, changes: Iterator[ContactChange]) -> bool:
        """Send as many changes as fit into one import. Return whether there are more."""
        with ExitStack() as stack:
            job = ImportJob(stack, self.crm_schema.property_names)
            more = self._fill(job, changes)
            if job.file.row_count < self.context.min_size or not self._run_import(job):
                self._send_by_api(job)
        return more

    def _fill(self, job: ImportJob, changes: Iterator[ContactChange]) -> bool:
        """Add the importable changes to the job and send the others. Return whether the job is full."""
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
        """Import a job. Return False if its changes must be sent by the API."""
        for batch in job.batches():
            self.applier.save_undo(batch)
        pending_import.save_pending(self.store, job.file.name, None, self.clock())
        try:
            started = self.context.hubspot.imports.start(job.file)
        except BULK_UNAVAILABLE_ERRORS as error:
            pending_import.clear_pending(self.store)
            self.context.fallback.report("Contacts are written", error)
            return False
        pending_import.save_pending(self.store, job.file.name, started.id, self.clock())
        log.info("import.begun", id=started.id, rows=job.file.row_count)
        finished = pending_import.wait(self.context.hubspot.imports, started, self.context.poller)
        log.info("import.ended", id=finished.id, state=finished.state, counters=dict(finished.counters))
        if finished.is_successful:
            self._save_results(job, finished)
        else:
            self.context.fallback.report("Contacts are written", UnusableExport(f"HubSpot's import failed ({finished.state.lower()})."))
        pending_import.clear_pending(self.store)
        return finished.is_successful

    def _save_results(self, job: ImportJob, result: Import) -> None:
        """Save the result of each contact: from the counters if they add up, otherwise by reading it again."""
        rejected, is_complete = self._load_rejections(result)
        trusted = is_complete and _counters_match(job, result, rejected) and self._matches_desired(job.sample(), rejected)
        for batch in job.batches():
            accepted = [change for change in batch if trusted and change.id not in rejected]
            acks = {change.id: WriteAck(properties={}, updated_at=result.created_at) for change in accepted}
            if accepted:
                self.applier.save_results([(accepted, ContactBatchResult(result=BatchWriteResult(acknowledged=acks)))])
            if others := [change for change in batch if change.id not in acks]:
                self._verify_contacts(others)

    def _load_rejections(self, result: Import) -> tuple[set[int], bool]:
        """Return the contacts that HubSpot rejected, in whole or in part, and whether the errors name all of them."""
        if not result.counters.get("ERRORS", 1):
            return set(), True
        try:
            errors = list(islice(self.context.hubspot.imports.read_errors(result.id), MAX_ERRORS + 1))
        except BULK_UNAVAILABLE_ERRORS as error:
            log.warning("import.errors_not_visible", id=result.id, reason=error.message)
            return set(), False
        if errors:
            log.warning("import.rows_refused", id=result.id, reasons=dict(Counter(error.reason for error in errors)))
        is_complete = len(errors) <= MAX_ERRORS and all(error.contact_id for error in errors)
        return {error.contact_id for error in errors if error.contact_id}, is_complete

    def _matches_desired(self, desired: Mapping[int, str], rejected_ids: Collection[int]) -> bool:
        found = self.context.hubspot.contacts.read([id_ for id_ in desired if id_ not in rejected_ids], self.crm_schema.property_names)
        return all(
            self.crm_schema.observed_json(contact.properties) == desired[contact.id] for contact in found.items if contact.id in desired
        )

    def _verify_contacts(self, changes: Sequence[ContactChange]) -> None:
        """Read contacts again and save their values.

        Contacts with other values than desired are written by the API, which writes their valid values and reports the rejected ones.
        """
        found = self.context.hubspot.contacts.read([change.id for change in changes], self.crm_schema.property_names)
        observed = {contact.id: contact for contact in found.items}
        different = [
            change
            for change in changes
            if change.id in observed and self.crm_schema.observed_json(observed[change.id].properties) != change.desired
        ]
        different_ids = {change.id for change in different}
        done = [change for change in changes if change.id not in different_ids]
        written = BatchWriteResult(
            acknowledged={change.id: _acknowledgment(observed[change.id], change) for change in done if change.id in observed},
            merged_into=found.merged_into,
            deleted=found.missing,
        )
        self.applier.save_results([(done, ContactBatchResult(result=written))])
        self.applier.send(different)


def _counters_match(job: ImportJob, result: Import, rejected_ids: Collection[int]) -> bool:
    updated, created = result.counters.get("UPDATED_OBJECTS", 0), result.counters.get("CREATED_OBJECTS", 0)
    return created == 0 and updated + len(rejected_ids) >= job.file.row_count


def _is_importable(change: ContactChange) -> bool:
    # An empty cell does not clear a value, and a stage must be re-read just before it is moved.
    # A row has all desired values, also those that HubSpot has called invalid.
    return change.new_stage is None and not change.left_out and all(change.values.values())


def _acknowledgment(contact: Contact, change: ContactChange) -> WriteAck:
    return WriteAck(properties={name: contact.properties.get(name) for name in change.properties}, updated_at=contact.updated_at)


def _parse_change(line: bytes) -> ContactChange:
    id_, properties, desired = orjson.loads(line)
    return ContactChange(id=id_, properties={name: (before, after) for name, (before, after) in properties.items()}, desired=desired)
