"""A plan that changes too much is refused with its numbers, before anything of it is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.errors import ExitCode, UnsafePlan
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sync.plan.safety import Guard, SafetyLimits
from sync_worker.sync.run import Run
from tests.harness import MODEL, World, a_contact, a_submission, a_world, small_portal

LIMITS = {"judged_from_contacts": 20, "max_changed_share": 0.5, "max_new_mqls_share": 0.1}
NOT_MUCH = SafetyLimits(max_changed_share=0.5, max_new_mqls_share=0.1, min_contacts=20)


def a_portal_of(contacts: int, mqls: int) -> PortalData:
    people = [a_contact(number) for number in range(1, contacts + 1)]
    asked = [a_submission(f"p{number}@example.com", "demo") for number in range(1, mqls + 1)]
    return small_portal(contacts=people, companies=[], email_events=[], events=[], submissions=asked)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path, a_portal_of(40, 4), settings=LIMITS) as world:
        yield world


@given(st.integers(0, 100), st.integers(0, 100))
def test_what_is_refused_is_what_lies_over_a_limit(changed: int, new_mqls: int) -> None:
    objection = Guard(limits=NOT_MUCH).violation(contacts=100, changed=changed, new_mqls=new_mqls)
    assert (objection is not None) == (changed > 50 or new_mqls > 10)
    if objection:
        assert (f"change {changed} of 100 contacts ({changed}.0%)" in objection) == (changed > 50)
        assert (f"new MQLs of {new_mqls} of 100 contacts" in objection) == (new_mqls > 10)


def test_a_small_portal_is_not_judged_the_first_backfill_by_mqls_alone_and_who_allows_it_by_nothing() -> None:
    heavy = {"changed": 19, "new_mqls": 19}
    assert Guard(limits=NOT_MUCH).violation(contacts=19, **heavy) is None
    assert Guard(limits=NOT_MUCH, is_first_run=True).violation(contacts=100, changed=100, new_mqls=10) is None
    assert Guard(limits=NOT_MUCH, is_first_run=True).violation(contacts=100, changed=100, new_mqls=11) is not None
    assert Guard(limits=NOT_MUCH, disabled=True).violation(contacts=100, changed=100, new_mqls=100) is None


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_set_number_of_new_mqls_is_kept_to_in_a_portal_of_any_size(new_mqls: int, most: int) -> None:
    for contacts in (100, 1_000_000):
        guard = Guard(limits=SafetyLimits(max_new_mqls=most, max_new_mqls_share=1.0, min_contacts=200), is_first_run=True)
        objection = guard.violation(contacts=contacts, changed=0, new_mqls=new_mqls)
        assert (objection is not None) == (new_mqls > most)
        if objection:
            assert f"make {new_mqls} new MQLs, and max_new_mqls is {most}." in objection


def test_a_number_of_new_mqls_can_be_set(tmp_path: Path) -> None:
    with (
        a_world(tmp_path, settings={"max_new_mqls": 2}) as world,
        pytest.raises(UnsafePlan, match="make 3 new MQLs, and max_new_mqls is 2"),
    ):
        world.backfill()


def test_a_first_backfill_changes_everybody(world: World) -> None:
    assert world.backfill().written == 40


def test_a_first_backfill_that_would_make_too_many_mqls_writes_nothing(tmp_path: Path) -> None:
    with a_world(tmp_path, a_portal_of(40, 5), settings=LIMITS) as world:
        before = world.digest()
        with pytest.raises(UnsafePlan, match=r"new MQLs of 5 of 40 contacts \(12\.5%\).*--allow-large") as refused:
            world.backfill()
        assert (refused.value.exit_code, world.digest()) == (ExitCode.UNSAFE, before)
        with world.worker() as worker:
            assert worker.backfill(allow_large=True).written == 40


@contextmanager
def a_backfill_in_chunks(world: World, *, allow_large: bool = False) -> Iterator[Run]:
    """Begin a backfill that writes while it reads, as one of many thousand contacts does."""
    with world.worker() as worker, worker._start_run("backfill", dry_run=False) as parts:
        yield replace(parts.build_run(allow_large=allow_large), chunk=1)


def test_while_a_first_backfill_reads_nobody_is_made_an_mql_and_refused_it_has_made_none(tmp_path: Path) -> None:
    with a_world(tmp_path, a_portal_of(250, 30), settings=LIMITS) as world:
        for written, said in ((220, "The others were written, no MQL was"), (0, "Nothing of it was written")):
            with (
                pytest.raises(UnsafePlan, match=rf"new MQLs of 30 of 250 contacts \(12\.0%\).* {said}\."),
                a_backfill_in_chunks(world) as run,
            ):
                run.full()
            assert (run.report.written, world.written_to()) == (written, set(range(31, 251)))
        with a_backfill_in_chunks(world, allow_large=True) as run:
            run.full()
        assert (run.report.written, run.report.plan.new_mqls) == (30, 30)


def test_what_a_first_backfill_writes_while_it_reads_counts_once(tmp_path: Path) -> None:
    with a_world(tmp_path, a_portal_of(250, 20), settings=LIMITS) as world:
        with a_backfill_in_chunks(world) as run:
            run.full()
        report = run.report
        assert (report.plan.contacts, report.plan.new_mqls, report.written, report.rejected) == (250, 20, 250, [])
        world.later()
        assert world.sync().written == 0


def test_a_model_that_changes_most_scores_is_refused_until_somebody_lets_it_through(world: World) -> None:
    world.backfill()
    world.use_model(
        MODEL.replace("criteria:\n    clicks", "criteria:\n    there: {when: {email: {is_known: true}}, points: 1}\n    clicks")
    )
    before = world.digest()
    rehearsal = world.sync(dry_run=True)
    assert (rehearsal.exit_code, rehearsal.plan.contacts) == (ExitCode.UNSAFE, 40)
    assert "40 of 40 contacts (100.0%), and max_changed_share is 50.0%" in str(rehearsal.unsafe)
    for command in ("sync", "backfill"):
        with pytest.raises(UnsafePlan, match="change 40 of 40 contacts"):
            getattr(world, command)()
    assert world.digest() == before
    with world.worker() as worker:
        assert worker.sync(allow_large=True).written == 40


def test_a_model_that_changes_nothing_but_its_name_is_let_through(world: World) -> None:
    world.backfill()
    world.use_model(MODEL.replace("points: -3", "points: -4"))
    assert world.sync().written == 40


def test_a_wave_of_new_mqls_is_refused_and_said_again_until_it_is_let_through(world: World) -> None:
    world.backfill()
    world.later()
    for number in range(11, 16):
        world.submit(f"p{number}@example.com", "demo")
    for _ in range(2):
        with pytest.raises(UnsafePlan, match="new MQLs of 5 of 40"):
            world.sync()
    assert world.value(11, "lead_mql_reason") is None
    with world.worker() as worker:
        waiting = worker.status()["waiting"]
    assert waiting["contacts"] == 5
    assert "new MQLs of 5 of 40" in waiting["why"]
    with world.worker() as worker:
        assert worker.sync(allow_large=True).plan.new_mqls == 5


def test_what_was_refused_is_not_approved(tmp_path: Path) -> None:
    with a_world(tmp_path, a_portal_of(40, 5), settings=LIMITS) as world:
        with world.worker() as worker:
            worker.backfill(allow_large=True)
        with pytest.raises(UnsafePlan, match="new MQLs of 5"):
            world.approve()
        world.later()
        assert (world.sync().approved, world.members("MQL")) == (False, [])
        with world.worker() as worker:
            assert worker.approve("yes", allow_large=True).lists["MQL"]["added"] == 5
