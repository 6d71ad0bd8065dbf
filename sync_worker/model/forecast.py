"""Forecast: the next changes of a verdict if the contact has no new events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import polars as pl

from sync_worker.model.compiled.facts import COUNTER_PROPERTIES, Facts
from sync_worker.model.evaluate import Verdicts, evaluate
from sync_worker.model.file.conditions import Condition
from sync_worker.model.file.units import to_milliseconds
from sync_worker.model.scoring.columns import DerivedColumn, add_columns
from sync_worker.model.scoring.decay import decay_period, grace_period
from sync_worker.model.scoring.evaluation_context import EvaluationContext
from sync_worker.model.scoring.events import EventsByKind

_MAX_EVALUATIONS: Final = 40
_DECAY_STEP: Final = timedelta(days=7)  # with decay per event, which changes the score continuously
_ONE_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictChange:
    """The verdict at a future time."""

    at: datetime
    score: int
    band: str
    mql: bool


def next_changes(facts: Facts, verdicts: Verdicts, events_by_kind: EventsByKind) -> tuple[VerdictChange | None, VerdictChange | None]:
    """Return the next change of the score, and the next change of the band or the MQL status; None: no change soon.

    `facts` and `verdicts` contain one contact.
    """
    now = verdicts.get_single()
    score: VerdictChange | None = None
    for change in _forecast(facts, verdicts, events_by_kind):
        if score is None and change.score != now.score:
            score = change
        if (change.band, change.mql) != (now.band, now.mql):
            return score, change
    return score, None


def _forecast(facts: Facts, verdicts: Verdicts, events_by_kind: EventsByKind) -> Iterator[VerdictChange]:
    # An MQL of today is admitted by then; the contact keeps the status until the score falls below `leave_below`.
    previous = verdicts.table.select("contact_id", by_score=pl.col("mql") & pl.col("by_score"))
    # Events after the time of the verdict would be new events.
    events = facts.events.filter(pl.col("at") <= verdicts.context.now)
    later = Facts(contacts=facts.contacts, events=events, previous=previous, hidden_kinds=facts.hidden_kinds)
    for at in islice(sorted(_change_times(facts, verdicts, events_by_kind)), _MAX_EVALUATIONS):
        verdict = evaluate(later, verdicts.context.model, at).get_single()
        yield VerdictChange(at=at, score=verdict.score, band=verdict.band, mql=verdict.mql)


def _change_times(facts: Facts, verdicts: Verdicts, events_by_kind: EventsByKind) -> set[datetime]:
    """Return the times at which the verdict can change: a period, a window or a validity ends, or a date has an age."""
    context = verdicts.context
    times = {*_window_ends(events_by_kind, context), *_condition_times(facts, context), *_counter_ends(facts, context)}
    kind = context.model.document.score.degradation.kind
    if kind == "inactivity":
        times |= set(_period_ends(verdicts))
    elif kind == "per_event":
        times |= {context.now + _DECAY_STEP * n for n in range(1, _MAX_EVALUATIONS)}
    return {at for at in times if at > context.now}


def _period_ends(verdicts: Verdicts) -> Iterator[datetime]:
    last_engagement = verdicts.intermediate["engaged"].item()
    if last_engagement is None:
        return
    degradation = verdicts.context.model.document.score.degradation
    first = last_engagement + grace_period(degradation)
    passed = max(0, to_milliseconds(verdicts.context.now - first) // to_milliseconds(decay_period(degradation)))
    yield from (first + decay_period(degradation) * (passed + n) for n in range(1, _MAX_EVALUATIONS))


def _window_ends(events_by_kind: EventsByKind, context: EvaluationContext) -> Iterator[datetime]:
    for event, where, validity in _iter_limits(context):
        if event not in context.hidden_kinds:
            yield from (at + validity + _ONE_MILLISECOND for at in events_by_kind.select_matching(event, where)["at"].to_list())


def _counter_ends(facts: Facts, context: EvaluationContext) -> Iterator[datetime]:
    """Yield the times at which the last event of HubSpot's counters leaves a window."""
    for event, _, validity in _iter_limits(context):
        if event in context.hidden_kinds & COUNTER_PROPERTIES.keys():
            yield from (at + validity + _ONE_MILLISECOND for at in _read_dates(facts, COUNTER_PROPERTIES[event][1], context))


def _iter_limits(context: EvaluationContext) -> Iterator[tuple[str, Condition | None, timedelta]]:
    """Yield the criteria and rules whose events count for a limited time."""
    limited = [(line.event, line.where, line.within) for line in context.visible_criteria]
    limited += [(rule.event, rule.where, rule.validity) for _, _, rule in context.model.rules]
    yield from ((event, where, validity) for event, where, validity in limited if event is not None and validity is not None)


def _condition_times(facts: Facts, context: EvaluationContext) -> Iterator[datetime]:
    """Yield the times at which conditions on dates change: when the date is reached, and when it has the age of the condition."""
    tests = (test for condition in context.model.contact_conditions for test in condition.iter_tests())
    ages = {(name, age) for name, test, _ in tests for age in (test.within, test.older_than) if age is not None}
    for name, age in sorted(ages):
        for at in _read_dates(facts, name, context):
            yield from (at, at + age, at + age + _ONE_MILLISECOND)


def _read_dates(facts: Facts, name: str, context: EvaluationContext) -> list[datetime]:
    column = DerivedColumn(name, "date")
    dates: list[datetime] = add_columns(facts.contacts, [column], context.model.domains, context.now)[column.name].drop_nulls().to_list()
    return dates
