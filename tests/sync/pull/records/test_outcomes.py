"""Deals, lifecycle stages and earlier values of properties are read when a command needs them, and only what changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sync_worker.cli.portal_folder import read_history
from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.insight.as_of import as_of
from sync_worker.insight.outcomes import find_outcomes, outcomes_after
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.insight.state_history import raise_if_unread
from sync_worker.sandbox import folder
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.timestamps import from_ms
from tests.harness import DAY, MQL, NOW, NOW_MS, Harness, make_contact, small_portal, start_harness
from tests.model.factories import make_model, score_section

MADE, WON = NOW_MS - 120 * DAY, NOW_MS - 110 * DAY
CREATED = "2026-01-02T03:04:05Z"
MQL_DATE = {"hs_lifecyclestage_marketingqualifiedlead_date": format_iso(NOW_MS - 130 * DAY)}  # older than the horizon of outcomes


def make_deal(number: int, contact: int, **properties: str) -> dict[str, Any]:
    values = {"createdate": format_iso(MADE), "pipeline": "default", "amount": "500", **properties}
    return {"id": str(number), "properties": values, "contactIds": [str(contact)]}


WON_DEAL = make_deal(9, 1, dealstage="closedwon", closedate=format_iso(WON))
OPEN_DEAL = make_deal(10, 2, dealstage="qualifiedtobuy", closedate=format_iso(NOW_MS + DAY))
CONTACTS = [
    make_contact(1, associatedcompanyid="7", lifecyclestage="customer", jobtitle="CTO", **MQL_DATE),
    make_contact(2, lifecyclestage=MQL, **MQL_DATE),
    make_contact(3),
]
COMPANY = {"id": "7", "properties": {"numberofemployees": "500"}, "createdAt": CREATED, "updatedAt": CREATED}
PORTAL = small_portal(contacts=CONTACTS, companies=[COMPANY], deals=[WON_DEAL, OPEN_DEAL])


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """Return a portal with two MQLs and their deals after a backfill and one read of outcomes."""
    with start_harness(tmp_path_factory.mktemp("outcomes"), PORTAL) as harness:
        harness.backfill()
        with harness.worker() as worker:
            worker.outcomes()
        yield harness


def load_history(harness: Harness) -> PortalHistory:
    with harness.worker() as worker:
        return worker.load_history([worker.model])


def test_mqls_are_followed_to_opportunity_and_customer(portal: Harness) -> None:
    with portal.worker() as worker:
        report = worker.outcomes(offline=True)
    assert (report.all_mqls.opportunities.count, report.all_mqls.customers.count) == (2, 1)
    assert report.revenue == 500
    assert report.days == (10, 10, 10)


def test_a_second_read_requests_only_what_changed(portal: Harness) -> None:
    with portal.worker() as worker:
        worker.outcomes()
        requests = worker.hubspot.metrics.snapshot().requests
    assert not [name for name in requests if name.startswith("GET /crm/objects") and "deals" in name]
    assert not [name for name in requests if name.endswith("companies/batch/read")]


def test_the_state_and_a_folder_with_the_same_records_know_the_same(portal: Harness, tmp_path: Path) -> None:
    folder.write(PORTAL, tmp_path / "portal")
    with portal.worker() as worker:
        stored, read = worker.read_history([worker.model]), read_history(tmp_path / "portal", [worker.model])
    # Without a history of its own, the sandbox shows the stage of a deal from its creation on; the folder has the close date.
    same = ["contact_id", "opportunity_at"]
    assert find_outcomes(stored).select(same).equals(find_outcomes(read).select(same))
    for days in (1, 115, 400):
        facts, others = (as_of(each, NOW - timedelta(days=days)).build_facts() for each in (stored, read))
        names = sorted(facts.contacts.columns)
        assert facts.contacts.select(names).equals(others.contacts.select(names))
        stored_events, read_events = (each.events.select("contact_id", "kind", "at").sort(pl.all()) for each in (facts, others))
        assert stored_events.equals(read_events)


def test_without_the_scope_of_deals_lifecycle_stages_decide(tmp_path: Path) -> None:
    with start_harness(tmp_path, PORTAL) as harness:
        harness.backfill()
        harness.deny("GET /crm/objects/*/deals")
        with harness.worker() as worker:
            report = worker.outcomes()
            access = worker.check().outcomes
    assert (report.all_mqls.opportunities.count, report.all_mqls.opportunities.total) == (0, 2)
    assert "Deals cannot be read" in report.notes[0]
    assert not access.granted


def test_contacts_that_were_merged_later_are_separate_before(portal: Harness) -> None:
    before = from_ms(portal.now_ms())
    portal.advance()
    survivor = portal.merge_contacts(2, 3)
    portal.advance()
    portal.sync()
    history = load_history(portal)
    ids = {each: set(as_of(history, at).contacts["contact_id"]) for each, at in (("before", before), ("now", history.now))}
    assert ids == {"before": {1, 2, 3}, "now": {1, survivor}}


def test_the_creation_of_every_contact_is_read_and_the_past_is_refused_before(tmp_path: Path) -> None:
    with start_harness(tmp_path, PORTAL) as harness:
        harness.backfill()
        with harness.worker() as worker:
            with pytest.raises(ConfigurationError, match="has not been read") as refused:
                worker.load_past([worker.model])
            worker.outcomes()
            read = worker.load_past([worker.model])
            other = make_model(score_section({"sold": {"when": {"industry": {"is": "x"}}, "points": 5}}))
            with pytest.raises(ConfigurationError, match="no run has read what this model uses: industry"):
                worker.load_past([other])
            assert worker.load_past([worker.model], other).contacts["industry"].null_count() == read.contacts.height
        assert refused.value.exit_code == ExitCode.USAGE
        assert "sync-worker outcomes" in str(refused.value.hint)
        assert not read.contacts["created_at"].has_nulls()
        end = read.outcomes_end
        harness.advance(60)
        later = load_history(harness)
        assert (later.outcomes_end, later.now - later.outcomes_end > timedelta(minutes=50)) == (end, True)
        with pytest.raises(ConfigurationError, match="not over: the outcomes are known up to"):
            outcomes_after(later, later.now - timedelta(days=1), timedelta(days=1))
        with pytest.raises(ConfigurationError, match="creation of 1 of 3"):
            raise_if_unread(replace(later, contacts=without_creation(later.contacts, 2)))


def test_contacts_of_unknown_creation_are_not_in_the_past(portal: Harness) -> None:
    history = load_history(portal)
    undated = replace(history, contacts=without_creation(history.contacts, 1))
    before = history.now - timedelta(minutes=1)
    assert 1 not in as_of(undated, before).contacts["contact_id"]
    assert 1 in as_of(undated, before, keep_undated=True).contacts["contact_id"]
    assert 1 in as_of(undated, history.now).contacts["contact_id"]


def without_creation(contacts: pl.DataFrame, contact_id: int) -> pl.DataFrame:
    return contacts.with_columns(created_at=pl.when(pl.col("contact_id") != contact_id).then("created_at"))
