"""What holds for every model, every contact and every instant."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sync_worker.model.compiled.facts import Facts
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.units import MICROS_PER_POINT, to_micro
from sync_worker.model.scoring.decay import score_floor
from tests.model.factories import NOW, facts, frame, judged
from tests.model.strategies import happenings, hidden, instants, models, people

Person = dict[str, str | None]
Happened = list[dict[str, Any]]

LOADABLE = models()
THOROUGH = settings.default or settings()
LESS = settings(max_examples=THOROUGH.max_examples // 2)  # laws that need two or three evaluations an example


@given(model=LOADABLE, persons=people(), events=happenings(), now=instants(), blind=hidden())
def test_the_lines_of_a_ledger_add_up_to_the_score_exactly_and_inside_the_bounds(
    model: Model, persons: list[Person], events: Happened, now: datetime, blind: frozenset[str]
) -> None:
    verdicts = judged(model, facts(persons, events, hidden=blind), now)
    sums = verdicts.ledger.group_by("contact_id").agg(pl.col("points").sum()).sort("contact_id")["points"]
    assert sums.to_list() == (verdicts.table["score"] * MICROS_PER_POINT).to_list()
    scores = verdicts.table["score"].to_list()
    assert math.floor(model.minimum * 2 + 1) // 2 <= min(scores)
    assert max(scores) <= math.floor(model.reachable_maximum(blind) * 2 + 1) // 2
    assert model.reachable_maximum(blind) <= model.maximum


@LESS
@given(model=LOADABLE, persons=people(), events=happenings(), now=instants(), order=st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_a_second_report_changes_a_byte(
    model: Model, persons: list[Person], events: Happened, now: datetime, order: Any
) -> None:
    given_ = facts(persons, events)
    verdicts = judged(model, given_, now)
    shuffled = events + events[::2]
    order.shuffle(shuffled)
    again = judged(model, Facts(contacts=given_.contacts.reverse(), events=frame(shuffled)), now)
    assert_frame_equal(verdicts.table, again.table)
    assert_frame_equal(verdicts.ledger, again.ledger)
    assert_frame_equal(verdicts.unreadable, again.unreadable)


@LESS
@given(model=LOADABLE, persons=people(), events=happenings(), now=instants(), cut=st.integers(1, 4))
def test_cutting_contacts_into_chunks_changes_nothing(
    model: Model, persons: list[Person], events: Happened, now: datetime, cut: int
) -> None:
    whole = facts(persons, events)
    verdicts = judged(model, whole, now)
    chunks = [judged(model, _part(whole, keep), now) for keep in (pl.col("contact_id") <= cut, pl.col("contact_id") > cut)]
    assert_frame_equal(verdicts.table, pl.concat(chunk.table for chunk in chunks))
    assert_frame_equal(verdicts.ledger, pl.concat(chunk.ledger for chunk in chunks))


@LESS
@given(model=LOADABLE, persons=people(), events=happenings(), one=st.integers(0, 40), more=st.integers(0, 200))
def test_time_alone_never_raises_the_positive_part(model: Model, persons: list[Person], events: Happened, one: int, more: int) -> None:
    past = [event for event in events if event["at"] <= NOW]
    early = judged(model, facts(persons, past), NOW + timedelta(days=one)).intermediate
    late = judged(model, facts(persons, past), NOW + timedelta(days=one + more)).intermediate
    assert (late["decayed"] <= early["decayed"]).all()


@LESS
@given(model=LOADABLE, persons=people(), events=happenings(), extra=happenings(most=3), now=instants())
def test_more_engagement_never_lowers_an_earned_total(
    model: Model, persons: list[Person], events: Happened, extra: Happened, now: datetime
) -> None:
    by_people = [_by_a_person(event, f"extra-{number}") for number, event in enumerate(extra)]
    before = [_by_a_person(event, event["event_id"]) for event in events]
    less = judged(model, facts(persons, before), now).intermediate
    more = judged(model, facts(persons, before + by_people), now).intermediate
    assert (more["earned"] >= less["earned"]).all()


@LESS
@given(model=LOADABLE, persons=people(), events=happenings(), now=instants(), blind=hidden())
def test_degradation_stops_at_the_floor_and_negatives_never_raise(
    model: Model, persons: list[Person], events: Happened, now: datetime, blind: frozenset[str]
) -> None:
    workings = judged(model, facts(persons, events, hidden=blind), now).intermediate
    lowest = score_floor(model.document.score.degradation, model.document.qualification.threshold)
    assert (workings["decayed"] >= workings["earned"].clip(upper_bound=lowest)).all()
    assert (workings["decayed"] <= workings["earned"]).all()
    assert (workings["negatives"] <= 0).all()
    if model.document.score.minimum is None:
        assert (workings["score"] <= (workings["decayed"] + to_micro(1) // 2)).all()


@LESS
@given(model=LOADABLE, persons=people(), events=happenings(), now=instants(), before=st.sets(st.integers(1, 5)))
def test_under_a_constant_input_nobody_flaps(
    model: Model, persons: list[Person], events: Happened, now: datetime, before: set[int]
) -> None:
    once = judged(model, facts(persons, events, were_by_score=before), now).table
    then = once.filter("by_score")["contact_id"].to_list()
    again = judged(model, facts(persons, events, were_by_score=then), now).table
    assert_frame_equal(once, again)


def _part(whole: Facts, keep: pl.Expr) -> Facts:
    return Facts(contacts=whole.contacts.filter(keep), events=whole.events.filter(keep), previous=whole.previous)


def _by_a_person(event: dict[str, Any], id_: str) -> dict[str, Any]:
    """No rule for machines applies: a second click within a second would take the first with it."""
    return event | {"event_id": id_, "filtered": False, "sent_at": None, "user_agent": None, "url": None}
