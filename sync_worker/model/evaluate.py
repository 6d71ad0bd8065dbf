"""Evaluation: from facts to verdicts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

import polars as pl

from sync_worker.model.compiled.facts import Facts
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.units import MICROS_PER_POINT
from sync_worker.model.reasons.blockers import describe_deferral, mql_blockers
from sync_worker.model.reasons.ledger import build_ledger
from sync_worker.model.reasons.reasons import grade_reasons, score_reasons
from sync_worker.model.scoring.columns import DerivedColumn, add_columns, find_unreadable
from sync_worker.model.scoring.counters import EVENTS, add_counts, column_name, counter_columns
from sync_worker.model.scoring.evaluation_context import EvaluationContext
from sync_worker.model.scoring.events import prepare_events
from sync_worker.model.scoring.grade import add_grade
from sync_worker.model.scoring.predicates import find_required_columns
from sync_worker.model.scoring.qualification import add_qualification
from sync_worker.model.scoring.score import POINTS, add_score, score_at
from sync_worker.model.scoring.verdict import VERDICT_COLUMNS, Verdict

RISING: Final = "rising"
STEADY: Final = "steady"
FALLING: Final = "falling"


@dataclass(frozen=True, eq=False, kw_only=True)
class Verdicts:
    """The verdicts of one model at one time.

    `table` has one row per contact, ordered by `contact_id`, with the fields of `Verdict` as columns. `unreadable` has one row per value
    that could not be parsed and therefore counted as unknown; see `columns.UNREADABLE_SCHEMA`. `intermediate` has every column that led to
    the verdicts, one row per contact.
    """

    context: EvaluationContext
    table: pl.DataFrame
    unreadable: pl.DataFrame
    intermediate: pl.DataFrame

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """The lines of all scores in micro-points; see `ledger.LEDGER_SCHEMA`."""
        return build_ledger(self.intermediate, self.context)

    @property
    def points(self) -> pl.DataFrame:
        """The micro-points of each contact by criterion: `contact_id`, and a column for each visible one."""
        keys = (line.key for line in self.context.visible_criteria)
        return self.intermediate.select("contact_id", *(pl.col(column_name(POINTS, key)).alias(key) for key in keys))

    def defer_mqls(self, *, except_ids: pl.Series) -> Verdicts:
        """Return the verdicts with all MQLs but these deferred: the daily quota of new MQLs does not admit them."""
        deferred = pl.col("mql") & ~pl.col("contact_id").is_in(except_ids.implode())
        no_mql = {name: pl.when(~deferred).then(pl.col(name)).otherwise(False) for name in ("by_score", "direct", "mql", "retained")}
        reason = pl.when(~deferred).then(pl.col("mql_reason"))
        blockers = pl.when(deferred).then(pl.lit(describe_deferral(self.context.model))).otherwise(pl.col("mql_blockers"))
        table = self.table.with_columns(**no_mql, mql_reason=reason, mql_blockers=blockers, deferred=deferred)
        return replace(self, table=table.select(VERDICT_COLUMNS))

    def get_single(self) -> Verdict:
        """Return the verdict on the only contact.

        Raises:
            ValueError: There is not exactly one contact.
        """
        if self.table.height != 1:
            raise ValueError(f"expected one verdict, found {self.table.height}")
        return Verdict(**self.table.row(0, named=True))


def evaluate(facts: Facts, model: Model, now: datetime) -> Verdicts:
    """Evaluate the contacts of `facts` with `model` at the time `now` (aware).

    A pure function: the verdicts do not depend on the order of rows or on the batches that contacts are split into.
    """
    context = EvaluationContext(model=model, hidden_kinds=facts.hidden_kinds, now=_truncate_to_milliseconds(now))
    derived, columns = _derive_columns(facts, context)
    contacts = derived.select("contact_id", *(column.name for column in columns))
    events = prepare_events(facts.events, context)
    frame = add_grade(add_score(add_counts(contacts, events, context), context), context)
    frame = add_qualification(frame, events, facts.previous, context)
    frame = frame.with_columns(_trend_expression(frame, context))
    frame = frame.with_columns(score_reasons(frame, context), grade_reasons(frame, model))
    table = frame.with_columns(score=pl.col("score") // MICROS_PER_POINT, deferred=pl.lit(False))
    table = table.with_columns(mql_blockers(table, model)).select(VERDICT_COLUMNS)
    return Verdicts(context=context, table=table, unreadable=find_unreadable(derived, columns), intermediate=frame)


def count_criteria(facts: Facts, model: Model, now: datetime) -> pl.DataFrame:
    """Count for each contact and visible criterion of the score, without points: `contact_id`, and a column for each key.

    The number of events that count at the time `now` (aware); of a condition, 1 if it holds.
    """
    context = EvaluationContext(model=model, hidden_kinds=facts.hidden_kinds, now=_truncate_to_milliseconds(now))
    derived, columns = _derive_columns(facts, context)
    contacts = derived.select("contact_id", *(column.name for column in columns))
    counts = add_counts(contacts, prepare_events(facts.events, context), context)
    return counts.select("contact_id", *(pl.col(column_name(EVENTS, line.key)).alias(line.key) for line in context.visible_criteria))


def _derive_columns(facts: Facts, context: EvaluationContext) -> tuple[pl.DataFrame, frozenset[DerivedColumn]]:
    columns = find_required_columns(context.model.contact_conditions, context.contact_scope) | counter_columns(context)
    return add_columns(_sort_contacts(facts.contacts), columns, context.model.domains, context.now), columns


def _sort_contacts(contacts: pl.DataFrame) -> pl.DataFrame:
    return contacts.with_columns(pl.col("contact_id").cast(pl.Int64)).sort("contact_id")


def _trend_expression(frame: pl.DataFrame, context: EvaluationContext) -> pl.Expr:
    change = pl.col("score") - score_at(frame, context)
    least = context.model.document.score.trend.at_least * MICROS_PER_POINT
    rising = pl.when(change >= least).then(pl.lit(RISING))
    return rising.when(change <= -least).then(pl.lit(FALLING)).otherwise(pl.lit(STEADY)).alias("trend")


def _truncate_to_milliseconds(now: datetime) -> datetime:
    """Truncate to HubSpot's resolution, because microseconds would put events at a limit on the wrong side."""
    if now.tzinfo is None:
        raise ValueError("now must have a time zone")
    utc = now.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
