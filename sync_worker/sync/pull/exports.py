"""Reading in bulk: every record from a file that HubSpot makes, where that is to be trusted.

What an export holds is documented in part only: how it writes dates and numbers is not. So some of its records are read by the API
as well, before any of it is believed, and the file must hold as many as there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from sync_worker.batched import batched
from sync_worker.errors import BadRequest, Forbidden, NotFound, SyncWorkerError
from sync_worker.hubspot.api import exports
from sync_worker.hubspot.api.csv_file import CsvFile, UnusableExport
from sync_worker.hubspot.api.exports import ExportObjectType
from sync_worker.hubspot.api.polling import Poller
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Company, Contact
from sync_worker.hubspot.rest.error_responses import BulkLimitReached

MIN_BULK_SIZE: Final = 500  # records or changes: for fewer, HubSpot's pages and batches take no more calls
SAMPLE_SIZE: Final = 100  # records that are read by the API as well: one call
MAX_SAMPLE_MISMATCH_SHARE: Final = 0.05  # share of them that may differ, since somebody was at work
MAX_MISSING_SHARE: Final = 0.01  # share of what search counts that a file may lack, since search is not exact
BATCH_SIZE: Final = 2_000  # records that are stored at a time

BULK_UNAVAILABLE_ERRORS: Final = (Forbidden, BadRequest, NotFound, BulkLimitReached, UnusableExport)

ExportRecord: TypeAlias = Contact | Company

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """Tells in one sentence that something is done in the usual way after all."""

    notes: list[str]

    def report(self, action: str, error: SyncWorkerError) -> None:
        """Put the sentence into the report and the log."""
        sentence = f"{action} in the usual way, not in bulk: {error.message}"
        self.notes.append(sentence)
        log.warning("bulk.fell_back", what=action, reason=error.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkContext:
    """What it takes to work in bulk; fewer than `least` records or changes are not worth it."""

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
        """Return every contact, some at a time, from a file that is open as long as the stack; None where there is no such file.

        `export` is one that was begun earlier and is waited for; `begun` hears of a new one, so that a run that is stopped can go on.
        """
        sheet = self._open_export(stack, "CONTACT", properties, expected, (export_id, on_start))
        return None if sheet is None else batched(exports.read_contacts(sheet, properties), BATCH_SIZE)

    def read_companies(self, stack: ExitStack, properties: Sequence[str], expected: int) -> Iterator[Sequence[Company]] | None:
        """Return every company as `contacts` does."""
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
        export, begun = previous
        if export is not None:
            try:
                return self._open_verified(stack, kind, properties, expected, export)
            except BULK_UNAVAILABLE_ERRORS as error:
                log.info("export.forgotten", reason=error.message)
        try:
            export = self.context.hubspot.exports.start(kind, properties, name=f"sync-worker {self.run_id}")
            begun(export)
            return self._open_verified(stack, kind, properties, expected, export)
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
        nouns = self.context.hubspot.contacts if kind == "CONTACT" else self.context.hubspot.companies
        shown: dict[int, ExportRecord] = {item.id: item for item in nouns.read(sample, properties).items}
        odd = [_mismatches(record, shown.get(id_), properties) for id_, record in sample.items()]
        if sum(bool(names) for names in odd) > len(sample) * MAX_SAMPLE_MISMATCH_SHARE:
            named = ", ".join(sorted(set().union(*odd))[:3])
            raise UnusableExport(f"The export shows {named} otherwise than the API.", operation="read an export")


def _mismatches(record: ExportRecord, observed: ExportRecord | None, properties: Sequence[str]) -> set[str]:
    if observed is None:
        return {"records that are gone"}
    return {name for name in properties if record.properties[name] != (observed.properties.get(name) or None)}


def _ignore(_: str) -> None:
    return
