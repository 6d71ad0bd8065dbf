"""From facts to verdicts: the one door of the model room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

import polars as pl

from sync_worker.model.facts import Facts
from sync_worker.model.grading import graded
from sync_worker.model.ledger import ledger_of
from sync_worker.model.machines import with_quarantine
from sync_worker.model.model import Model
from sync_worker.model.qualification import qualified
from sync_worker.model.quantities import MICRO
from sync_worker.model.reasons import grade_reasons, score_reasons
from sync_worker.model.scoring import counter_views, scored, with_properties_asked
from sync_worker.model.signals import known_events
from sync_worker.model.truth import of_contacts, of_events, views_of
from sync_worker.model.views import View, unreadable, with_views

RISING: Final = "rising"
STEADY: Final = "steady"
FALLING: Final = "falling"

_TABLE: Final = ("contact_id", "score", "band", "grade", "grade_rank", "grade_known", "grade_of", "mql", "by_score", "direct")
_TABLE_MORE: Final = ("disqualified", "mql_reason", "disqualified_by", "trend", "score_reasons", "grade_reasons")


@dataclass(frozen=True, eq=False, kw_only=True)
class Verdicts:
    """The verdicts of one model at one instant.

    `table` has one row a contact, in order of `contact_id`: score (whole points), band, grade, grade_rank (thirds from F),
    grade_known, grade_of, mql, by_score, direct, disqualified, mql_reason (a direct qualifier, `by_score`, or null), disqualified_by,
    trend (rising, steady, falling), score_reasons and grade_reasons (lines for a rep). `unreadable` lists contact_id, property, value
    and what was expected, for each value that counted as unknown because it could not be understood.
    """

    model: Model
    at: datetime
    table: pl.DataFrame
    unreadable: pl.DataFrame
    hidden: frozenset[str]
    workings: pl.DataFrame  # every column on the way to the verdicts, one row a contact
    events: pl.DataFrame  # the known events, with the reason of their quarantine

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """The lines of every score, in micro-points; see `ledger.ledger_of`."""
        return ledger_of(self.workings, self.model, self.hidden)


def evaluate(facts: Facts, model: Model, now: datetime) -> Verdicts:
    """Judge the contacts of `facts` by `model` as of `now` (aware).

    A pure function: the same arguments give the same verdicts, whatever the order of rows, however the contacts are cut into chunks.
    """
    at = _to_the_millisecond(now)
    views, counters = views_of(model.contact_conditions, of_contacts(model.property, at)), counter_views(model, facts.hidden)
    contacts = facts.contacts.with_columns(pl.col("contact_id").cast(pl.Int64)).sort("contact_id")
    contacts = with_properties_asked(with_views(contacts, views | counters, model.domains, at), model, at)
    events = with_quarantine(known_events(facts, at), model.document.machine_clicks)
    events = with_views(events, views_of(model.event_conditions, of_events(at)), model.domains, at)
    frame = graded(scored(contacts, events, facts.hidden, model, at), model, at)
    frame = qualified(frame, events, facts, model, at)
    frame = frame.with_columns(_trend(frame, contacts, events, facts.hidden, model, at))
    frame = frame.with_columns(score_reasons(frame, model, facts.hidden, at), grade_reasons(frame, model))
    return _verdicts(frame, events, views | counters, facts.hidden, model, at)


def _verdicts(
    frame: pl.DataFrame, events: pl.DataFrame, views: frozenset[View], hidden: frozenset[str], model: Model, at: datetime
) -> Verdicts:
    return Verdicts(
        model=model,
        at=at,
        table=frame.with_columns(score=pl.col("score") // MICRO).select(*_TABLE, *_TABLE_MORE),
        unreadable=unreadable(frame, views),
        hidden=hidden,
        workings=frame,
        events=events,
    )


def _trend(
    frame: pl.DataFrame, contacts: pl.DataFrame, events: pl.DataFrame, hidden: frozenset[str], model: Model, now: datetime
) -> pl.Series:
    """Compare with the score so long ago, from the events known then; properties are taken as they are now."""
    trend = model.document.score.trend
    then = scored(contacts, events, hidden, model, now - trend.over)["score"]
    change = frame["score"] - then
    least = trend.at_least * MICRO
    said = pl.when(pl.col("score") >= least).then(pl.lit(RISING)).when(pl.col("score") <= -least).then(pl.lit(FALLING))
    return change.to_frame().select(said.otherwise(pl.lit(STEADY)).alias("trend")).to_series()


def _to_the_millisecond(now: datetime) -> datetime:
    """HubSpot's clock has milliseconds; everything finer would make an event too new or too old by nothing."""
    if now.tzinfo is None:
        raise ValueError("now must be aware of its time zone")
    utc = now.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
