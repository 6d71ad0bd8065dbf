"""Forecast: the next changes of a verdict if the contact has no new events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import polars as pl

from sync_worker.model.compiled.facts import Facts
from sync_worker.model.evaluate import Verdicts, evaluate
from sync_worker.model.file.units import to_milliseconds
from sync_worker.model.scoring.context import EvaluationContext
from sync_worker.model.scoring.decay import decay_period, grace_period
from sync_worker.model.scoring.events import EventsByKind

_MAX_EVALUATIONS: Final = 12
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
    previous = verdicts.table.select("contact_id", "by_score")
    # Events after the time of the verdict would be new events.
    events = facts.events.filter(pl.col("at") <= verdicts.context.now)
    later = Facts(contacts=facts.contacts, events=events, previous=previous, hidden_kinds=facts.hidden_kinds)
    for at in islice(sorted(_change_times(verdicts, events_by_kind)), _MAX_EVALUATIONS):
        verdict = evaluate(later, verdicts.context.model, at).get_single()
        yield VerdictChange(at=at, score=verdict.score, band=verdict.band, mql=verdict.mql)


def _change_times(verdicts: Verdicts, events_by_kind: EventsByKind) -> set[datetime]:
    """Return the times at which the verdict can change: the end of a period, of a window or of the validity of an event."""
    context = verdicts.context
    times = set(_window_ends(events_by_kind, context))
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
    limited = [(line.event, line.where, line.within) for line in context.visible_criteria]
    limited += [(rule.event, rule.where, rule.validity) for _, _, rule in context.model.rules]
    for event, where, validity in limited:
        if event is not None and validity is not None and event not in context.hidden_kinds:
            yield from (at + validity + _ONE_MILLISECOND for at in events_by_kind.select_matching(event, where)["at"].to_list())
