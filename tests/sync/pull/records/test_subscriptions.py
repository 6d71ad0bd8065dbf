"""Email subscriptions: read in batches, for contacts that changed, and only if the model uses them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sync_worker.errors import Forbidden
from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sync.run_report import RunReport
from tests.harness import DAY, MODEL, NOW_MS, Harness, make_contact, small_portal, start_harness
from tests.sync.bulk_fakes import CONTACTS, bulk_harness, make_bulk_portal

SUBSCRIPTION_MODEL = MODEL.replace(
    "    forms:",
    "    news: {label: subscribed to the newsletter, when: {subscribed_to: newsletter}, points: 4}\n"
    "    left: {label: unsubscribed from events, when: {unsubscribed_from: [Events, Newsletter]}, points: -2}\n    forms:",
).replace("disqualifiers: {", "disqualifiers: {no_jobs: {when: {unsubscribed_from: Jobs}}, ")
TYPES, STATUSES = "GET /communication-preferences/2026-09/definitions", "POST /communication-preferences/2026-09/statuses/batch/read"


def make_status(number: int, subscription: str = "Newsletter", status: str = "SUBSCRIBED", at: int = NOW_MS - DAY) -> Row:
    return {"email": f"P{number}@Example.com", "subscription": subscription, "status": status, "timestamp": format_iso(at)}


ROWS = [make_status(3), make_status(2, "Events", "UNSUBSCRIBED"), make_status(6, "Jobs", "UNSUBSCRIBED")]


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """Return the small portal, in which contact 3 is subscribed, and contacts 2 and 6 are unsubscribed."""
    with start_harness(tmp_path, small_portal(subscriptions=ROWS), model=SUBSCRIPTION_MODEL) as harness:
        yield harness


def status_requests(report: RunReport) -> int:
    """Return the number of requests for statuses in a run, without the hourly check of access."""
    return report.requests.get(STATUSES, 0) - (1 if "GET /account-info/2026-09/details" in report.requests else 0)


def test_statuses_give_points_and_are_in_the_reasons(harness: Harness) -> None:
    report = harness.backfill()
    assert (harness.score(3), harness.score(2)) == (4, 8)
    assert "+4 subscribed to the newsletter" in harness.contact(3)["lead_score_reasons"]
    assert "−2 unsubscribed from events" in harness.contact(2)["lead_score_reasons"]
    assert (report.not_visible, report.pulled["subscriptions"]) == ((), 6)


def test_a_model_without_subscriptions_reads_none(tmp_path: Path) -> None:
    with start_harness(tmp_path, small_portal(subscriptions=ROWS)) as harness:
        report = harness.backfill()
    assert (report.requests.get(TYPES), report.requests.get(STATUSES)) == (None, None)


def test_only_contacts_that_changed_are_read_again(harness: Harness) -> None:
    assert status_requests(harness.backfill()) == 1
    harness.advance(30)
    assert status_requests(harness.sync()) == 0
    harness.subscribe(1, "Newsletter")
    harness.subscribe(3, "Newsletter", "UNSUBSCRIBED")
    before = harness.score(1)
    report = harness.sync()
    assert (status_requests(report), report.pulled["subscriptions"]) == (1, 2)
    assert (harness.score(1), harness.score(3)) == (before + 4, -2)


def test_statuses_are_read_a_hundred_at_a_time(tmp_path: Path) -> None:
    data = small_portal(contacts=[make_contact(number) for number in range(1, 251)], subscriptions=[make_status(201)])
    with start_harness(tmp_path, data, model=SUBSCRIPTION_MODEL) as harness:
        report = harness.backfill()
        assert (status_requests(report), report.pulled["subscriptions"]) == (3, 250)
        assert harness.score(201) == 4


def test_a_new_address_has_its_own_subscriptions(harness: Harness) -> None:
    harness.backfill()
    harness.edit_contact(3, email="new@example.com")
    harness.sync()
    assert harness.score(3) == 0


def test_a_contact_without_an_address_has_no_subscriptions(tmp_path: Path) -> None:
    data = small_portal(contacts=[make_contact(1, email=""), make_contact(2, email="not an address"), make_contact(3)], subscriptions=ROWS)
    with start_harness(tmp_path, data, model=SUBSCRIPTION_MODEL) as harness:
        harness.backfill()
        assert [harness.score(number) for number in (1, 2, 3)] == [10, 0, 4]


@pytest.mark.parametrize("endpoint", [TYPES, STATUSES])
def test_criteria_are_not_visible_if_the_plan_hides_subscriptions(harness: Harness, endpoint: str) -> None:
    harness.deny(endpoint)
    report = harness.backfill()
    assert report.not_visible == ("news", "left", "no_jobs")
    assert harness.score(3) == 0
    assert "not visible in this portal: subscribed to the newsletter, unsubscribed from events" in harness.contact(3)["lead_score_reasons"]


def test_lost_access_stops_the_run_instead_of_lowering_scores(harness: Harness) -> None:
    harness.backfill()
    harness.deny(STATUSES)
    harness.advance(90)
    with pytest.raises(Forbidden, match="no longer shows the email subscriptions"):
        harness.sync()
    assert harness.score(3) == 4
    harness.setup()  # accepts the downgrade
    assert harness.sync().not_visible == ("news", "left", "no_jobs")


def test_access_that_comes_later_reads_all_contacts(harness: Harness) -> None:
    harness.deny(TYPES)
    harness.backfill()
    harness.clear_faults()
    harness.advance(90)
    harness.sync()
    assert harness.score(3) == 4


def test_a_model_that_begins_to_use_subscriptions_reads_all_contacts(tmp_path: Path) -> None:
    with start_harness(tmp_path, small_portal(subscriptions=ROWS)) as harness:
        harness.backfill()
        harness.use_model(SUBSCRIPTION_MODEL)
        report = harness.sync()
        assert (harness.score(3), report.pulled["subscriptions"]) == (4, 6)


def test_an_export_is_completed_with_subscriptions(tmp_path: Path) -> None:
    portal = make_bulk_portal()
    email = next(row["properties"]["email"] for row in portal.contacts if row["properties"].get("email"))
    data = replace(portal, subscriptions=[{**make_status(1), "email": email}])
    with bulk_harness(tmp_path, data, model=SUBSCRIPTION_MODEL) as harness:
        report = harness.backfill(bulk=True)
        subscribed = [row for row in harness.portal.list_records("contacts", limit=CONTACTS) if "newsletter" in row["lead_score_reasons"]]
    assert [row["email"] for row in subscribed] == [email]
    assert report.pulled["subscriptions"] == CONTACTS


def test_check_names_the_scope_and_reports_what_is_not_visible(tmp_path: Path) -> None:
    objects = {f"crm.{name}.{right}" for name in ("objects.contacts", "schemas.contacts", "lists") for right in ("read", "write")}
    granted = objects | {"crm.objects.companies.read", "forms", "content"}
    options: dict[str, Any] = {"scopes": frozenset(granted)}
    with (
        start_harness(tmp_path, small_portal(subscriptions=ROWS), model=SUBSCRIPTION_MODEL, **options) as harness,
        harness.worker() as worker,
    ):
        found = worker.check()
    assert found.subscriptions is not None
    assert "communication_preferences" in found.subscriptions.reason
    assert found.model.not_visible == ("news", "left", "no_jobs")
    assert found.exit_code == 0


def test_check_finds_a_type_that_the_portal_lacks(harness: Harness) -> None:
    harness.use_model(SUBSCRIPTION_MODEL.replace("Jobs", "Job alerts"))
    with harness.worker() as worker:
        (message,) = worker.check().model.errors
    assert "the portal has no subscription type 'Job alerts'" in message
