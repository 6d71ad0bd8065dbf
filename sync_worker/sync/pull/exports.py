"""Bulk reads from HubSpot's exports, with a check against the API.

The format of an export is only partly documented: that of dates and numbers is not. So a sample of its records is read by the API as
well, and the file must hold all records, before any of it is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from sync_worker.batched import batched
from sync_worker.errors import BadRequest, Forbidden, NotFound, SyncWorkerError
from sync_worker.hubspot.api.bulk import exports
from sync_worker.hubspot.api.bulk.csv_file import CsvFile, UnusableExport
from sync_worker.hubspot.api.bulk.exports import ExportObjectType
from sync_worker.hubspot.api.bulk.polling import Poller
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Company, Contact
from sync_worker.hubspot.rest.error_responses import BulkLimitReached

MIN_BULK_SIZE: Final = 500  # records or changes; for fewer, pages and batches need no more calls
SAMPLE_SIZE: Final = 100  # records that are also read by the API, in one call
MAX_SAMPLE_MISMATCH_SHARE: Final = 0.05  # share of the sample that may differ, because users change records meanwhile
MAX_MISSING_SHARE: Final = 0.01  # share of the records counted by search that the file may lack, because search is not exact
BATCH_SIZE: Final = 2_000  # records that are saved in one transaction

BULK_UNAVAILABLE_ERRORS: Final = (Forbidden, BadRequest, NotFound, BulkLimitReached, UnusableExport)

ExportRecord: TypeAlias = Contact | Company

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """Reports in one sentence that an action falls back from bulk to the usual way."""

    notes: list[str]

    def report(self, action: str, error: SyncWorkerError) -> None:
        """Add the sentence to the report and the log."""
        sentence = f"{action} in the usual way, not in bulk: {error.message}"
        self.notes.append(sentence)
        log.warning("bulk.fell_back", what=action, reason=error.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkContext:
    """The parts that bulk reads and writes share; fewer than `min_size` records or changes are not worth it."""

    hubspot: HubSpot
    poller: Poller
    fallback: Fallback
    min_size: int = MIN_BULK_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReader:
    """The exports of one run."""

    context: BulkContext
    run_id: str

    def read_contacts(
        self, stack: ExitStack, properties: Sequence[str], expected: int, *, export_id: str | None, on_start: Callable[[str], None]
    ) -> Iterator[Sequence[Contact]] | None:
        """Return batches of all contacts from a file that the stack closes, or None if there is no usable export.

        `export_id` is an export that an earlier run started. `on_start` gets the id of a new one, so that an interrupted run can resume.
        """
        sheet = self._open_export(stack, "CONTACT", properties, expected, (export_id, on_start))
        return None if sheet is None else batched(exports.read_contacts(sheet, properties), BATCH_SIZE)

    def read_companies(self, stack: ExitStack, properties: Sequence[str], expected: int) -> Iterator[Sequence[Company]] | None:
        """Return batches of all companies as `read_contacts` does."""
        sheet = self._open_export(stack, "COMPANY", properties, expected, (None, _ignore))
        return None if sheet is None else batched(exports.read_companies(sheet, properties), BATCH_SIZE)

    def _open_export(
        self,
        stack: ExitStack,
        kind: ExportObjectType,
        properties: Sequence[str],
        expected: int,
        previous: tuple[str | None, Callable[[str], None]],
    ) -> CsvFile | None:
        if expected < self.context.min_size:
            return None
        export_id, on_start = previous
        if export_id is not None:
            try:
                return self._open_verified(stack, kind, properties, expected, export_id)
            except BULK_UNAVAILABLE_ERRORS as error:
                log.info("export.forgotten", reason=error.message)
        try:
            export_id = self.context.hubspot.exports.start(kind, properties, name=f"sync-worker {self.run_id}")
            on_start(export_id)
            return self._open_verified(stack, kind, properties, expected, export_id)
        except BULK_UNAVAILABLE_ERRORS as error:
            self.context.fallback.report("Contacts are read" if kind == "CONTACT" else "Companies are read", error)
            return None

    def _open_verified(self, stack: ExitStack, kind: ExportObjectType, properties: Sequence[str], expected: int, export_id: str) -> CsvFile:
        sheet = stack.enter_context(self.context.hubspot.exports.open_when_ready(export_id, self.context.poller))
        records: Iterator[ExportRecord] = (exports.read_contacts if kind == "CONTACT" else exports.read_companies)(sheet, properties)
        sample, rows = dict[int, ExportRecord](), 0
        for rows, record in enumerate(records, start=1):
            if len(sample) < SAMPLE_SIZE and rows * SAMPLE_SIZE >= (len(sample) + 1) * expected:
                sample[record.id] = record
            if rows % BATCH_SIZE == 0:
                self.context.poller.heartbeat()
        if rows < expected * (1 - MAX_MISSING_SHARE):
            raise UnusableExport(f"The export holds {rows:,} of {expected:,}.", operation="read an export")
        self._verify_sample(kind, sample, properties)
        return sheet

    def _verify_sample(self, kind: ExportObjectType, sample: dict[int, ExportRecord], properties: Sequence[str]) -> None:
        api = self.context.hubspot.contacts if kind == "CONTACT" else self.context.hubspot.companies
        shown: dict[int, ExportRecord] = {item.id: item for item in api.read(sample, properties).items}
        mismatches = [_mismatches(record, shown.get(id_), properties) for id_, record in sample.items()]
        if sum(bool(names) for names in mismatches) > len(sample) * MAX_SAMPLE_MISMATCH_SHARE:
            named = ", ".join(sorted(set().union(*mismatches))[:3])
            raise UnusableExport(f"The export shows other values of {named} than the API.", operation="read an export")


def _mismatches(record: ExportRecord, observed: ExportRecord | None, properties: Sequence[str]) -> set[str]:
    if observed is None:
        return {"deleted records"}
    return {name for name in properties if record.properties[name] != (observed.properties.get(name) or None)}


def _ignore(_: str) -> None:
    return
