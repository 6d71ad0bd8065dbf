"""Qualification: bands, MQLs by score with hysteresis, direct qualifiers, disqualifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from sync_worker.model.compiled.model import Model, RuleKind, is_rule_visible
from sync_worker.model.file.schema import GRADE_LETTERS, Band, Rule
from sync_worker.model.file.units import to_micro
from sync_worker.model.scoring.bot_filter import QUARANTINE
from sync_worker.model.scoring.counters import column_name, counter_column_pair
from sync_worker.model.scoring.evaluation_context import EvaluationContext
from sync_worker.model.scoring.events import EventsByKind, timestamp_literal
from sync_worker.model.scoring.grade import comparison_rank
from sync_worker.model.scoring.predicates import compile_condition

BY_SCORE: Final = "by_score"


def add_qualification(
    frame: pl.DataFrame, events_by_kind: EventsByKind, previous: pl.DataFrame, context: EvaluationContext
) -> pl.DataFrame:
    """Add band, by_score, direct, disqualified, mql, and the rules that led to them.

    `frame` has score and grade. `previous` has the contacts that are admitted MQLs by score, see `facts.PREVIOUS_SCHEMA`.
    """
    model = context.model
    frame = frame.with_columns(_rule_holds(rule, events_by_kind, context).alias(column_name(kind, key)) for kind, key, rule in model.rules)
    before = previous.filter(pl.col("by_score"))["contact_id"].unique()
    frame = frame.with_columns(
        band=band_expression(pl.col("score"), model.bands),
        by_score=_qualifies_by_score(pl.col("contact_id").is_in(before.implode()), model),
        direct_by=_first_rule("direct", model.direct_qualifiers),
        disqualified_by=_first_rule("disqualifier", model.disqualifiers),
    )
    frame = frame.with_columns(direct=pl.col("direct_by").is_not_null(), disqualified=pl.col("disqualified_by").is_not_null())
    mql = (pl.col("by_score") | pl.col("direct")) & ~pl.col("disqualified")
    frame = frame.with_columns(mql=mql, mql_reason=pl.when(mql).then(pl.coalesce("direct_by", pl.lit(BY_SCORE))))
    below = pl.col("score") < to_micro(model.document.qualification.threshold)
    return frame.with_columns(retained=(pl.col("mql_reason") == BY_SCORE).fill_null(value=False) & below)


def band_expression(score: pl.Expr, bands: tuple[Band, ...]) -> pl.Expr:
    """Return the band of a score in micro-points; scores below the first bound belong to the first band."""
    band = pl.lit(bands[0].name)
    for upper in bands[1:]:
        band = pl.when(score >= to_micro(upper.from_)).then(pl.lit(upper.name)).otherwise(band)
    return band


def _qualifies_by_score(before: pl.Expr, model: Model) -> pl.Expr:
    """Return whether the score reaches the threshold, or for admitted MQLs the lower bound `leave_below`, to avoid flapping."""
    stays = before & (pl.col("score") >= model.leave_below)
    return ((pl.col("score") >= to_micro(model.document.qualification.threshold)) | stays) & _passes_grade(model)


def _passes_grade(model: Model) -> pl.Expr:
    rules = model.document.qualification
    if not model.grade_criteria:
        return pl.lit(True)
    lowest = 0 if rules.grade_at_least is None else GRADE_LETTERS.index(rules.grade_at_least)
    whole = model.document.grade.letters == "whole"
    good = comparison_rank(pl.col("grade_rank"), without_signs=whole) >= comparison_rank(lowest, without_signs=whole)
    if rules.known_at_least is None:
        return good
    complete = pl.col("grade_known") >= rules.known_at_least
    return complete & good if rules.incomplete_grade == "hold" else ~complete | good


def _first_rule(kind: RuleKind, rules: Mapping[str, Rule]) -> pl.Expr:
    keys = [pl.when(pl.col(column_name(kind, key))).then(pl.lit(key)) for key in rules]
    return pl.coalesce(*keys, pl.lit(None, dtype=pl.String))


def _rule_holds(rule: Rule, events_by_kind: EventsByKind, context: EvaluationContext) -> pl.Expr:
    """Return whether a rule holds; a rule whose data is not visible never holds."""
    if not is_rule_visible(rule, context.hidden_kinds):
        return pl.lit(False)
    if rule.when:
        return compile_condition(rule.when, context.contact_scope).fill_null(value=False)
    since = None if rule.validity is None else timestamp_literal(context.now - rule.validity)
    if rule.event in context.hidden_kinds:
        number, last = counter_column_pair(rule.event)
        counted = pl.col(number.name).fill_null(0) >= 1
        return counted if since is None else counted & (pl.col(last.name) >= since).fill_null(value=False)
    events = events_by_kind.select_matching(rule.event or "", rule.where).filter(pl.col(QUARANTINE).is_null())
    valid = events if since is None else events.filter(pl.col("at") >= since)
    return pl.col("contact_id").is_in(valid["contact_id"].unique().implode())
