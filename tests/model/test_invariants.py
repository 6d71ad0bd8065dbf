"""Invariants for every model, contact and time."""

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
from tests.model.factories import NOW, evaluate_facts, event_frame, make_facts
from tests.model.strategies import contact_lists, event_lists, hidden_kinds, instants, models

ContactProperties = dict[str, str | None]
EventRows = list[dict[str, Any]]

MODELS = models()
FULL_SETTINGS = settings.default or settings()
FEWER_EXAMPLES = settings(max_examples=FULL_SETTINGS.max_examples // 2)  # invariants that need two or three evaluations per example


@given(model=MODELS, contacts=contact_lists(), events=event_lists(), now=instants(), hidden=hidden_kinds())
def test_the_lines_of_a_ledger_add_up_to_the_score_within_minimum_and_maximum(
    model: Model, contacts: list[ContactProperties], events: EventRows, now: datetime, hidden: frozenset[str]
) -> None:
    verdicts = evaluate_facts(model, make_facts(contacts, events, hidden=hidden), now)
    sums = verdicts.ledger.group_by("contact_id").agg(pl.col("points").sum()).sort("contact_id")["points"]
    assert sums.to_list() == (verdicts.table["score"] * MICROS_PER_POINT).to_list()
    scores = verdicts.table["score"].to_list()
    assert math.floor(model.minimum * 2 + 1) // 2 <= min(scores)
    assert max(scores) <= math.floor(model.reachable_maximum(hidden) * 2 + 1) // 2
    assert model.reachable_maximum(hidden) <= model.maximum


@FEWER_EXAMPLES
@given(model=MODELS, contacts=contact_lists(), events=event_lists(), now=instants(), order=st.randoms(use_true_random=False))
def test_order_and_duplicates_of_rows_change_nothing(
    model: Model, contacts: list[ContactProperties], events: EventRows, now: datetime, order: Any
) -> None:
    facts = make_facts(contacts, events)
    verdicts = evaluate_facts(model, facts, now)
    shuffled = events + events[::2]
    order.shuffle(shuffled)
    again = evaluate_facts(model, Facts(contacts=facts.contacts.reverse(), events=event_frame(shuffled)), now)
    assert_frame_equal(verdicts.table, again.table)
    assert_frame_equal(verdicts.ledger, again.ledger)
    assert_frame_equal(verdicts.unreadable, again.unreadable)


@FEWER_EXAMPLES
@given(model=MODELS, contacts=contact_lists(), events=event_lists(), now=instants(), cut=st.integers(1, 4))
def test_splitting_contacts_into_batches_changes_nothing(
    model: Model, contacts: list[ContactProperties], events: EventRows, now: datetime, cut: int
) -> None:
    whole = make_facts(contacts, events)
    verdicts = evaluate_facts(model, whole, now)
    batches = [
        evaluate_facts(model, select_contacts(whole, keep), now) for keep in (pl.col("contact_id") <= cut, pl.col("contact_id") > cut)
    ]
    assert_frame_equal(verdicts.table, pl.concat(batch.table for batch in batches))
    assert_frame_equal(verdicts.ledger, pl.concat(batch.ledger for batch in batches))


@FEWER_EXAMPLES
@given(model=MODELS, contacts=contact_lists(), events=event_lists(), one=st.integers(0, 40), more=st.integers(0, 200))
def test_time_alone_never_raises_the_positive_part(
    model: Model, contacts: list[ContactProperties], events: EventRows, one: int, more: int
) -> None:
    past = [event for event in events if event["at"] <= NOW]
    early = evaluate_facts(model, make_facts(contacts, past), NOW + timedelta(days=one)).intermediate
    late = evaluate_facts(model, make_facts(contacts, past), NOW + timedelta(days=one + more)).intermediate
    assert (late["decayed"] <= early["decayed"]).all()


@FEWER_EXAMPLES
@given(model=MODELS, contacts=contact_lists(), events=event_lists(), extra=event_lists(max_size=3), now=instants())
def test_more_engagement_never_lowers_an_earned_total(
    model: Model, contacts: list[ContactProperties], events: EventRows, extra: EventRows, now: datetime
) -> None:
    human_events = [make_human_event(event, f"extra-{number}") for number, event in enumerate(extra)]
    before = [make_human_event(event, event["event_id"]) for event in events]
    less = evaluate_facts(model, make_facts(contacts, before), now).intermediate
    more = evaluate_facts(model, make_facts(contacts, before + human_events), now).intermediate
    assert (more["earned"] >= less["earned"]).all()


@FEWER_EXAMPLES
@given(model=MODELS, contacts=contact_lists(), events=event_lists(), now=instants(), hidden=hidden_kinds())
def test_degradation_stops_at_the_floor_and_negatives_never_raise(
    model: Model, contacts: list[ContactProperties], events: EventRows, now: datetime, hidden: frozenset[str]
) -> None:
    intermediate = evaluate_facts(model, make_facts(contacts, events, hidden=hidden), now).intermediate
    lowest = score_floor(model.document.score.degradation, model.document.qualification.threshold)
    assert (intermediate["decayed"] >= intermediate["earned"].clip(upper_bound=lowest)).all()
    assert (intermediate["decayed"] <= intermediate["earned"]).all()
    assert (intermediate["negatives"] <= 0).all()
    if model.document.score.minimum is None:
        assert (intermediate["score"] <= (intermediate["decayed"] + to_micro(1) // 2)).all()


@FEWER_EXAMPLES
@given(model=MODELS, contacts=contact_lists(), events=event_lists(), now=instants(), before=st.sets(st.integers(1, 5)))
def test_constant_input_never_toggles_the_mql_state(
    model: Model, contacts: list[ContactProperties], events: EventRows, now: datetime, before: set[int]
) -> None:
    once = evaluate_facts(model, make_facts(contacts, events, were_by_score=before), now).table
    admitted = once.filter("mql", "by_score")["contact_id"].to_list()
    again = evaluate_facts(model, make_facts(contacts, events, were_by_score=admitted), now).table
    shown = ["contact_id", "score", "band", "grade", "mql", "mql_reason", "retained", "score_reasons", "grade_reasons"]
    assert_frame_equal(once.select(shown), again.select(shown))


def select_contacts(whole: Facts, keep: pl.Expr) -> Facts:
    return Facts(contacts=whole.contacts.filter(keep), events=whole.events.filter(keep), previous=whole.previous)


def make_human_event(event: dict[str, Any], id_: str) -> dict[str, Any]:
    """Return the event without bot signs: an additional click in a burst would also quarantine the other clicks."""
    return event | {"event_id": id_, "filtered": False, "sent_at": None, "user_agent": None, "url": None}
