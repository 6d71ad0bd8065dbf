"""Counts of events per contact and criterion, from single events or from HubSpot's counters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.model.compiled.criteria import MAX_COUNTED_EVENTS, Award, ScoreCriterion
from sync_worker.model.compiled.facts import COUNTER_PROPERTIES, TIMESTAMP
from sync_worker.model.scoring.bot_filter import QUARANTINE
from sync_worker.model.scoring.columns import DerivedColumn
from sync_worker.model.scoring.decay import apply_decay
from sync_worker.model.scoring.evaluation_context import EvaluationContext
from sync_worker.model.scoring.events import EventsByKind, timestamp_literal
from sync_worker.model.scoring.predicates import compile_condition
from sync_worker.model.scoring.subjects import SUBJECT

#: Columns of the counts, one per criterion.
EVENTS: Final = "events"
NEWEST: Final = "newest"
LAST_ENGAGEMENT: Final = "engaged"
DECAYED: Final = "faded"
QUARANTINED: Final = "quarantined"
DIFFERENT: Final = "different"

#: Prefix of the same columns for the time that the trend compares with.
BASELINE_PREFIX: Final = "then "

_COUNTED_AT: Final = "counted"


def column_name(measure: str, key: str, prefix: str = "") -> str:
    """Return the name of a column of one criterion."""
    return f"{prefix}{measure}:{key}"


def add_counts(contacts: pl.DataFrame, events_by_kind: EventsByKind, context: EvaluationContext) -> pl.DataFrame:
    """Add the counts of every visible criterion, now and at the time that the trend compares with.

    `EVENTS` and `NEWEST`: number and newest of the events within the window and the daily limit that are not quarantined.
    `LAST_ENGAGEMENT`: the newest event that is not quarantined, also outside the window, because it was engagement at its time.
    `DECAYED`: the points that are left with decay per event. `QUARANTINED`: number of quarantined events within the window.
    `DIFFERENT`: number of emails, pages or forms of the counted events, if the reasons need it.
    """
    scope = context.contact_scope
    frame = contacts.with_columns(
        compile_condition(line.when, scope).fill_null(value=False).cast(pl.Int64).alias(column_name(EVENTS, line.key, when))
        for line in context.visible_criteria
        if line.when
        for when in ("", BASELINE_PREFIX)
    )
    for line in context.visible_criteria:
        if line.event in context.hidden_kinds:
            frame = frame.with_columns(_count_from_property(line, context))
        elif line.event:
            frame = frame.join(_count_events(line, events_by_kind, context), on="contact_id", how="left", maintain_order="left")
    counts = [
        name for name in frame.columns if name.removeprefix(BASELINE_PREFIX).startswith((f"{EVENTS}:", f"{QUARANTINED}:", f"{DIFFERENT}:"))
    ]
    return frame.with_columns(pl.col(counts).fill_null(0))


def counter_columns(context: EvaluationContext) -> frozenset[DerivedColumn]:
    """Return the derived columns of HubSpot's counters that replace hidden events."""
    wanted = context.model.event_kinds & context.hidden_kinds & COUNTER_PROPERTIES.keys()
    return frozenset(column for kind in wanted for column in counter_column_pair(kind))


def counter_column_pair(kind: str) -> tuple[DerivedColumn, DerivedColumn]:
    """Return the derived columns of HubSpot's counter of a kind: number of events, date of the last event."""
    number, last = COUNTER_PROPERTIES[kind]
    return DerivedColumn(number, "number"), DerivedColumn(last, "past")


def points_expression(award: Award, events: pl.Expr) -> pl.Expr:
    """Compile the micro-points for a number of events."""
    if award.each:
        total = events * award.each
        return total if award.cap is None else total.clip(-award.cap, award.cap)
    steps = (pl.when(events >= at).then(pl.lit(points, dtype=pl.Int64)).otherwise(0) for at, points in award.steps)
    return pl.sum_horizontal(steps)


def _count_events(criterion: ScoreCriterion, events_by_kind: EventsByKind, context: EvaluationContext) -> pl.DataFrame:
    """Count for both times in one pass over the events."""
    matched = events_by_kind.select_counted(criterion)
    instants = {"": context.now, BASELINE_PREFIX: context.trend_baseline}
    rows = matched.lazy().with_columns(
        time_if_counted(criterion, at, context).alias(f"{when}{_COUNTED_AT}") for when, at in instants.items()
    )
    if has_decay := _has_decay(criterion, context):
        rows = rows.with_columns(_decay_points(criterion, when, at, context).alias(f"{when}{DECAYED}") for when, at in instants.items())
    quarantined = pl.col(QUARANTINE).is_not_null() & _is_in_window(criterion, context.now)
    totals = [total for when, at in instants.items() for total in _total_expressions(criterion, when, at, has_decay=has_decay)]
    if SUBJECT in matched.columns and criterion.label is None:
        subjects = pl.col(SUBJECT).filter(pl.col(_COUNTED_AT).is_not_null()).n_unique()
        totals.append(subjects.cast(pl.Int64).alias(column_name(DIFFERENT, criterion.key)))
    counts = rows.group_by("contact_id").agg(*totals, quarantined.sum().cast(pl.Int64).alias(column_name(QUARANTINED, criterion.key)))
    if criterion.is_positive and criterion.within is None:
        counts = counts.with_columns(
            pl.col(column_name(NEWEST, criterion.key, when)).alias(column_name(LAST_ENGAGEMENT, criterion.key, when)) for when in instants
        )
    return counts.collect()


def _total_expressions(criterion: ScoreCriterion, prefix: str, at: datetime, *, has_decay: bool) -> Iterator[pl.Expr]:
    counted = pl.col(f"{prefix}{_COUNTED_AT}")
    yield counted.count().clip(upper_bound=MAX_COUNTED_EVENTS).cast(pl.Int64).alias(column_name(EVENTS, criterion.key, prefix))
    yield counted.max().alias(column_name(NEWEST, criterion.key, prefix))
    if criterion.is_positive and criterion.within is not None:
        yield pl.when(_is_genuine(at)).then(pl.col("at")).max().alias(column_name(LAST_ENGAGEMENT, criterion.key, prefix))
    if has_decay:
        decayed = pl.col(f"{prefix}{DECAYED}").sum()
        yield (decayed if criterion.award.cap is None else decayed.clip(upper_bound=criterion.award.cap)).alias(
            column_name(DECAYED, criterion.key, prefix)
        )


def time_if_counted(criterion: ScoreCriterion, at: datetime, context: EvaluationContext) -> pl.Expr:
    """Return the time of an event if it counts at this time, else null; of a day above the limit, the newest events count."""
    counted: pl.Expr = pl.when(_is_genuine(at) & _is_in_window(criterion, at)).then(pl.col("at")).otherwise(None)
    if criterion.per_day is None:
        return counted
    day = pl.col("at").dt.convert_time_zone(context.model.document.time_zone).dt.date()
    rank = counted.rank("ordinal", descending=True).over("contact_id", day)
    return pl.when(rank <= criterion.per_day).then(counted)


def _is_genuine(at: datetime) -> pl.Expr:
    return pl.col(QUARANTINE).is_null() & (pl.col("at") <= timestamp_literal(at))


def _is_in_window(criterion: ScoreCriterion, at: datetime) -> pl.Expr:
    return pl.lit(True) if criterion.within is None else pl.col("at") >= timestamp_literal(at - criterion.within)


def _has_decay(criterion: ScoreCriterion, context: EvaluationContext) -> bool:
    return context.model.document.score.degradation.kind == "per_event" and criterion.is_positive


def _decay_points(criterion: ScoreCriterion, prefix: str, at: datetime, context: EvaluationContext) -> pl.Expr:
    """Return the decayed points of each event.

    With steps, the step at n events decays with the n-th newest event, because that event completed the step.
    """
    counted = pl.col(f"{prefix}{_COUNTED_AT}")
    rank = counted.rank("ordinal", descending=True).over("contact_id")
    if criterion.award.each:
        points: pl.Expr = pl.when(rank <= MAX_COUNTED_EVENTS).then(pl.lit(criterion.award.each, dtype=pl.Int64))
    else:
        points = rank.replace_strict(dict(criterion.award.steps), default=0, return_dtype=pl.Int64)
    return apply_decay(points, counted, context.model.document.score.degradation, at).fill_null(0)


def _count_from_property(criterion: ScoreCriterion, context: EvaluationContext) -> Iterable[pl.Expr]:
    """Count with HubSpot's counter; all of its events are assumed to be as old as the last one."""
    number, last = counter_column_pair(criterion.event or "")
    known = pl.col(number.name).clip(0, MAX_COUNTED_EVENTS).floor().cast(pl.Int64).fill_null(0)
    for when, at in {"": context.now, BASELINE_PREFIX: context.trend_baseline}.items():
        newest = pl.min_horizontal(pl.col(last.name), pl.when(pl.col(last.name).is_not_null()).then(timestamp_literal(at)))
        inside = pl.lit(True) if criterion.within is None else (newest >= timestamp_literal(at - criterion.within)).fill_null(value=False)
        counted = pl.when(inside).then(known).otherwise(0)
        yield counted.alias(column_name(EVENTS, criterion.key, when))
        yield pl.when(counted > 0).then(newest).cast(TIMESTAMP).alias(column_name(NEWEST, criterion.key, when))
        if criterion.is_positive:
            yield pl.when(known > 0).then(newest).cast(TIMESTAMP).alias(column_name(LAST_ENGAGEMENT, criterion.key, when))
        if _has_decay(criterion, context):
            whole = points_expression(criterion.award, counted)
            left = apply_decay(whole, newest, context.model.document.score.degradation, at)
            yield left.fill_null(whole).alias(column_name(DECAYED, criterion.key, when))
