"""An import is believed only if its counters and errors account for every row; else HubSpot is asked what it shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_worker.hubspot.records.models import BatchReadResult, Contact, Import, ImportRowError
from sync_worker.store.database import Store
from sync_worker.sync.apply.apply import BATCH_SIZE
from sync_worker.sync.apply.contact_batch import ContactBatchResult
from sync_worker.sync.apply.imports import MAX_ERRORS, Importer
from sync_worker.sync.plan.plan import ContactChange
from sync_worker.sync.portal.managed_properties import CrmSchema, canonical_json
from sync_worker.sync.pull.exports import BulkContext, Fallback
from tests.harness import MODEL, parse_cached
from tests.store.database_factories import temporary_store

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SCHEMA = CrmSchema(model=parse_cached(MODEL, "model.yaml"))
VALUES = dict.fromkeys(SCHEMA.property_names, "1")


@dataclass
class FakeBulkHubSpot:
    """HubSpot with one import, which is done at once, and with contacts that show the desired values."""

    counters: dict[str, int]
    errors: Sequence[ImportRowError] = ()

    @property
    def imports(self) -> FakeBulkHubSpot:
        return self

    @property
    def contacts(self) -> FakeBulkHubSpot:
        return self

    def start(self, _: object) -> Import:
        return Import(id="1", state="DONE", created_at=NOW, counters=self.counters)

    def read_errors(self, _: str) -> Iterator[ImportRowError]:
        return iter(self.errors)

    def read(self, ids: Sequence[int], _: object) -> BatchReadResult[Contact]:
        shown = [Contact(id=id_, names=tuple(VALUES), values=tuple(VALUES.values()), updated_at=NOW) for id_ in ids]
        return BatchReadResult(items=tuple(shown), missing=frozenset())


@dataclass
class RecordingApplier:
    """Records the sizes of what is sent by the API, and whether the values of a saved contact were read again."""

    sent: list[int] = field(default_factory=list)
    was_read: dict[int, bool] = field(default_factory=dict)

    def send(self, changes: Iterable[ContactChange]) -> None:
        self.sent.append(len([*changes]))

    def save_undo(self, changes: Sequence[ContactChange]) -> None:
        """The test does not undo."""

    def save_results(self, results: Iterable[tuple[Sequence[ContactChange], ContactBatchResult]]) -> None:
        acknowledged = [acknowledgment for _, each in results for acknowledgment in each.result.acknowledged.items()]
        self.was_read |= {id_: bool(values.properties) for id_, values in acknowledged}


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with temporary_store() as store:
        yield store


def change(number: int, score: str = "1") -> ContactChange:
    return ContactChange(id=number, properties={"lead_score": ("", score)}, desired=canonical_json(VALUES))


def run_import(store: Store, hubspot: FakeBulkHubSpot, changes: Sequence[ContactChange]) -> RecordingApplier:
    applier: Any = RecordingApplier()
    portal: Any = hubspot
    poller: Any = None
    context = BulkContext(hubspot=portal, poller=poller, fallback=Fallback(notes=[]), min_size=1)
    Importer(context=context, store=store, crm_schema=SCHEMA, applier=applier, clock=lambda: NOW).send(changes)
    recording: RecordingApplier = applier
    return recording


def errors(count: int, contact_id: int | None = 1) -> list[ImportRowError]:
    return [ImportRowError(contact_id=contact_id, reason="INVALID_NUMBER")] * count


# Counters, errors, the number of rows, and whether the import accounts for all of them.
CASES: dict[str, tuple[dict[str, int], list[ImportRowError], int, bool]] = {
    "each row is counted": ({"UPDATED_OBJECTS": 3, "ERRORS": 0}, [], 3, True),
    "a rejected row is named": ({"UPDATED_OBJECTS": 2, "ERRORS": 1}, errors(1), 3, True),
    "half of the rows are rejected": ({"UPDATED_OBJECTS": 1, "ERRORS": 1}, errors(1), 2, True),
    "a row is written in part": ({"UPDATED_OBJECTS": 3, "ERRORS": 1}, errors(1), 3, True),
    "as many errors as are read": ({"UPDATED_OBJECTS": 2, "ERRORS": MAX_ERRORS}, errors(MAX_ERRORS), 3, True),
    "a row is missing": ({"UPDATED_OBJECTS": 2, "ERRORS": 0}, [], 3, False),
    "two rows are missing, one is named": ({"UPDATED_OBJECTS": 1, "ERRORS": 1}, errors(1), 3, False),
    "a row of four is missing, one is named": ({"UPDATED_OBJECTS": 2, "ERRORS": 1}, errors(1), 4, False),
    "a contact was created": ({"UPDATED_OBJECTS": 3, "CREATED_OBJECTS": 1, "ERRORS": 0}, [], 3, False),
    "more errors than are read": ({"UPDATED_OBJECTS": 3, "ERRORS": MAX_ERRORS + 1}, errors(MAX_ERRORS + 1), 3, False),
    "an error names no contact": ({"UPDATED_OBJECTS": 3, "ERRORS": 1}, errors(1, None), 3, False),
    "no counter is known": ({}, [], 3, False),
}


@pytest.mark.parametrize("case", CASES)
def test_contacts_are_read_again_unless_counters_and_errors_account_for_every_row(store: Store, case: str) -> None:
    counters, refused, rows, is_believed = CASES[case]
    applier = run_import(store, FakeBulkHubSpot(counters, refused), [change(number) for number in range(1, rows + 1)])
    rejected = {error.contact_id for error in refused}
    assert applier.was_read == {number: not is_believed or number in rejected for number in range(1, rows + 1)}


def test_changes_that_no_import_can_carry_are_sent_in_full_batches(store: Store) -> None:
    cleared = [change(number, score="") for number in range(1, 2 * BATCH_SIZE + 51)]
    imported = [change(number) for number in range(1_001, 1_004)]
    hubspot = FakeBulkHubSpot({"UPDATED_OBJECTS": 3, "ERRORS": 0})
    applier = run_import(store, hubspot, [*imported, *cleared])
    assert applier.sent == [BATCH_SIZE, BATCH_SIZE, 50]
