"""Events counted by contact and criterion: how many, the newest, how many in quarantine, what age leaves of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.model.criteria import MOST_EVENTS, Line
from sync_worker.model.document import Degradation, Document
from sync_worker.model.fading import faded
from sync_worker.model.machines import QUARANTINE
from sync_worker.model.signals import instant, of_kind
from sync_worker.model.truth import of_events, truth

#: Columns of a tally, each for one criterion.
EVENTS: Final = "events"
NEWEST: Final = "newest"
ENGAGED: Final = "engaged"
FADED: Final = "faded"
QUARANTINED: Final = "quarantined"


def column(what: str, key: str) -> str:
    """Return the name of a column of one criterion."""
    return f"{what}:{key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The events of one criterion by contact; `rows` has contact_id, events, newest, engaged, and faded where events fade."""

    key: str
    rows: pl.DataFrame


def matching(events: pl.DataFrame, line: Line, document: Document, now: datetime) -> pl.DataFrame:
    """Return the events that are of a criterion's kind and meet its condition, machine clicks included."""
    wanted = of_kind(line.event or "", document.signals)
    if line.where:
        wanted = wanted & truth(line.where, of_events(now)).fill_null(value=False)
    return events.filter(wanted)


def tally(matched: pl.DataFrame, line: Line, document: Document, at: datetime) -> pl.DataFrame:
    """Count the matching events that happened by an instant and are not in quarantine.

    `events` and `newest` are of those inside the window and the daily limit; `engaged` is the newest of all, since interest that
    a window has forgotten was interest nonetheless.
    """
    real = matched.filter(pl.col(QUARANTINE).is_null() & (pl.col("at") <= instant(at)))
    engaged = real.group_by("contact_id").agg(pl.col("at").max().alias(ENGAGED)) if line.within else None
    counted = limited(windowed(real, line, at), line, document.time_zone)
    counts = counted.group_by("contact_id").agg(
        pl.len().clip(upper_bound=MOST_EVENTS).cast(pl.Int64).alias(EVENTS), pl.col("at").max().alias(NEWEST)
    )
    if engaged is None:
        counts = counts.with_columns(pl.col(NEWEST).alias(ENGAGED))
    else:
        counts = engaged.join(counts, on="contact_id", how="left")
    return _with_faded(counts, counted, line, document.score.degradation, at)


def quarantined(matched: pl.DataFrame, line: Line, at: datetime) -> pl.DataFrame:
    """Count the matching events in quarantine that would be inside the window."""
    held = windowed(matched.filter(pl.col(QUARANTINE).is_not_null()), line, at)
    return held.group_by("contact_id").agg(pl.len().cast(pl.Int64).alias(QUARANTINED))


def windowed(events: pl.DataFrame, line: Line, at: datetime) -> pl.DataFrame:
    """Keep the events that are inside a criterion's window."""
    return events if line.within is None else events.filter(pl.col("at") >= instant(at - line.within))


def limited(events: pl.DataFrame, line: Line, time_zone: str) -> pl.DataFrame:
    """Keep at most so many events of a contact and day as the criterion allows, the newest ones."""
    if line.per_day is None:
        return events
    day = pl.col("at").dt.convert_time_zone(time_zone).dt.date()
    rank = pl.col("at").rank("ordinal", descending=True).over("contact_id", day)
    return events.filter(rank <= line.per_day)


def _with_faded(counts: pl.DataFrame, counted: pl.DataFrame, line: Line, degradation: Degradation, at: datetime) -> pl.DataFrame:
    if degradation.kind != "per_event" or not line.positive:
        return counts
    return counts.join(faded(counted, line.award, degradation, at), on="contact_id", how="left")
