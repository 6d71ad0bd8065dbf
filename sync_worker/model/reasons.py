"""The reasons of a verdict in a few short lines, as a sales rep reads them in HubSpot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from sync_worker.model.criteria import Line
from sync_worker.model.distinct import mapped
from sync_worker.model.grading import MATCH
from sync_worker.model.languages import WORDS
from sync_worker.model.model import Model
from sync_worker.model.quantities import from_micro
from sync_worker.model.scoring import POINTS
from sync_worker.model.standpoint import Standpoint
from sync_worker.model.tallying import EVENTS, NEWEST, column
from sync_worker.model.words import Words, signed

_MOST: Final = 6  # lines that fit into the sidebar without a click
_STATES: Final = {"1": "✓", "0": "✗", "?": "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reason:
    """One reason for every row: how much it weighs, and how it is told; null where it gave nothing."""

    weight: pl.Series
    text: pl.Series


def score_reasons(frame: pl.DataFrame, standpoint: Standpoint) -> pl.Series:
    """Return the weightiest reasons of each score, one a line, in the order of the frame's rows."""
    words = WORDS[standpoint.model.document.language]
    told = [_line_reasons(frame, line, words, standpoint) for line in sorted(standpoint.lines, key=lambda line: line.key)]
    told.append(_decay_reasons(frame, words, standpoint))
    texts = pl.DataFrame([reason.text.alias(f"text {place}") for place, reason in enumerate(told)])
    weights = [reason.weight.alias(f"weight {place}") for place, reason in enumerate(told)]
    joined = texts.with_columns(weights).with_columns(_ranks(len(told))).select(_in_order(len(told)))
    return (joined.to_series().replace("", words.nothing) + _not_visible(words, standpoint)).alias("score_reasons")


def _ranks(reasons: int) -> Iterator[pl.Expr]:
    """Number the reasons of a row by weight; of equal weights, the earlier goes first."""
    weights = [pl.col(f"weight {place}") for place in range(reasons)]
    for one, mine in enumerate(weights):
        before = [weight.ge(mine) for weight in weights[:one]] + [weight.gt(mine) for weight in weights[one + 1 :]]
        yield pl.sum_horizontal([pl.lit(0, dtype=pl.UInt8), *(more.cast(pl.UInt8) for more in before)]).alias(f"rank {one}")


def _in_order(reasons: int) -> pl.Expr:
    places = [[_if_at(place, one) for one in range(reasons)] for place in range(min(_MOST, reasons))]
    return pl.concat_str([pl.coalesce(candidates) for candidates in places], separator="\n", ignore_nulls=True)


def _if_at(place: int, reason: int) -> pl.Expr:
    return pl.when(pl.col(f"rank {reason}") == place).then(pl.col(f"text {reason}"))


def grade_reasons(frame: pl.DataFrame, model: Model) -> pl.Series:
    """Return what each grade rests on: its completeness, then criterion by criterion."""
    words = WORDS[model.document.language]
    states = [_state(pl.col(column(MATCH, key))) for key in model.grade_criteria]
    pattern = pl.concat_str(states) if states else pl.lit("")
    keys = frame.select(pl.concat_str(pl.col("grade"), pl.lit(" "), pattern).alias("grade_reasons")).to_series()
    return mapped(keys, lambda key: _grade_text(key, model, words), pl.String)


def label(key: str, said: str | None) -> str:
    """Return what people call a criterion: its label, or its key in words."""
    return said or key.replace("_", " ")


def _line_reasons(frame: pl.DataFrame, line: Line, words: Words, standpoint: Standpoint) -> _Reason:
    points = frame[column(POINTS, line.key)]
    said = _signed(points) + _phrases(frame, line, words)
    if line.event and line.positive:
        dates = _dates(frame, column(NEWEST, line.key), words, standpoint)
        once, last = (dates.to_frame("date").select(_filled(t)).to_series() for t in (words.once, words.last))
        said = said + last.zip_with(frame[column(EVENTS, line.key)] != 1, once).fill_null("")
    return _Reason(weight=points.abs(), text=said)


def _signed(points: pl.Series) -> pl.Series:
    """Return points as text, null for none: a reason that gave nothing is no reason."""
    return mapped(points, lambda micro: f"{signed(from_micro(micro))} " if micro else None, pl.String)


def _phrases(frame: pl.DataFrame, line: Line, words: Words) -> pl.Series:
    if line.event is None:
        return pl.Series([label(line.key, line.label)]).new_from_index(0, frame.height)
    if line.label:
        return mapped(frame[column(EVENTS, line.key)], lambda count: str(line.label).replace("{count}", str(count)), pl.String)
    return mapped(frame[column(EVENTS, line.key)], lambda count: words.did(str(line.event), count), pl.String)


def _decay_reasons(frame: pl.DataFrame, words: Words, standpoint: Standpoint) -> _Reason:
    """What inactivity or age took, the floor reckoned in."""
    net = frame["decayed"] - frame["earned"]
    if standpoint.model.document.score.degradation.kind == "inactivity":
        dates = _dates(frame, "engaged", words, standpoint)
        return _Reason(weight=net.abs(), text=_signed(net) + dates.to_frame("date").select(_filled(words.quiet)).to_series())
    return _Reason(weight=net.abs(), text=_signed(net) + words.faded)


def _dates(frame: pl.DataFrame, name: str, words: Words, standpoint: Standpoint) -> pl.Series:
    zone = standpoint.model.document.time_zone
    days = frame[name].dt.convert_time_zone(zone).dt.date()
    today = standpoint.now.astimezone(ZoneInfo(zone)).date()
    return mapped(days, lambda day: words.date(day, today), pl.String)


def _filled(template: str) -> pl.Expr:
    before, _, after = template.partition("{date}")
    return pl.lit(before) + pl.col("date") + pl.lit(after)


def _not_visible(words: Words, standpoint: Standpoint) -> str:
    names = [label(line.key, line.label) for line in standpoint.model.lines if line not in standpoint.lines]
    return f"\n{words.not_visible.format(names=', '.join(names))}" if names else ""


def _state(match: pl.Expr) -> pl.Expr:
    return pl.when(match).then(pl.lit("1")).when(~match).then(pl.lit("0")).otherwise(pl.lit("?"))


def _grade_text(key: str, model: Model, words: Words) -> str:
    grade, _, states = key.partition(" ")
    known = len(states) - states.count("?")
    return "\n".join([words.graded.format(grade=grade, known=known, of=len(states)), *_criteria_texts(states, model)])


def _criteria_texts(states: str, model: Model) -> Iterator[str]:
    for state, (key, criterion) in zip(states, model.grade_criteria.items(), strict=True):
        thirds = {"1": criterion.thirds, "0": criterion.otherwise, "?": 0}[state]
        yield f"{_STATES[state]} {label(key, criterion.label)}{f' ({signed(thirds)})' if thirds else ''}"
