"""What changed the score of one contact between two times: event by event, and by time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from sync_worker.batched import batched
from sync_worker.model.compiled.facts import Facts
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import evaluate
from sync_worker.model.file.units import from_micro

MAX_STEPS: Final = 60  # instants of events that are evaluated one by one; with more, neighbors share a step
_ONE_MILLISECOND: Final = timedelta(milliseconds=1)
_Lines = Mapping[str, tuple[str, int]]  # line → label and micro-points


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvent:
    """An event of the contact."""

    at: datetime
    kind: str
    subject: str  # the form, address, name or campaign of the event


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreStep:
    """A change of the score up to `at`, by events, or without events by time. `changes`: points by the label of the line."""

    at: datetime
    events: tuple[StepEvent, ...]
    changes: Mapping[str, Decimal]

    @property
    def points(self) -> Decimal:
        """Return the change of the score."""
        return sum(self.changes.values(), Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreHistory:
    """The steps from the score at `since` to the score at `until`."""

    since: datetime
    until: datetime
    before: Decimal
    steps: tuple[ScoreStep, ...]
    after: Decimal

    @property
    def adds_up(self) -> bool:
        """Return whether the steps lead from the first score to the last."""
        return self.before + sum((step.points for step in self.steps), Decimal(0)) == self.after


def trace_score(facts: Facts, model: Model, since: datetime, until: datetime) -> ScoreHistory:
    """Return what changed the score of the only contact of `facts`; properties have their present values at both times."""

    def load_lines(at: datetime) -> _Lines:
        known = replace(facts, events=facts.events.filter(pl.col("at") <= at))
        return {row["line"]: (row["label"], row["points"]) for row in evaluate(known, model, at).ledger.iter_rows(named=True)}

    new = facts.events.filter((pl.col("at") > since) & (pl.col("at") <= until)).sort("at")
    instants = new["at"].unique(maintain_order=True).to_list()
    lines = first = load_lines(since)
    steps = []
    for group in batched(instants, max(1, -(-len(instants) // MAX_STEPS))):
        before = load_lines(group[0] - _ONE_MILLISECOND)
        after = load_lines(group[-1])
        events = tuple(_read_events(new.filter(pl.col("at").is_between(group[0], group[-1]))))
        steps += [_build_step(group[0], (), lines, before), _build_step(group[-1], events, before, after)]
        lines = after
    last = load_lines(until)
    steps.append(_build_step(until, (), lines, last))
    shown = tuple(step for step in steps if step.events or step.changes)
    return ScoreHistory(since=since, until=until, before=_total(first), steps=shown, after=_total(last))


def _build_step(at: datetime, events: Sequence[StepEvent], before: _Lines, after: _Lines) -> ScoreStep:
    changes = {label: from_micro(points - before[line][1]) for line, (label, points) in after.items() if points != before[line][1]}
    return ScoreStep(at=at, events=tuple(events), changes=changes)


def _read_events(events: pl.DataFrame) -> Iterator[StepEvent]:
    for row in events.iter_rows(named=True):
        subject = row["form_name"] or row["form_id"] or row["url"] or row["name"] or row["campaign"] or ""
        yield StepEvent(at=row["at"], kind=row["kind"], subject=subject)


def _total(lines: _Lines) -> Decimal:
    return from_micro(sum(points for _, points in lines.values()))
