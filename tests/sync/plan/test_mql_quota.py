from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select

from sync_worker.model.compiled.loader import loads
from sync_worker.store import database, verdicts
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts
from sync_worker.store.facts.contacts import ContactRow
from sync_worker.store.schema import verdicts as table
from sync_worker.store.verdicts import VerdictKey
from sync_worker.sync.plan.mql_quota import MqlQuota
from sync_worker.sync.portal.managed_properties import CrmSchema
from tests.store.row_factories import make_verdict_row

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
MODEL = """\
version: 1
name: two a day
score:
  criteria: {clicks: {event: email_click, each: 1, at_most: 50}}
  bands: [{name: cold, from: 0}]
qualification: {threshold: 10, new_per_day: 2}
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return database.open_store(f"sqlite:///{tmp_path / 'state.db'}")


def save_verdicts(store: Store, scores: dict[int, int]) -> None:
    """Replace the verdicts of contacts by verdicts with these scores."""
    key = VerdictKey(model="m", since=0)
    with store.transaction() as tx:
        rows = [ContactRow(id=id_, email=None, company_id=None, updated_at=1, facts="{}", observed="{}", stage=None) for id_ in scores]
        contacts.save(tx, rows)
        revisions = verdicts.select_due(tx, VerdictKey(model="", since=0), after=0, limit=100)
        desired = orjson.dumps({"lead_mql_reason": "by_score", "lead_score": "1"}).decode()
        fields = {"band": "cold", "grade": "B", "by_score": True, "direct": False, "desired": desired}
        found = [make_verdict_row(id_, score=score, mql=score >= 10, **fields) for id_, score in scores.items()]
        verdicts.save(tx, found, revisions=revisions, key=key, at=1)


def admit(store: Store, *, days: int = 0, per_day: int = 2) -> int:
    model = loads(MODEL.replace("new_per_day: 2", f"new_per_day: {per_day}"), "test")
    now = NOW + timedelta(days=days)
    return MqlQuota(crm_schema=CrmSchema(model=model), now=now, day_start=now.replace(hour=2)).admit(store)


def mql_ids(store: Store) -> list[int]:
    with store.transaction() as tx:
        return [id_ for (id_,) in tx.execute(select(table.c.contact_id).where(table.c.mql).order_by(table.c.contact_id))]


def test_the_best_are_admitted_and_the_others_wait_for_the_next_day(store: Store) -> None:
    scores = {1: 12, 2: 30, 3: 20, 4: 11, 5: 3}
    save_verdicts(store, scores)
    assert admit(store) == 2
    assert mql_ids(store) == [2, 3]
    save_verdicts(store, scores)
    assert admit(store, days=1) == 0
    assert mql_ids(store) == [1, 2, 3, 4]


def test_a_waiting_contact_shows_no_mql_reason(store: Store) -> None:
    save_verdicts(store, {1: 12, 2: 30, 3: 20})
    admit(store)
    with store.transaction() as tx:
        desired = orjson.loads(tx.execute(select(table.c.desired).where(table.c.contact_id == 1)).scalar_one())
    assert (desired["lead_mql_reason"], desired["lead_score"]) == ("", "1")
    assert desired["lead_mql_blockers"] == "qualifies and waits: at most 2 new MQLs a day"


def test_a_second_run_of_the_day_admits_no_other_contact(store: Store) -> None:
    scores = {1: 12, 2: 30, 3: 20}
    save_verdicts(store, scores)
    admit(store)
    save_verdicts(store, {**scores, 4: 50})
    assert admit(store) == 2
    assert mql_ids(store) == [2, 3]


def test_an_admitted_contact_that_left_counts_as_new_on_return(store: Store) -> None:
    save_verdicts(store, {1: 12, 2: 30})
    admit(store)
    save_verdicts(store, {1: 3, 2: 30})
    admit(store, days=1)
    save_verdicts(store, {1: 12, 2: 30, 3: 40, 4: 41})
    assert admit(store, days=2) == 1
    assert mql_ids(store) == [2, 3, 4]


def test_a_dry_run_saves_no_admission(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    dry_run_store = database.open_store(url)
    dry_run_store.begin_dry_run()
    save_verdicts(dry_run_store, {1: 12, 2: 30, 3: 20})
    admit(dry_run_store)
    dry_run_store.close()
    store = database.open_store(url)
    save_verdicts(store, {1: 12, 2: 9, 3: 9})
    assert admit(store) == 0
    assert mql_ids(store) == [1]


def test_without_a_limit_no_contact_waits(store: Store) -> None:
    save_verdicts(store, {1: 12, 2: 30, 3: 20})
    model = loads(MODEL.replace(", new_per_day: 2", ""), "test")
    assert MqlQuota(crm_schema=CrmSchema(model=model), now=NOW, day_start=NOW).admit(store) == 0
    assert mql_ids(store) == [1, 2, 3]
