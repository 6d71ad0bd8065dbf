"""A form, webinar or list that cannot be read is left out and named; the others are read, and no score falls."""

from __future__ import annotations

import pytest

from sync_worker.errors import (
    BadRequest,
    ConfigurationError,
    ExitCode,
    Forbidden,
    NotFound,
    OversizedReply,
    QuotaExceeded,
    RateLimited,
    SyncWorkerError,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from sync_worker.hubspot.rest.error_responses import MissingScope
from sync_worker.sync.pull.item_errors import ItemErrors
from tests.harness import Harness
from tests.sync.bulk_fakes import set_on_wait

NEWS = "GET /form-integrations/*/news"
NEWS_LABEL = "form “Newsletter” (news)"


@pytest.mark.parametrize("error", [BadRequest("no"), Forbidden("no"), NotFound(), Unavailable("no"), OversizedReply()])
def test_an_error_of_one_item_does_not_stop_the_others(error: SyncWorkerError) -> None:
    errors = ItemErrors("form", {"f": "Demo"})
    errors.record("f", error)
    errors.raise_if_general()
    assert (errors.is_incomplete("f"), errors.is_incomplete("g")) == (True, False)


@pytest.mark.parametrize(
    "error", [MissingScope(("forms",)), Unauthorized(), RateLimited(), Unreachable(), QuotaExceeded(), ConfigurationError()]
)
def test_an_error_of_all_items_stops_the_run(error: SyncWorkerError) -> None:
    with pytest.raises(type(error)):
        ItemErrors("form", {}).record("f", error)


def test_if_none_of_several_items_can_be_read_the_first_error_stops_the_run() -> None:
    errors = ItemErrors("form", {})
    errors.record("f", Forbidden("first"))
    errors.record("g", Forbidden("second"))
    with pytest.raises(Forbidden, match="first"):
        errors.raise_if_general()
    errors.record_page("h", unreadable_rows=0)
    errors.raise_if_general()


def test_the_run_does_not_wait_for_the_retries_of_every_item_while_the_service_is_down() -> None:
    errors = ItemErrors("form", {})
    errors.record("f", Unavailable())
    errors.record("g", Unavailable())
    with pytest.raises(Unavailable):
        errors.record("h", Unavailable())


@pytest.mark.parametrize("status", [400, 403, 410, 500])
def test_a_form_that_cannot_be_read_is_left_out_and_named(harness: Harness, status: int) -> None:
    harness.submit_form("p3@example.com", "news")
    set_on_wait(harness, None)
    harness.inject_fault(NEWS, status=status, body="json")

    report = harness.backfill()

    assert (report.exit_code, harness.score(2), harness.score(3)) == (ExitCode.DONE, 10, 0)
    (named,) = report.as_json()["not_visible"]
    assert named.startswith(f"{NEWS_LABEL}: HubSpot")
    with harness.worker() as worker:
        assert (worker.status().not_visible, worker.check().model.not_visible) == ([named], (named,))

    harness.clear_faults()
    harness.advance(61)
    assert harness.sync().as_json()["not_visible"] == []
    assert harness.score(3) == 10


def test_no_score_falls_because_a_form_can_no_longer_be_read(live_harness: Harness) -> None:
    before = live_harness.score(2)
    live_harness.inject_fault("GET /form-integrations/*/demo", status=403, body="json")
    live_harness.submit_form("p3@example.com", "news")
    live_harness.advance(61)

    report = live_harness.sync()

    assert (report.exit_code, live_harness.score(2), live_harness.score(3)) == (ExitCode.DONE, before, 10)
    assert report.left_out[0].startswith("form “Demo” (demo): ")
    live_harness.advance(1)
    assert live_harness.sync().left_out == report.left_out  # this run did not read the forms at all


@pytest.mark.parametrize(("status", "score"), [(503, 10), (403, 0)])
def test_a_form_that_failed_for_a_moment_is_read_by_the_next_sync(live_harness: Harness, status: int, score: int) -> None:
    live_harness.sync()
    set_on_wait(live_harness, None)
    live_harness.submit_form("p3@example.com", "news")
    live_harness.inject_fault(NEWS, "answer", status=status, body={"status": "error", "message": "no"})
    assert [item.split(":")[0] for item in live_harness.sync().left_out] == [NEWS_LABEL]

    live_harness.clear_faults()
    live_harness.advance()
    live_harness.sync()
    assert live_harness.score(3) == score  # a refusal is not asked about again before the hourly check


def test_blog_comments_are_not_requested(harness: Harness) -> None:
    harness.portal.engagement.forms.by_id["news"] |= {"formType": "blog_comment"}
    harness.inject_fault(NEWS, status=500, body="json")

    report = harness.backfill()

    assert (report.exit_code, report.left_out, report.retries) == (ExitCode.DONE, [], 0)


def test_a_list_that_cannot_be_read_keeps_its_known_members(live_harness: Harness) -> None:
    set_on_wait(live_harness, None)
    mql = live_harness.portal.lists.find_by_name("MQL", "0-1")
    assert mql is not None
    live_harness.inject_fault(f"GET /crm/lists/*/{mql.id}/memberships", status=500, body="json")

    report = live_harness.backfill()

    assert report.exit_code == ExitCode.DONE
    assert [item.split(":")[0] for item in report.left_out] == [f"list “MQL” ({mql.id})"]
    assert live_harness.members("MQL") == [1, 2, 5]
