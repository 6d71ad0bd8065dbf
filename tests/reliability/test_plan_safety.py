"""A plan that changes too much is refused with its numbers, before anything of it is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.errors import ExitCode, UnsafePlan
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.server import user_actions
from sync_worker.sync.plan.safety import Guard, SafetyLimits
from tests.harness import MINUTE, MODEL, Harness, make_contact, make_submission, small_portal, start_harness

LIMITS = {"judged_from_contacts": 20, "max_changed_share": 0.5, "max_new_mqls_share": 0.1}
WITHIN_LIMITS = SafetyLimits(max_changed_share=0.5, max_new_mqls_share=0.1, min_contacts=20)


def make_portal(contacts: int, mqls: int) -> PortalData:
    people = [make_contact(number) for number in range(1, contacts + 1)]
    asked = [make_submission(f"p{number}@example.com", "demo") for number in range(1, mqls + 1)]
    return small_portal(contacts=people, companies=[], email_events=[], events=[], submissions=asked)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    with start_harness(tmp_path, make_portal(40, 4), settings=LIMITS) as harness:
        yield harness


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_plan_over_a_limit_is_refused(changed: int, new_mqls: int) -> None:
    objection = Guard(limits=WITHIN_LIMITS).violation(contacts=100, changed=changed, new_mqls=new_mqls, unexpected_mqls=new_mqls)
    assert (objection is not None) == (changed > 50 or new_mqls > 10)
    if objection:
        assert (f"change {changed} of 100 contacts ({changed}.0%)" in objection) == (changed > 50)
        assert (f"new MQLs of {new_mqls} of 100 contacts" in objection) == (new_mqls > 10)


def test_small_portals_are_exempt_first_backfills_count_mqls_only_and_allow_large_disables_all() -> None:
    heavy = {"changed": 19, "new_mqls": 19, "unexpected_mqls": 19}
    assert Guard(limits=WITHIN_LIMITS).violation(contacts=19, **heavy) is None
    first_run, disabled = Guard(limits=WITHIN_LIMITS, is_first_run=True), Guard(limits=WITHIN_LIMITS, disabled=True)
    for guard, mqls, is_refused in ((first_run, 10, False), (first_run, 11, True), (disabled, 100, False)):
        objection = guard.violation(contacts=100, changed=100, new_mqls=mqls, unexpected_mqls=mqls)
        assert (objection is not None) == is_refused


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_configured_mql_limit_applies_to_a_portal_of_any_size(new_mqls: int, most: int) -> None:
    for contacts in (100, 1_000_000):
        guard = Guard(limits=SafetyLimits(max_new_mqls=most, max_new_mqls_share=1.0, min_contacts=200), is_first_run=True)
        objection = guard.violation(contacts=contacts, changed=0, new_mqls=new_mqls, unexpected_mqls=0)
        assert (objection is not None) == (new_mqls > most)
        if objection:
            assert f"make {new_mqls} new MQLs, and max_new_mqls is {most}." in objection


def test_a_number_of_new_mqls_can_be_set(tmp_path: Path) -> None:
    with (
        start_harness(tmp_path, settings={"max_new_mqls": 2}) as harness,
        pytest.raises(UnsafePlan, match="make 3 new MQLs, and max_new_mqls is 2"),
    ):
        harness.backfill()


def test_new_mqls_by_late_events_count_for_the_number_but_not_for_the_share(tmp_path: Path) -> None:
    limits = LIMITS | {"max_new_mqls_share": 0.05, "max_new_mqls": 2}
    with start_harness(tmp_path, make_portal(40, 1), settings=limits) as harness:
        harness.backfill()
        late_ms = harness.now_ms() - 60 * MINUTE
        harness.advance()
        for number in (11, 12, 13):
            user_actions.add_submission(harness.portal, make_submission(f"p{number}@example.com", "demo", late_ms))
        with pytest.raises(UnsafePlan, match=r"would make 3 new MQLs, and max_new_mqls is 2\. Nothing"):
            harness.backfill()
        assert harness.value(11, "lead_mql_reason") is None


def test_a_first_backfill_may_change_all_contacts(harness: Harness) -> None:
    assert harness.backfill().written == 40


def test_a_first_backfill_that_would_make_too_many_mqls_writes_nothing(tmp_path: Path) -> None:
    with start_harness(tmp_path, make_portal(40, 5), settings=LIMITS) as harness:
        before = harness.digest()
        with pytest.raises(UnsafePlan, match=r"new MQLs of 5 of 40 contacts \(12\.5%\).*--allow-large") as refused:
            harness.backfill()
        assert (refused.value.exit_code, harness.digest()) == (ExitCode.UNSAFE, before)
        with harness.worker() as worker:
            assert worker.backfill(allow_large=True).written == 40


@contextmanager
def start_chunked_harness(folder: Path, mqls: int) -> Iterator[Harness]:
    """Start a portal whose first backfill writes while it reads, as with many thousand contacts."""
    with start_harness(folder, make_portal(120, mqls), settings=LIMITS) as harness:
        harness.early_chunk_size = 1
        yield harness


def test_a_first_backfill_sets_no_mql_while_reading_and_none_when_refused(tmp_path: Path) -> None:
    with start_chunked_harness(tmp_path, 15) as harness:
        for written, said in ((105, "The other changes were written; no contact became an MQL"), (0, "Nothing of it was written")):
            with harness.worker() as worker:
                with pytest.raises(UnsafePlan, match=rf"new MQLs of 15 of 120 contacts \(12\.5%\).* {said}\."):
                    worker.backfill()
                assert worker.status().runs[0].written == written
            assert harness.contacts_written() == set(range(16, 121))
            harness.advance()
        with harness.worker() as worker:
            report = worker.backfill(allow_large=True)
        assert (report.written, report.plan.new_mqls) == (15, 15)


def test_what_a_first_backfill_writes_while_it_reads_counts_once(tmp_path: Path) -> None:
    with start_chunked_harness(tmp_path, 10) as harness:
        report = harness.backfill()
        assert (report.plan.contacts, report.plan.new_mqls, report.written, report.rejected) == (120, 10, 120, [])
        harness.advance()
        assert harness.sync().written == 0


def test_a_model_that_changes_most_scores_is_refused_until_allowed(harness: Harness) -> None:
    harness.backfill()
    harness.use_model(
        MODEL.replace("criteria:\n    clicks", "criteria:\n    there: {when: {email: {is_known: true}}, points: 1}\n    clicks")
    )
    before = harness.digest()
    rehearsal = harness.sync(dry_run=True)
    assert (rehearsal.exit_code, rehearsal.plan.contacts) == (ExitCode.UNSAFE, 40)
    assert "40 of 40 contacts (100.0%), and max_changed_share is 50.0%" in str(rehearsal.unsafe)
    for command in ("sync", "backfill"):
        with pytest.raises(UnsafePlan, match="change 40 of 40 contacts"):
            getattr(harness, command)()
    assert harness.digest() == before
    with harness.worker() as worker:
        assert worker.sync(allow_large=True).written == 40


def test_a_model_that_changes_only_its_name_passes(harness: Harness) -> None:
    harness.backfill()
    harness.use_model(MODEL.replace("points: -3", "points: -4"))
    assert harness.sync().written == 40


def test_a_wave_of_new_mqls_is_refused_in_every_run_until_allowed(harness: Harness) -> None:
    harness.backfill()
    harness.advance()
    for number in range(11, 16):
        harness.submit_form(f"p{number}@example.com", "demo")
    for _ in range(2):
        with pytest.raises(UnsafePlan, match="new MQLs of 5 of 40"):
            harness.sync()
    assert harness.value(11, "lead_mql_reason") is None
    with harness.worker() as worker:
        pending = worker.status().pending
    assert pending.contacts == 5
    assert "new MQLs of 5 of 40" in (pending.reason or "")
    with harness.worker() as worker:
        assert worker.sync(allow_large=True).plan.new_mqls == 5


def test_what_was_refused_is_not_approved(tmp_path: Path) -> None:
    with start_harness(tmp_path, make_portal(40, 5), settings=LIMITS) as harness:
        with harness.worker() as worker:
            worker.backfill(allow_large=True)
        with pytest.raises(UnsafePlan, match="new MQLs of 5"):
            harness.approve()
        harness.advance()
        assert (harness.sync().approved, harness.members("MQL")) == (False, [])
        with harness.worker() as worker:
            worker.report()
            assert worker.approve("yes", allow_large=True).lists["MQL"]["added"] == 5
