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

from sync_worker.batched import batches
from sync_worker.errors import BadRequest, Forbidden, NotFound, SyncWorkerError
from sync_worker.hubspot.api import exports
from sync_worker.hubspot.api.csv_file import CsvFile, UnusableExport
from sync_worker.hubspot.api.exports import ExportObjectType
from sync_worker.hubspot.api.polling import Poller
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Company, Contact
from sync_worker.hubspot.rest.error_responses import BulkLimitReached

LEAST: Final = 500  # records or changes: for fewer, HubSpot's pages and batches take no more calls
SAMPLE: Final = 100  # records that are read by the API as well: one call
CHANGED_MEANWHILE: Final = 0.05  # share of them that may differ, since somebody was at work
MISSING: Final = 0.01  # share of what search counts that a file may lack, since search is not exact
TOGETHER: Final = 2_000  # records that are stored at a time

NOT_IN_BULK: Final = (Forbidden, BadRequest, NotFound, BulkLimitReached, UnusableExport)

Record: TypeAlias = Contact | Company

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """Tells in one sentence that something is done in the usual way after all."""

    notes: list[str]

    def tell(self, what: str, error: SyncWorkerError) -> None:
        """Put the sentence into the report and the log."""
        sentence = f"{what} in the usual way, not in bulk: {error.message}"
        self.notes.append(sentence)
        log.warning("bulk.fell_back", what=what, reason=error.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What it takes to work in bulk; fewer than `least` records or changes are not worth it."""

    hubspot: HubSpot
    waiting: Poller
    fallback: Fallback
    least: int = LEAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The exports of one run."""

    means: Means
    run: str

    def contacts(
        self, stack: ExitStack, properties: Sequence[str], expected: int, *, export: str | None, begun: Callable[[str], None]
    ) -> Iterator[Sequence[Contact]] | None:
        """Return every contact, some at a time, from a file that is open as long as the stack; None where there is no such file.

        `export` is one that was begun earlier and is waited for; `begun` hears of a new one, so that a run that is stopped can go on.
        """
        sheet = self._sheet(stack, "CONTACT", properties, expected, (export, begun))
        return None if sheet is None else batches(exports.read_contacts(sheet, properties), TOGETHER)

    def companies(self, stack: ExitStack, properties: Sequence[str], expected: int) -> Iterator[Sequence[Company]] | None:
        """Return every company as `contacts` does."""
        sheet = self._sheet(stack, "COMPANY", properties, expected, (None, _nobody))
        return None if sheet is None else batches(exports.read_companies(sheet, properties), TOGETHER)

    def _sheet(
        self,
        stack: ExitStack,
        kind: ExportObjectType,
        properties: Sequence[str],
        expected: int,
        known: tuple[str | None, Callable[[str], None]],
    ) -> CsvFile | None:
        if expected < self.means.least:
            return None
        export, begun = known
        if export is not None:
            try:
                return self._trusted(stack, kind, properties, expected, export)
            except NOT_IN_BULK as error:
                log.info("export.forgotten", reason=error.message)
        try:
            export = self.means.hubspot.exports.start(kind, properties, name=f"sync-worker {self.run}")
            begun(export)
            return self._trusted(stack, kind, properties, expected, export)
        except NOT_IN_BULK as error:
            self.means.fallback.tell("Contacts are read" if kind == "CONTACT" else "Companies are read", error)
            return None

    def _trusted(self, stack: ExitStack, kind: ExportObjectType, properties: Sequence[str], expected: int, export: str) -> CsvFile:
        sheet = stack.enter_context(self.means.hubspot.exports.open_when_ready(export, self.means.waiting))
        records: Iterator[Record] = (exports.read_contacts if kind == "CONTACT" else exports.read_companies)(sheet, properties)
        sample, rows = dict[int, Record](), 0
        for rows, record in enumerate(records, start=1):
            if len(sample) < SAMPLE and rows * SAMPLE >= (len(sample) + 1) * expected:
                sample[record.id] = record
            if rows % TOGETHER == 0:
                self.means.waiting.heartbeat()
        if rows < expected * (1 - MISSING):
            raise UnusableExport(f"The export holds {rows:,} of {expected:,}.", operation="read an export")
        self._compare(kind, sample, properties)
        return sheet

    def _compare(self, kind: ExportObjectType, sample: dict[int, Record], properties: Sequence[str]) -> None:
        nouns = self.means.hubspot.contacts if kind == "CONTACT" else self.means.hubspot.companies
        shown: dict[int, Record] = {item.id: item for item in nouns.read(sample, properties).items}
        odd = [_differing(record, shown.get(id_), properties) for id_, record in sample.items()]
        if sum(bool(names) for names in odd) > len(sample) * CHANGED_MEANWHILE:
            named = ", ".join(sorted(set().union(*odd))[:3])
            raise UnusableExport(f"The export shows {named} otherwise than the API.", operation="read an export")


def _differing(record: Record, shown: Record | None, properties: Sequence[str]) -> set[str]:
    if shown is None:
        return {"records that are gone"}
    return {name for name in properties if record.properties[name] != (shown.properties.get(name) or None)}


def _nobody(_: str) -> None:
    return
