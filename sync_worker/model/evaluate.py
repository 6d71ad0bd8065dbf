"""From facts to verdicts: the one door of the model room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

import polars as pl

from sync_worker.model.compiled.facts import Facts
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.units import MICRO
from sync_worker.model.reasons.ledger import ledger_of
from sync_worker.model.reasons.reasons import grade_reasons, score_reasons
from sync_worker.model.scoring.columns import unreadable, with_views
from sync_worker.model.scoring.context import Standpoint
from sync_worker.model.scoring.counters import counter_views, tallied
from sync_worker.model.scoring.events import known_events
from sync_worker.model.scoring.grade import graded
from sync_worker.model.scoring.predicates import views_of
from sync_worker.model.scoring.qualification import qualified
from sync_worker.model.scoring.score import score_then, scored

RISING: Final = "rising"
STEADY: Final = "steady"
FALLING: Final = "falling"

_TABLE: Final = (
    *("contact_id", "score", "band", "grade", "grade_rank", "grade_known", "grade_of", "mql", "by_score", "direct", "disqualified"),
    *("mql_reason", "disqualified_by", "trend", "score_reasons", "grade_reasons"),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Verdicts:
    """The verdicts of one model at one instant.

    `table` has one row a contact, in order of `contact_id`: score (whole points), band, grade, grade_rank (thirds from F),
    grade_known, grade_of, mql, by_score, direct, disqualified, mql_reason (a direct qualifier, `by_score`, or null), disqualified_by,
    trend (rising, steady, falling), score_reasons and grade_reasons (lines for a rep). `unreadable` lists contact_id, property, value
    and what was expected, for each value that counted as unknown because it could not be understood.
    """

    standpoint: Standpoint
    table: pl.DataFrame
    unreadable: pl.DataFrame
    workings: pl.DataFrame  # every column on the way to the verdicts, one row a contact

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """The lines of every score, in micro-points; see `ledger.LEDGER_SCHEMA`."""
        return ledger_of(self.workings, self.standpoint)


def evaluate(facts: Facts, model: Model, now: datetime) -> Verdicts:
    """Judge the contacts of `facts` by `model` as of `now` (aware).

    A pure function: the same arguments give the same verdicts, whatever the order of rows, however the contacts are cut into chunks.
    """
    standpoint = Standpoint(model=model, hidden=facts.hidden, now=_to_the_millisecond(now))
    views = views_of(model.contact_conditions, standpoint.contacts_asked) | counter_views(standpoint)
    viewed = with_views(_sorted(facts.contacts), views, model.domains, standpoint.now)
    contacts = viewed.select("contact_id", *(view.name for view in views))
    known = known_events(facts.events, standpoint)
    frame = graded(scored(tallied(contacts, known, standpoint), standpoint), standpoint)
    frame = qualified(frame, known, facts.previous, standpoint)
    frame = frame.with_columns(_trend(frame, standpoint))
    frame = frame.with_columns(score_reasons(frame, standpoint), grade_reasons(frame, model))
    table = frame.with_columns(score=pl.col("score") // MICRO).select(_TABLE)
    return Verdicts(standpoint=standpoint, table=table, unreadable=unreadable(viewed, views), workings=frame)


def _sorted(contacts: pl.DataFrame) -> pl.DataFrame:
    return contacts.with_columns(pl.col("contact_id").cast(pl.Int64)).sort("contact_id")


def _trend(frame: pl.DataFrame, standpoint: Standpoint) -> pl.Expr:
    change = pl.col("score") - score_then(frame, standpoint)
    least = standpoint.model.document.score.trend.at_least * MICRO
    rising = pl.when(change >= least).then(pl.lit(RISING))
    return rising.when(change <= -least).then(pl.lit(FALLING)).otherwise(pl.lit(STEADY)).alias("trend")


def _to_the_millisecond(now: datetime) -> datetime:
    """HubSpot's clock has milliseconds; everything finer would make an event too new or too old by nothing."""
    if now.tzinfo is None:
        raise ValueError("now must be aware of its time zone")
    utc = now.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
