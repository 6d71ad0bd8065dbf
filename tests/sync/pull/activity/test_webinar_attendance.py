"""Webinar attendance: read only if the model uses it, and only when it may have changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_worker.errors import Forbidden
from sync_worker.sync.run_report import RunReport
from tests.harness import MODEL, Harness, make_participation, make_webinar, small_portal, start_harness

WEBINAR_MODEL = MODEL.replace(
    "    forms:",
    "    webinars: {event: webinar, each: 4, at_most: 8}\n    tour: {event: webinar, where: {name: {is: Tour}}, points: 1}\n    forms:",
)
LIST, BREAKDOWN = (
    "GET /marketing/marketing-events/2026-09",
    "GET /marketing/marketing-events/2026-09/participations/{event}/breakdown",
)
WEBINAR_SCOPE = "crm.objects.marketing_events.read"


@pytest.fixture
def webinar_harness(tmp_path: Path) -> Iterator[Harness]:
    """Return the small portal with a trade show and three webinars; one of them is in the future."""
    data = small_portal(
        marketing_events=[make_webinar(501), make_webinar(502, "Tour"), make_webinar(503, "Next"), make_webinar(504, "Fair", "TRADESHOW")],
        participations=[
            *(make_participation(webinar, 3) for webinar in (501, 502, 504)),
            make_participation(501, 2, "NO_SHOW"),
            make_participation(503, 3, "REGISTERED"),
        ],
    )
    with start_harness(tmp_path, data, model=WEBINAR_MODEL) as harness:
        yield harness


def webinar_requests(report: RunReport) -> tuple[int, int]:
    """Return the number of requests for webinars and for attendance in a run."""
    return report.requests.get(LIST, 0), report.requests.get(BREAKDOWN, 0)


def test_attendees_get_points_and_registrants_do_not(webinar_harness: Harness) -> None:
    report = webinar_harness.backfill()
    assert (webinar_harness.score(3), webinar_harness.score(2)) == (9, 10)
    assert "attended 2 webinars" in webinar_harness.contact(3)["lead_score_reasons"]
    assert (report.not_visible, report.pulled["webinar"]) == ((), 2)


def test_a_model_without_webinars_reads_none(harness: Harness) -> None:
    assert webinar_requests(harness.backfill()) == (0, 0)


def test_webinars_are_listed_and_read_when_they_changed(webinar_harness: Harness) -> None:
    assert webinar_requests(webinar_harness.backfill()) == (1, 2)
    webinar_harness.advance(30)
    assert webinar_requests(webinar_harness.sync()) == (1, 0)
    webinar_harness.attend_webinar(503, 1)
    before = webinar_harness.score(1)
    assert webinar_requests(webinar_harness.sync()) == (1, 1)
    assert webinar_harness.score(1) == before + 4
    assert webinar_requests(webinar_harness.sync()) == (1, 1)  # attendance can arrive late
    webinar_harness.advance(30)
    assert webinar_requests(webinar_harness.sync()) == (1, 0)


def test_all_are_read_again_once_a_week(webinar_harness: Harness) -> None:
    webinar_harness.backfill()
    webinar_harness.advance(7 * 24 * 60 + 1)
    assert webinar_requests(webinar_harness.sync()) == (1, 2)


def test_a_revoked_attendance_gives_no_points(webinar_harness: Harness) -> None:
    webinar_harness.backfill()
    webinar_harness.advance(30)
    webinar_harness.attend_webinar(501, 3, "NO_SHOW")
    webinar_harness.sync()
    assert webinar_harness.score(3) == 5


def test_attendance_moves_with_a_merged_contact(webinar_harness: Harness) -> None:
    webinar_harness.backfill()
    webinar_harness.advance(30)
    survivor = webinar_harness.merge_contacts(3, 2)
    webinar_harness.backfill()
    assert webinar_harness.score(survivor) == 19


def test_a_failed_read_takes_no_points_away(webinar_harness: Harness) -> None:
    webinar_harness.backfill()
    webinar_harness.advance(30)
    webinar_harness.attend_webinar(501, 1)
    webinar_harness.deny("*/breakdown")
    (named,) = webinar_harness.sync().left_out
    assert named.startswith("webinar “Scoring” (501): HubSpot denies access")
    webinar_harness.clear_faults()
    assert webinar_harness.score(3) == 9
    assert webinar_requests(webinar_harness.sync()) == (1, 1)


def test_a_token_without_the_scope_is_found_by_check_and_stops_the_run(tmp_path: Path) -> None:
    data = small_portal(marketing_events=[make_webinar(501)])
    everything_else = frozenset(
        {f"crm.objects.{kind}.{way}" for kind in ("contacts", "companies") for way in ("read", "write")}
        | {f"crm.{kind}.{way}" for kind in ("lists", "schemas.contacts") for way in ("read", "write")}
        | {"forms", "content"}
    )
    with start_harness(tmp_path, data, model=WEBINAR_MODEL, scopes=everything_else) as harness, harness.worker() as worker:
        denied = [access for access in worker.check().access if not access.granted]
        assert [access.resource for access in denied] == ["marketing events"]
        assert WEBINAR_SCOPE in denied[0].reason
        with pytest.raises(Forbidden, match="marketing events"):
            worker.backfill()


def test_explain_names_the_webinars(webinar_harness: Harness) -> None:
    webinar_harness.backfill()
    with webinar_harness.worker() as worker:
        ledger = worker.explain("3").as_json()["ledger"]
    line = next(line for line in ledger if line["line"] == "webinars")
    assert (line["points"], line["events"], sorted(event["name"] for event in line["looked_at"])) == (8, 2, ["Scoring", "Tour"])
