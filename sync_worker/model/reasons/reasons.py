"""Score reasons and grade reasons: short lines for sales reps in HubSpot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from sync_worker.model.compiled.criteria import ScoreCriterion
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.units import from_micro
from sync_worker.model.i18n.model_labels import display_label, resolve_label
from sync_worker.model.i18n.phrases import Phrases, format_minus, format_signed
from sync_worker.model.i18n.translations import load_translation
from sync_worker.model.lookup.unique import map_unique
from sync_worker.model.scoring.counters import DIFFERENT, EVENTS, NEWEST, QUARANTINED, column_name
from sync_worker.model.scoring.evaluation_context import EvaluationContext
from sync_worker.model.scoring.grade import MATCH, strip_sign
from sync_worker.model.scoring.score import POINTS

_MAX_REASONS: Final = 6  # lines that HubSpot's sidebar shows without a click
_STATE_SYMBOLS: Final = {"1": "✓", "0": "✗", "?": "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reason:
    """One reason for all rows: its weight and its text; null for rows without points from it."""

    weight: pl.Series
    text: pl.Series


def score_reasons(frame: pl.DataFrame, context: EvaluationContext) -> pl.Series:
    """Return the reasons of each score with the most points, one per line, in the order of the rows."""
    phrases = load_translation(context.model.document.language).phrases
    reasons = [_criterion_reasons(frame, line, phrases, context) for line in sorted(context.visible_criteria, key=lambda line: line.key)]
    reasons.append(_decay_reasons(frame, phrases, context))
    joined = _join_top_reasons([reason.text for reason in reasons], [reason.weight for reason in reasons])
    known = joined.replace("", phrases.no_reasons) + _not_visible_note(phrases, context)
    if frame["retained"].any():
        known = known.zip_with(~frame["retained"], known + f"\n{_hysteresis_note(phrases, context)}")
    return known.alias("score_reasons")


def _join_top_reasons(texts: list[pl.Series], weights: list[pl.Series]) -> pl.Series:
    """Join the texts with the largest weights of each row; of equal weights, the earlier text comes first."""
    ranks = pl.select(_rank_weights(weights))
    all_texts = pl.concat(texts, rechunk=True)
    row = pl.int_range(ranks.height, dtype=pl.UInt32)
    chosen = ranks.select(
        (_index_at_rank(rank, ranks.columns) * ranks.height + row).alias(str(rank)) for rank in range(min(_MAX_REASONS, len(texts)))
    )
    return chosen.select(pl.concat_str([all_texts.gather(rows) for rows in chosen], separator="\n", ignore_nulls=True)).to_series()


def _rank_weights(weights: list[pl.Series]) -> Iterator[pl.Series]:
    """Yield the rank of each weight in its row; the largest has rank 0."""
    indices = range(len(weights))
    first = {(one, two): weights[one] >= weights[two] for one, two in combinations(indices, 2)}
    for index in indices:
        before = [first[other, index] for other in indices[:index]] + [~first[index, other] for other in indices[index + 1 :]]
        zero = pl.zeros(weights[index].len(), pl.UInt8, eager=True)
        rank = pl.sum_horizontal([zero, *(wins.cast(pl.UInt8) for wins in before)])
        yield pl.select(rank).to_series().alias(str(index))


def _index_at_rank(rank: int, names: list[str]) -> pl.Expr:
    """Return the index of the series that has this rank."""
    return pl.sum_horizontal((pl.col(name) == rank).cast(pl.UInt8) * index for index, name in enumerate(names)).cast(pl.UInt32)


def grade_reasons(frame: pl.DataFrame, model: Model) -> pl.Series:
    """Return the reasons of each grade: the number of known criteria, then one line per criterion."""
    if not model.grade_criteria:
        return pl.repeat(None, frame.height, dtype=pl.String, eager=True).alias("grade_reasons")
    phrases = load_translation(model.document.language).phrases
    states = [_state_expression(pl.col(column_name(MATCH, key))) for key in model.grade_criteria]
    pattern = pl.concat_str(states)
    keys = frame.select(pl.concat_str(pl.col("grade"), pl.lit(" "), pattern).alias("grade_reasons")).to_series()
    return map_unique(keys, lambda key: _grade_text(key, model, phrases), pl.String)


def _criterion_reasons(frame: pl.DataFrame, criterion: ScoreCriterion, phrases: Phrases, context: EvaluationContext) -> _Reason:
    points = frame[column_name(POINTS, criterion.key)]
    text = _describe_points(_select_counts(frame, criterion), criterion, phrases, context)
    if criterion.event and criterion.is_positive:
        once = frame[column_name(EVENTS, criterion.key)] == 1
        text = _append_date(
            text, frame[column_name(NEWEST, criterion.key)], {phrases.date_of_one: once, phrases.date_of_last: ~once}, phrases, context
        )
    return _Reason(weight=points.abs(), text=text)


def _select_counts(frame: pl.DataFrame, criterion: ScoreCriterion) -> pl.DataFrame:
    """Return events, points, the number of different subjects (null for HubSpot's counter), and whether there are machine events."""
    different, quarantined = (column_name(measure, criterion.key) for measure in (DIFFERENT, QUARANTINED))
    return frame.select(
        events=pl.col(column_name(EVENTS, criterion.key)),
        points=pl.col(column_name(POINTS, criterion.key)),
        different=pl.col(different) if different in frame.columns else pl.lit(None, dtype=pl.Int64),
        quarantined=pl.col(quarantined) > 0 if quarantined in frame.columns else pl.lit(value=False),
    )


def _describe_points(counts: pl.DataFrame, criterion: ScoreCriterion, phrases: Phrases, context: EvaluationContext) -> pl.Series:
    """Return points and phrase of each row; null for 0 points. The points depend only on the number of events."""
    keys = ["events", "different", "quarantined"]
    distinct = counts.unique(keys)
    texts = [
        _format_points(points)
        and f"{_format_points(points)}{_format_phrase(criterion, count, different, phrases, context)}"
        f"{phrases.quarantined if quarantined and criterion.label is None else ''}"
        for count, points, different, quarantined in distinct.iter_rows()
    ]
    described = distinct.select(*keys, text=pl.Series(texts, dtype=pl.String))
    joined = counts.join(described, on=keys, how="left", nulls_equal=True, maintain_order="left")
    return joined["text"]


def _format_points(micro: int) -> str | None:
    return f"{format_signed(from_micro(micro))} " if micro else None


def _format_phrase(criterion: ScoreCriterion, count: int, different: int | None, phrases: Phrases, context: EvaluationContext) -> str:
    language = context.model.document.language
    if criterion.event is None:
        return display_label(criterion.key, criterion.label, language)
    if criterion.label:
        return resolve_label(criterion.label, language).replace("{count}", str(count))
    limits = phrases.describe_limits(criterion.within, criterion.per_day)
    excluded = phrases.except_direct if criterion.excluded else ""
    return f"{phrases.describe_events(criterion.event, count, different)}{excluded}{limits}"


def _decay_reasons(frame: pl.DataFrame, phrases: Phrases, context: EvaluationContext) -> _Reason:
    """Return the reason for the points lost by decay, after the floor."""
    net = frame["decayed"] - frame["earned"]
    points = map_unique(net, _format_points, pl.String)
    if context.model.document.score.degradation.kind == "inactivity":
        return _Reason(weight=net.abs(), text=_append_date(points, frame["engaged"], {phrases.inactivity: net != 0}, phrases, context))
    return _Reason(weight=net.abs(), text=points + phrases.event_decay)


def _append_date(
    text: pl.Series, at: pl.Series, templates: Mapping[str, pl.Series], phrases: Phrases, context: EvaluationContext
) -> pl.Series:
    """Append the date `at` to the texts; `templates` maps each template to the rows that use it."""
    zone = context.model.document.time_zone
    today = context.now.astimezone(ZoneInfo(zone)).date()
    days = map_unique(at.dt.convert_time_zone(zone).dt.date(), lambda day: phrases.format_date(day, today), pl.String)
    parts = [(template.partition("{date}"), where & days.is_not_null()) for template, where in templates.items()]
    before, after = (pl.coalesce(pl.when(where).then(pl.lit(part[side])) for part, where in parts) for side in (0, 2))
    return pl.select(pl.when(text.is_not_null()).then(pl.concat_str([text, before, days, after], ignore_nulls=True))).to_series()


def _not_visible_note(phrases: Phrases, context: EvaluationContext) -> str:
    language = context.model.document.language
    names = [display_label(line.key, line.label, language) for line in context.model.score_criteria if line not in context.visible_criteria]
    return f"\n{phrases.not_visible.format(names=', '.join(names))}" if names else ""


def _hysteresis_note(phrases: Phrases, context: EvaluationContext) -> str:
    threshold = context.model.document.qualification.threshold
    return phrases.retained.format(threshold=threshold, leave_below=context.model.leave_below_score)


def _state_expression(match: pl.Expr) -> pl.Expr:
    return pl.when(match).then(pl.lit("1")).when(~match).then(pl.lit("0")).otherwise(pl.lit("?"))


def _grade_text(key: str, model: Model, phrases: Phrases) -> str:
    grade, _, states = key.partition(" ")
    known = len(states) - states.count("?")
    return "\n".join(
        [
            phrases.grade_summary.format(grade=format_minus(grade), known=known, of=len(states)),
            *([phrases.grade_start.format(start=format_start(model))] if states else []),
            *_criteria_texts(states, model),
        ]
    )


def format_start(model: Model) -> str:
    """Return the grade that every contact starts at, as it is shown."""
    grade = model.document.grade
    return format_minus(strip_sign(grade.start, without_signs=grade.letters == "whole"))


def _criteria_texts(states: str, model: Model) -> Iterator[str]:
    language = model.document.language
    for state, (key, criterion) in zip(states, model.grade_criteria.items(), strict=True):
        thirds = {"1": criterion.thirds, "0": criterion.otherwise, "?": criterion.unknown}[state]
        change = f" ({format_signed(thirds)})" if thirds else ""
        yield f"{_STATE_SYMBOLS[state]} {display_label(key, criterion.label, language)}{change}"
