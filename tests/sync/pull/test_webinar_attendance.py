"""Attendance of webinars: read where the model asks for it, and no oftener than something may have changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_worker.errors import Forbidden
from sync_worker.sync.report import RunReport
from tests.harness import MODEL, World, a_webinar, a_world, small_portal, took_part

WEBINARS = MODEL.replace(
    "    forms:",
    "    webinars: {event: webinar, each: 4, at_most: 8}\n    tour: {event: webinar, where: {name: {is: Tour}}, points: 1}\n    forms:",
)
LIST, BREAKDOWN = (
    "GET /marketing/marketing-events/2026-09",
    "GET /marketing/marketing-events/2026-09/participations/{event}/breakdown",
)
SCOPE = "crm.objects.marketing_events.read"


@pytest.fixture
def attended(tmp_path: Path) -> Iterator[World]:
    """The small portal with three webinars and a fair: one of the webinars is still to come."""
    data = small_portal(
        marketing_events=[a_webinar(501), a_webinar(502, "Tour"), a_webinar(503, "Next"), a_webinar(504, "Fair", "TRADESHOW")],
        participations=[
            *(took_part(webinar, 3) for webinar in (501, 502, 504)),
            took_part(501, 2, "NO_SHOW"),
            took_part(503, 3, "REGISTERED"),
        ],
    )
    with a_world(tmp_path, data, model=WEBINARS) as world:
        yield world


def asked(report: RunReport) -> tuple[int, int]:
    """Return how many pages of webinars and of attendance a run has asked for."""
    return report.requests.get(LIST, 0), report.requests.get(BREAKDOWN, 0)


def test_who_attended_gets_the_points_and_who_only_registered_gets_none(attended: World) -> None:
    report = attended.backfill()
    assert (attended.score(3), attended.score(2)) == (9, 10)
    assert "attended 2 webinars" in attended.contact(3)["lead_score_reasons"]
    assert (report.not_visible, report.pulled["webinar"]) == ((), 2)


def test_a_model_that_asks_for_no_webinars_reads_none(world: World) -> None:
    assert asked(world.backfill()) == (0, 0)


def test_webinars_are_looked_at_in_a_list_and_read_when_they_changed(attended: World) -> None:
    assert asked(attended.backfill()) == (1, 2)
    attended.later(30)
    assert asked(attended.sync()) == (1, 0)
    attended.take_part(503, 1)
    before = attended.score(1)
    assert asked(attended.sync()) == (1, 1)
    assert attended.score(1) == before + 4
    assert asked(attended.sync()) == (1, 1)  # what is told may come late
    attended.later(30)
    assert asked(attended.sync()) == (1, 0)


def test_all_are_read_again_once_a_week(attended: World) -> None:
    attended.backfill()
    attended.later(7 * 24 * 60 + 1)
    assert asked(attended.sync()) == (1, 2)


def test_an_attendance_that_is_taken_back_gives_nothing_any_more(attended: World) -> None:
    attended.backfill()
    attended.later(30)
    attended.take_part(501, 3, "NO_SHOW")
    attended.sync()
    assert attended.score(3) == 5


def test_attendance_moves_with_a_merged_contact(attended: World) -> None:
    attended.backfill()
    attended.later(30)
    merged = attended.merge(3, 2)
    attended.backfill()
    assert attended.score(merged) >= 9


def test_a_reading_that_fails_takes_no_points_away(attended: World) -> None:
    attended.backfill()
    attended.later(30)
    attended.take_part(501, 1)
    attended.forbid("*/breakdown")
    with pytest.raises(Forbidden):
        attended.sync()
    attended.go_right()
    assert attended.score(3) == 9
    assert asked(attended.sync()) == (1, 1)


def test_a_token_without_the_scope_is_found_by_check_and_stops_the_run(tmp_path: Path) -> None:
    data = small_portal(marketing_events=[a_webinar(501)])
    everything_else = frozenset(
        {f"crm.objects.{kind}.{way}" for kind in ("contacts", "companies") for way in ("read", "write")}
        | {f"crm.{kind}.{way}" for kind in ("lists", "schemas.contacts") for way in ("read", "write")}
        | {"forms", "content"}
    )
    with a_world(tmp_path, data, model=WEBINARS, scopes=everything_else) as world, world.worker() as worker:
        refused = [access for access in worker.check().access if not access.granted]
        assert [access.resource for access in refused] == ["marketing events"]
        assert SCOPE in refused[0].reason
        with pytest.raises(Forbidden, match="marketing events"):
            worker.backfill()


def test_explain_tells_which_webinars(attended: World) -> None:
    attended.backfill()
    with attended.worker() as worker:
        ledger = worker.explain("3").as_json()["ledger"]
    line = next(line for line in ledger if line["line"] == "webinars")
    assert (line["points"], line["events"], sorted(event["name"] for event in line["looked_at"])) == (8, 2, ["Scoring", "Tour"])
