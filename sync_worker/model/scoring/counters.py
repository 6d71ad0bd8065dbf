"""Events counted by contact and criterion: how many, the newest, how many in quarantine, what age leaves of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.model.compiled.criteria import MOST_EVENTS, Award, Line
from sync_worker.model.compiled.facts import COUNTERS, INSTANT
from sync_worker.model.scoring.bot_filter import QUARANTINE
from sync_worker.model.scoring.columns import View
from sync_worker.model.scoring.context import Standpoint
from sync_worker.model.scoring.decay import remaining
from sync_worker.model.scoring.events import KnownEvents, instant
from sync_worker.model.scoring.predicates import truth

#: Columns of a tally, each of one criterion.
EVENTS: Final = "events"
NEWEST: Final = "newest"
ENGAGED: Final = "engaged"
FADED: Final = "faded"
QUARANTINED: Final = "quarantined"

#: What stands before the columns of the tally at the instant that the trend compares with.
THEN: Final = "then "

_COUNTED: Final = "counted"


def column(what: str, key: str, when: str = "") -> str:
    """Return the name of a column of one criterion."""
    return f"{when}{what}:{key}"


def tallied(contacts: pl.DataFrame, known: KnownEvents, standpoint: Standpoint) -> pl.DataFrame:
    """Add to contacts with views the tally of every visible criterion, now and then.

    `events` and `newest` are of the events inside the window and the daily limit, machine clicks left out; `engaged` is the newest
    whatever the window, since interest that a window has forgotten was interest nonetheless; `faded` is what age leaves.
    """
    asked = standpoint.contacts_asked
    frame = contacts.with_columns(
        truth(line.when, asked).fill_null(value=False).cast(pl.Int64).alias(column(EVENTS, line.key, when))
        for line in standpoint.lines
        if line.when
        for when in ("", THEN)
    )
    for line in standpoint.lines:
        if line.event in standpoint.hidden:
            frame = frame.with_columns(_by_counter(line, standpoint))
        elif line.event:
            frame = frame.join(_tally(line, known, standpoint), on="contact_id", how="left", maintain_order="left")
    counts = [name for name in frame.columns if name.removeprefix(THEN).startswith((f"{EVENTS}:", f"{QUARANTINED}:"))]
    return frame.with_columns(pl.col(counts).fill_null(0))


def counter_views(standpoint: Standpoint) -> frozenset[View]:
    """Return the views of HubSpot's counters that stand in for hidden events."""
    wanted = standpoint.model.event_kinds & standpoint.hidden & COUNTERS.keys()
    return frozenset(view for kind in wanted for view in counter(kind))


def counter(kind: str) -> tuple[View, View]:
    """Return the views of HubSpot's counter of a kind: the number, and the last date."""
    number, last = COUNTERS[kind]
    return View(number, "number"), View(last, "past")


def worth(award: Award, events: pl.Expr) -> pl.Expr:
    """Compile what a number of events is worth, in micro-points."""
    if award.each:
        total = events * award.each
        return total if award.cap is None else total.clip(-award.cap, award.cap)
    steps = (pl.when(events >= at).then(pl.lit(points, dtype=pl.Int64)).otherwise(0) for at, points in award.steps)
    return pl.sum_horizontal(steps)


def _tally(line: Line, known: KnownEvents, standpoint: Standpoint) -> pl.DataFrame:
    """Count both instants in one pass over the events."""
    matched = known.matching(line.event or "", line.where)
    instants = {"": standpoint.now, THEN: standpoint.then}
    rows = matched.lazy().with_columns(_counted(line, at, standpoint).alias(f"{when}{_COUNTED}") for when, at in instants.items())
    if fades := _fades(line, standpoint):
        rows = rows.with_columns(_faded(line, when, at, standpoint).alias(f"{when}{FADED}") for when, at in instants.items())
    held = pl.col(QUARANTINE).is_not_null() & _in_window(line, standpoint.now)
    totals = [total for when, at in instants.items() for total in _totals(line, when, at, fades=fades)]
    tally = rows.group_by("contact_id").agg(*totals, held.sum().cast(pl.Int64).alias(column(QUARANTINED, line.key)))
    if line.positive and line.within is None:
        tally = tally.with_columns(pl.col(column(NEWEST, line.key, when)).alias(column(ENGAGED, line.key, when)) for when in instants)
    return tally.collect()


def _totals(line: Line, when: str, at: datetime, *, fades: bool) -> Iterator[pl.Expr]:
    counted = pl.col(f"{when}{_COUNTED}")
    yield counted.count().clip(upper_bound=MOST_EVENTS).cast(pl.Int64).alias(column(EVENTS, line.key, when))
    yield counted.max().alias(column(NEWEST, line.key, when))
    if line.positive and line.within is not None:
        yield pl.when(_real(at)).then(pl.col("at")).max().alias(column(ENGAGED, line.key, when))
    if fades:
        faded = pl.col(f"{when}{FADED}").sum()
        yield (faded if line.award.cap is None else faded.clip(upper_bound=line.award.cap)).alias(column(FADED, line.key, when))


def _counted(line: Line, at: datetime, standpoint: Standpoint) -> pl.Expr:
    """Return when an event happened if it counts at an instant, else null; of a day with too many, the newest count."""
    happened: pl.Expr = pl.when(_real(at) & _in_window(line, at)).then(pl.col("at")).otherwise(None)
    if line.per_day is None:
        return happened
    day = pl.col("at").dt.convert_time_zone(standpoint.model.document.time_zone).dt.date()
    rank = happened.rank("ordinal", descending=True).over("contact_id", day)
    return pl.when(rank <= line.per_day).then(happened)


def _real(at: datetime) -> pl.Expr:
    return pl.col(QUARANTINE).is_null() & (pl.col("at") <= instant(at))


def _in_window(line: Line, at: datetime) -> pl.Expr:
    return pl.lit(True) if line.within is None else pl.col("at") >= instant(at - line.within)


def _fades(line: Line, standpoint: Standpoint) -> bool:
    return standpoint.model.document.score.degradation.kind == "per_event" and line.positive


def _faded(line: Line, when: str, at: datetime, standpoint: Standpoint) -> pl.Expr:
    """Return what age leaves of each event's points.

    Where points come in steps, the step at n events rests on the n-th newest: it was reached when that event happened.
    """
    counted = pl.col(f"{when}{_COUNTED}")
    rank = counted.rank("ordinal", descending=True).over("contact_id")
    if line.award.each:
        points: pl.Expr = pl.when(rank <= MOST_EVENTS).then(pl.lit(line.award.each, dtype=pl.Int64))
    else:
        points = rank.replace_strict(dict(line.award.steps), default=0, return_dtype=pl.Int64)
    return remaining(points, counted, standpoint.model.document.score.degradation, at).fill_null(0)


def _by_counter(line: Line, standpoint: Standpoint) -> Iterable[pl.Expr]:
    """Tally HubSpot's counter in place of the events; all of them are as old as the last, for want of better knowledge."""
    number, last = counter(line.event or "")
    known = pl.col(number.name).clip(0, MOST_EVENTS).floor().cast(pl.Int64).fill_null(0)
    for when, at in {"": standpoint.now, THEN: standpoint.then}.items():
        newest = pl.min_horizontal(pl.col(last.name), pl.when(pl.col(last.name).is_not_null()).then(instant(at)))
        inside = pl.lit(True) if line.within is None else (newest >= instant(at - line.within)).fill_null(value=False)
        seen = pl.when(inside).then(known).otherwise(0)
        yield seen.alias(column(EVENTS, line.key, when))
        yield pl.when(seen > 0).then(newest).cast(INSTANT).alias(column(NEWEST, line.key, when))
        if line.positive:
            yield pl.when(known > 0).then(newest).cast(INSTANT).alias(column(ENGAGED, line.key, when))
        if _fades(line, standpoint):
            whole = worth(line.award, seen)
            left = remaining(whole, newest, standpoint.model.document.score.degradation, at)
            yield left.fill_null(whole).alias(column(FADED, line.key, when))
