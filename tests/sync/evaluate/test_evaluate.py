from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from sync_worker.hubspot.rest.clock import ConnectionClosed
from sync_worker.progress import Progress
from sync_worker.store import verdicts
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts, events
from sync_worker.store.facts.contacts import CompanyRow
from sync_worker.store.writes import memberships
from sync_worker.sync.evaluate.evaluate import Evaluator
from tests.harness import MODEL, NOW, NOW_MS
from tests.store.database_factories import temporary_store
from tests.store.row_factories import canonical_json, make_event_row, save_contacts
from tests.sync.model_factories import make_crm_schema

HOUR = timedelta(hours=1)


@pytest.fixture
def store() -> Iterator[Store]:
    """Nine contacts; every third has a large company, every second viewed five pages and clicked twice."""
    with temporary_store() as store:
        with store.transaction() as tx:
            contacts.save_companies(tx, [CompanyRow(7, 1, canonical_json(numberofemployees="500"))])
            for number in range(1, 10):
                save_contacts(tx, number, company_id=7 if number % 3 == 0 else None)
            views = [
                make_event_row(f"{n}-{c}", kind="page_view", contact_id=c, at=NOW_MS - n) for c in range(2, 10, 2) for n in range(1, 6)
            ]
            clicks = [
                make_event_row(f"{n}-{c}", email=f"p{c}@example.com", at=NOW_MS - n, url=f"u{n}")
                for c in range(2, 10, 2)
                for n in range(1, 3)
            ]
            events.save(tx, [*views, *clicks])
        yield store


def make_evaluator(model: str = MODEL, now: datetime = NOW, *, prefix: str = "lead") -> Evaluator:
    outputs = make_crm_schema(model, prefix)
    return Evaluator(model=outputs.model, crm_schema=outputs, hidden_kinds=frozenset(), now=now, valid_since=NOW - HOUR)


def verdict_rows(store: Store) -> list[Any]:
    with store.transaction() as tx:
        return [tuple(row) for row in tx.execute(select(verdicts.verdicts).order_by(verdicts.verdicts.c.contact_id))]


@pytest.mark.parametrize("chunk", [1, 2, 4, 9, 100])
def test_the_chunk_size_does_not_change_the_verdicts(store: Store, chunk: int) -> None:
    assert make_evaluator().evaluate_due(store, Progress(), chunk_size=chunk) == 9
    with store.transaction() as tx:
        assert {row.contact_id: (row.score, row.band, row.mql) for row in tx.execute(select(verdicts.verdicts))} == {
            number: (20, "hot", number == 6) if number % 2 == 0 else (0, "cold", False) for number in range(1, 10)
        }


def test_a_stop_request_ends_between_two_chunks_and_keeps_the_verdicts(store: Store) -> None:
    stops = iter([None, None, ConnectionClosed()])

    def raise_if_stopped() -> None:
        if (stop := next(stops)) is not None:
            raise stop

    with pytest.raises(ConnectionClosed):
        replace(make_evaluator(), raise_if_stopped=raise_if_stopped).evaluate_due(store, Progress(), chunk_size=4)
    assert len(verdict_rows(store)) == 8
    assert make_evaluator().evaluate_due(store, Progress()) == 1


def test_an_evaluated_contact_is_not_evaluated_again_until_something_changes(store: Store) -> None:
    make_evaluator().evaluate_due(store, Progress())
    assert make_evaluator(now=NOW + HOUR).evaluate_due(store, Progress()) == 0
    with store.transaction() as tx:
        events.save(tx, [make_event_row("new", kind="page_view", contact_id=1)])
    assert make_evaluator(now=NOW + HOUR).evaluate_due(store, Progress()) == 1


@pytest.mark.parametrize("changes", [{"model": MODEL.replace("points: 10}", "points: 11}")}, {"prefix": "fit"}], ids=["model", "prefix"])
def test_another_model_or_prefix_evaluates_all_contacts_again(store: Store, changes: dict[str, str]) -> None:
    make_evaluator().evaluate_due(store, Progress())
    assert make_evaluator(**changes).evaluate_due(store, Progress()) == 9


def test_an_admitted_mql_by_score_stays_one_until_the_score_falls_below_the_exit_threshold(store: Store) -> None:
    make_evaluator().evaluate_due(store, Progress())
    with store.transaction() as tx:
        memberships.save_changes(tx, "by_score", added=[6], removed=[])
    lower = MODEL.replace("each: 2, at_most: 10", "each: 2, at_most: 6")  # 16 points: below the threshold for a new MQL
    assert make_evaluator(lower).evaluate_due(store, Progress()) == 9
    with store.transaction() as tx:
        assert list(tx.execute(select(verdicts.verdicts.c.contact_id).where(verdicts.verdicts.c.mql)).scalars()) == [6]
    minimal_model = MODEL.replace("each: 2, at_most: 10", "each: 2, at_most: 4")
    make_evaluator(minimal_model).evaluate_due(store, Progress())
    with store.transaction() as tx:
        assert tx.execute(select(verdicts.verdicts.c.contact_id).where(verdicts.verdicts.c.mql)).all() == []


def test_a_stop_between_two_chunks_keeps_the_chunks_before(store: Store) -> None:
    class StopAfterFirstChunk(Progress):
        remaining = 2

        def advance(self, what: str, number: int) -> None:  # noqa: ARG002 -- as the pipeline calls it
            self.remaining -= 1
            if self.remaining == 0:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_evaluator().evaluate_due(store, StopAfterFirstChunk(), chunk_size=2)
    assert [row[0] for row in verdict_rows(store)] == [1, 2, 3, 4]
    assert make_evaluator().evaluate_due(store, Progress()) == 5


def test_a_verdict_has_the_instant_of_its_evaluation(store: Store) -> None:
    make_evaluator(now=datetime(2026, 11, 20, 12, 0, 0, 999, tzinfo=UTC)).evaluate_due(store, Progress())
    with store.transaction() as tx:
        assert set(tx.execute(select(verdicts.verdicts.c.evaluated_at)).scalars()) == {NOW_MS}
