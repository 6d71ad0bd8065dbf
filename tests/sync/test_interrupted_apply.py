"""A saved plan that was interrupted is resumed with the same file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from sync_worker.errors import ExitCode, StalePlan, Unauthorized
from sync_worker.progress import Progress
from sync_worker.sync.run_report import RunReport
from sync_worker.sync.saved_plan_run import DONE_NOTE
from tests.harness import MODEL, MQL, Harness, make_contact, small_portal, start_harness

#: The stage of a contact is a fact of the model, and the worker itself moves it.
STAGE_MODEL: Final = MODEL.replace("  disqualifiers: {", "  disqualifiers: {customer: {when: {lifecyclestage: {in: [customer]}}}, ")
REFUSAL: Final = {"status": "error", "message": "The token expired.", "category": "INVALID_AUTHENTICATION"}
#: HubSpot executes the first of these calls, and the worker learns nothing but that it must end.
LOST: Final = [
    {"endpoint": endpoint, "fault": "answer", "status": 401, "body": REFUSAL, "when": "after", "nth": 1}
    for endpoint in ("POST */contacts/batch/update", "PUT */memberships/*")
]


class RunStopped(Exception):
    """The process ended."""


class StopAtWrite(Progress):
    """Ends the process once HubSpot has acknowledged a write."""

    def advance(self, what: str, number: int) -> None:
        if what in ("written", "list members") and number:
            raise RunStopped


@contextmanager
def start_planned_harness(folder: Path) -> Iterator[tuple[Harness, Path]]:
    """Serve a portal with a plan for all contacts: two batches of scores, stages, lists and messages to sales."""
    folder.mkdir()
    data = small_portal(contacts=[*small_portal().contacts, *map(make_contact, range(7, 121))])
    with start_harness(folder, data, model=STAGE_MODEL, settings={"requests_in_flight": 1, "hand_off_tasks": True}) as harness:
        harness.approve_unseen()
        path = save_plan(harness)
        harness.advance()
        yield harness, path


def save_plan(harness: Harness) -> Path:
    path = harness.folder / "plan.json"
    with harness.worker() as worker:
        worker.plan(out=path)
    return path


def apply(harness: Harness, path: Path, progress: Progress | None = None) -> RunReport:
    with harness.worker(progress) as worker:
        return worker.apply(path)


def observe(harness: Harness) -> dict[str, Any]:
    """Return what the portal shows, since when each MQL is one, and how often the worker has changed each value."""
    changes = harness.portal.recent_changes(10**6, custom_only=False)
    return {
        "portal": harness.digest(),
        "starts": {id_: harness.value(id_, "lead_mql_since") for id_ in harness.members("MQL")},
        "writes": Counter((each.record_id, each.property_name) for each in changes if each.source.type == "INTEGRATION"),
    }


def test_an_apply_that_stops_at_every_write_ends_like_an_uninterrupted_one(tmp_path: Path) -> None:
    with start_planned_harness(tmp_path / "whole") as (harness, path):
        whole = apply(harness, path)
        expected = observe(harness)
    assert (whole.stages > 0, whole.hand_offs.sent > 0) == (True, True)
    with start_planned_harness(tmp_path / "stopped") as (harness, path):
        stops = 0
        while (last := apply_until_stop(harness, path, is_lost=stops % 2 == 0)) is None:
            stops += 1
        assert stops >= 5  # batches of contacts, and lists
        assert (last.notes[0], last.exit_code) == (DONE_NOTE, ExitCode.DONE)
        assert observe(harness) == expected
        assert len(harness.portal.list_records("tasks", limit=1_000)) == whole.hand_offs.sent


def apply_until_stop(harness: Harness, path: Path, *, is_lost: bool) -> RunReport | None:
    """Apply a plan; end the process at its first write, before or after its reply is saved. Return the report if nothing was written."""
    if is_lost:
        httpx.post(f"{harness.server.base_url}/sandbox/faults", json={"rules": LOST}).raise_for_status()
    try:
        return apply(harness, path, Progress() if is_lost else StopAtWrite())
    except (RunStopped, Unauthorized):
        return None
    finally:
        harness.clear_faults()
        harness.advance()


@pytest.fixture
def started_plan(live_harness: Harness) -> Path:
    """Return a plan for the new MQL 3, which has its values and its stage, but is in no list yet."""
    live_harness.submit_form("p3@example.com", "demo")
    path = save_plan(live_harness)
    with pytest.raises(RunStopped):
        apply(live_harness, path, StopAtWrite())
    live_harness.advance()
    assert (live_harness.value(3, "lifecyclestage"), live_harness.members("MQL")) == (MQL, [1, 2, 5])
    return path


def test_an_edit_by_a_user_between_two_tries_is_refused(live_harness: Harness, started_plan: Path) -> None:
    planned = {name: live_harness.value(3, name) or "" for name in ("lead_score", "lifecyclestage", "jobtitle")}
    edits = {"lead_score": "77", "lifecyclestage": "opportunity", "jobtitle": "CTO"}
    for name, value in edits.items():
        live_harness.edit_contact(3, **{name: value})
        with pytest.raises(StalePlan, match=f"contact 3:? .*({name} shows|has new facts)"):
            apply(live_harness, started_plan)
        live_harness.set_hubspot_values(3, **{name: planned[name]})
    assert live_harness.members("MQL") == [1, 2, 5]
    assert apply(live_harness, started_plan).lists["MQL"]["added"] == 1


def test_a_time_that_a_user_has_set_is_not_that_of_an_earlier_try(live_harness: Harness) -> None:
    live_harness.submit_form("p3@example.com", "demo")
    path = save_plan(live_harness)
    live_harness.advance()
    live_harness.edit_contact(3, lead_mql_since=str(live_harness.now_ms()))
    live_harness.advance()
    with pytest.raises(StalePlan, match=r"contact 3: .*lead_mql_"):
        apply(live_harness, path)


def test_a_plan_that_another_run_has_applied_has_nothing_left_to_do(live_harness: Harness, started_plan: Path) -> None:
    live_harness.sync()
    before = observe(live_harness)
    for _ in range(2):
        report = apply(live_harness, started_plan)
        assert (report.notes, report.written, report.exit_code) == ([DONE_NOTE], 0, ExitCode.DONE)
    assert observe(live_harness) == before


def test_what_hubspot_has_rejected_is_sent_again_at_once(live_harness: Harness) -> None:
    live_harness.add_click("new", "p3@example.com")
    path = save_plan(live_harness)
    live_harness.deny("POST */batch/update")
    for _ in range(2):
        live_harness.advance(1)
        report = apply(live_harness, path)
        assert ([id_ for id_, _ in report.rejected], report.notes, report.exit_code) == ([3], [], ExitCode.SOME_REJECTED)
    live_harness.clear_faults()
    live_harness.advance(1)
    assert (apply(live_harness, path).exit_code, live_harness.score(3)) == (ExitCode.DONE, 5)
