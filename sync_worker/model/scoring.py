"""The score: points per criterion, what fades, the floor, negatives, one rounding at the very end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from typing import Final

import polars as pl

from sync_worker.model.criteria import MOST_EVENTS, Award, Line
from sync_worker.model.facts import COUNTERS
from sync_worker.model.fading import floor, full_periods, inactivity_loss, remaining
from sync_worker.model.model import Model
from sync_worker.model.quantities import MICRO, to_micro
from sync_worker.model.signals import instant
from sync_worker.model.tallying import ENGAGED, EVENTS, FADED, NEWEST, QUARANTINED, column, matching, quarantined, tally
from sync_worker.model.truth import of_contacts, truth
from sync_worker.model.views import View

#: Columns of the ledger of a criterion, beside those of its tally.
POINTS: Final = "points"
CUT: Final = "cut"

#: Lines of the ledger that are no criteria.
DEGRADATION: Final = "degradation"
FLOOR: Final = "floor"
MINIMUM: Final = "minimum"
ROUNDING: Final = "rounding"

_HALF: Final = MICRO // 2


def counter_views(model: Model, hidden: frozenset[str]) -> frozenset[View]:
    """Return the views of HubSpot's counters that stand in for hidden events."""
    wanted = {line.event for line in model.lines} | {rule.event for rule in (*model.direct.values(), *model.disqualifiers.values())}
    return frozenset(view for kind in wanted if kind in hidden and kind in COUNTERS for view in _counter(kind))


def with_properties_asked(contacts: pl.DataFrame, model: Model, now: datetime) -> pl.DataFrame:
    """Add, for every criterion that asks about the contact, whether it holds, as a tally of 1 or 0."""
    asked = of_contacts(model.property, now)
    holds = ((line.key, truth(line.when, asked).fill_null(value=False)) for line in model.lines if line.when)
    return contacts.with_columns(held.cast(pl.Int64).alias(column(EVENTS, key)) for key, held in holds)


def scored(contacts: pl.DataFrame, events: pl.DataFrame, hidden: frozenset[str], model: Model, at: datetime) -> pl.DataFrame:
    """Add to contacts with views, for every criterion, its tally, its points, and the lines that lead to `score`.

    Events that happened after `at` don't count. `score` and the points of every line are micro-points.
    """
    visible = [line for line in model.lines if line.visible(hidden)]
    frame = contacts
    for line in visible:
        frame = frame if line.when else _with_tally(frame, events, line, hidden, model, at)
    frame = frame.with_columns(_points(line) for line in visible)
    frame = frame.with_columns(_cut(line) for line in visible if line.award.cap is not None)
    return _totalled(frame, visible, model, at)


def _with_tally(frame: pl.DataFrame, events: pl.DataFrame, line: Line, hidden: frozenset[str], model: Model, at: datetime) -> pl.DataFrame:
    if line.event in hidden:
        return frame.with_columns(_counted(line, model, at))
    matched = matching(events, line, model.document, at)
    for rows in (tally(matched, line, model.document, at), quarantined(matched, line, at)):
        named = rows.rename({name: column(name, line.key) for name in rows.columns if name != "contact_id"})
        frame = frame.join(named, on="contact_id", how="left", maintain_order="left")
    return frame.with_columns(pl.col(column(what, line.key)).fill_null(0) for what in (EVENTS, QUARANTINED))


def _counter(kind: str) -> tuple[View, View]:
    number, last = COUNTERS[kind]
    return View(number, "number"), View(last, "past")


def _counted(line: Line, model: Model, at: datetime) -> Iterable[pl.Expr]:
    """Tally HubSpot's counter in place of the events; all of them are as old as the last, for want of better knowledge."""
    number, last = _counter(line.event or "")
    newest = pl.min_horizontal(pl.col(last.name), instant(at))
    seen = pl.col(number.name).clip(0, MOST_EVENTS).floor().cast(pl.Int64).fill_null(0)
    if line.within is not None:
        seen = pl.when(newest >= instant(at - line.within)).then(seen).otherwise(0)
    yield seen.alias(column(EVENTS, line.key))
    yield pl.when(seen > 0).then(newest).alias(column(NEWEST, line.key))
    yield newest.alias(column(ENGAGED, line.key))
    if model.document.score.degradation.kind == "per_event" and line.positive:
        left = remaining(_worth(line.award, seen), newest, model.document.score.degradation, at)
        yield left.fill_null(_worth(line.award, seen)).alias(column(FADED, line.key))


def _worth(award: Award, events: pl.Expr) -> pl.Expr:
    """Compile what a number of events is worth."""
    if award.each:
        total = events * award.each
        return total if award.cap is None else total.clip(-award.cap, award.cap)
    return reduce(pl.Expr.__add__, (pl.when(events >= at).then(points).otherwise(0) for at, points in award.steps)).cast(pl.Int64)


def _points(line: Line) -> pl.Expr:
    return _worth(line.award, pl.col(column(EVENTS, line.key))).alias(column(POINTS, line.key))


def _cut(line: Line) -> pl.Expr:
    """What the cap took away, with the sign that it had."""
    uncapped = pl.col(column(EVENTS, line.key)) * line.award.each
    return (uncapped - pl.col(column(POINTS, line.key))).alias(column(CUT, line.key))


def _totalled(frame: pl.DataFrame, visible: list[Line], model: Model, at: datetime) -> pl.DataFrame:
    positive = [line for line in visible if line.positive]
    negative = [line for line in visible if not line.positive]
    engaged = [pl.col(column(ENGAGED, line.key)) for line in positive if line.event]
    frame = frame.with_columns(
        earned=_sum(pl.col(column(POINTS, line.key)) for line in positive),
        negatives=_sum(pl.col(column(POINTS, line.key)) for line in negative),
        engaged=pl.max_horizontal(engaged) if engaged else pl.lit(None, dtype=pl.Datetime("ms", "UTC")),
    )
    frame = frame.with_columns(periods=_periods(model, at)).with_columns(loss=_loss(positive, model))
    lowest = pl.min_horizontal("earned", pl.lit(floor(model.document.score.degradation, model.document.qualification.threshold)))
    frame = frame.with_columns(decayed=pl.max_horizontal(pl.col("earned") - pl.col("loss"), lowest))
    return _rounded(frame, model.document.score.minimum)


def _rounded(frame: pl.DataFrame, minimum: int | None) -> pl.DataFrame:
    """Add the lines below the criteria, so that all lines add up to the rounded score."""
    exact = pl.col("decayed") + pl.col("negatives")
    clamped = exact if minimum is None else exact.clip(lower_bound=to_micro(minimum))
    score = (clamped + _HALF) // MICRO * MICRO
    return frame.with_columns(
        (-pl.col("loss")).alias(DEGRADATION),
        (pl.col("decayed") - pl.col("earned") + pl.col("loss")).alias(FLOOR),
        (clamped - exact).alias(MINIMUM),
        (score - clamped).alias(ROUNDING),
        score=score,
    )


def _periods(model: Model, at: datetime) -> pl.Expr:
    degradation = model.document.score.degradation
    return full_periods(pl.col("engaged"), degradation, at) if degradation.kind == "inactivity" else pl.lit(0, dtype=pl.Int64)


def _loss(positive: list[Line], model: Model) -> pl.Expr:
    degradation = model.document.score.degradation
    if degradation.kind == "inactivity":
        return inactivity_loss(pl.col("earned"), pl.col("periods"), degradation)
    if degradation.kind == "per_event":
        events = [line.key for line in positive if line.event]
        return _sum(pl.col(column(POINTS, key)) - pl.col(column(FADED, key)).fill_null(0) for key in events)
    return pl.lit(0, dtype=pl.Int64)


def _sum(parts: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(pl.Expr.__add__, parts, pl.lit(0, dtype=pl.Int64))
