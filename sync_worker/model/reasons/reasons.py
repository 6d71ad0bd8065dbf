"""The reasons of a verdict in a few short lines, as a sales rep reads them in HubSpot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from sync_worker.model.compiled.criteria import Line
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.units import from_micro
from sync_worker.model.i18n.catalog import WORDS
from sync_worker.model.i18n.phrases import Words, signed
from sync_worker.model.lookup.unique import mapped
from sync_worker.model.scoring.context import Standpoint
from sync_worker.model.scoring.counters import EVENTS, NEWEST, column
from sync_worker.model.scoring.grade import MATCH
from sync_worker.model.scoring.score import POINTS

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
    joined = _joined([reason.text for reason in told], [reason.weight for reason in told])
    return (joined.replace("", words.nothing) + _not_visible(words, standpoint)).alias("score_reasons")


def _joined(texts: list[pl.Series], weights: list[pl.Series]) -> pl.Series:
    """Put the weightiest texts of every row under each other; of equal weights, the earlier goes first."""
    ranks = pl.select(_ranks(weights))
    every = pl.concat(texts, rechunk=True)
    row = pl.int_range(ranks.height, dtype=pl.UInt32)
    chosen = ranks.select((_at_rank(rank, ranks.columns) * ranks.height + row).alias(str(rank)) for rank in range(min(_MOST, len(texts))))
    return chosen.select(pl.concat_str([every.gather(rows) for rows in chosen], separator="\n", ignore_nulls=True)).to_series()


def _ranks(weights: list[pl.Series]) -> Iterator[pl.Series]:
    """Number the weights of a row, the largest 0: as many as go before."""
    places = range(len(weights))
    first = {(one, two): weights[one] >= weights[two] for one, two in combinations(places, 2)}
    for mine in places:
        before = [first[other, mine] for other in places[:mine]] + [~first[mine, other] for other in places[mine + 1 :]]
        none = pl.zeros(weights[mine].len(), pl.UInt8, eager=True)
        counted = pl.sum_horizontal([none, *(wins.cast(pl.UInt8) for wins in before)])
        yield pl.select(counted).to_series().alias(str(mine))


def _at_rank(rank: int, names: list[str]) -> pl.Expr:
    """Return which of the ranked things has a rank."""
    return pl.sum_horizontal((pl.col(name) == rank).cast(pl.UInt8) * place for place, name in enumerate(names)).cast(pl.UInt32)


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
    text = _told(frame[column(EVENTS, line.key)], points, line, words)
    if line.event and line.positive:
        once = frame[column(EVENTS, line.key)] == 1
        text = _dated(text, frame[column(NEWEST, line.key)], {words.once: once, words.last: ~once}, words, standpoint)
    return _Reason(weight=points.abs(), text=text)


def _told(events: pl.Series, points: pl.Series, line: Line, words: Words) -> pl.Series:
    """Tell what happened and what it gave; null where it gave nothing, which is no reason. Points follow from the number of events."""
    different = pl.DataFrame({"events": events, "points": points}).unique("events")
    texts = [_points(points) and f"{_points(points)}{_phrase(line, count, words)}" for count, points in different.iter_rows()]
    return events.replace_strict(different["events"], pl.Series(texts, dtype=pl.String))


def _points(micro: int) -> str | None:
    return f"{signed(from_micro(micro))} " if micro else None


def _phrase(line: Line, count: int, words: Words) -> str:
    if line.event is None:
        return label(line.key, line.label)
    return line.label.replace("{count}", str(count)) if line.label else words.did(line.event, count)


def _decay_reasons(frame: pl.DataFrame, words: Words, standpoint: Standpoint) -> _Reason:
    """What inactivity or age took, the floor reckoned in."""
    net = frame["decayed"] - frame["earned"]
    taken = mapped(net, _points, pl.String)
    if standpoint.model.document.score.degradation.kind == "inactivity":
        return _Reason(weight=net.abs(), text=_dated(taken, frame["engaged"], {words.quiet: net != 0}, words, standpoint))
    return _Reason(weight=net.abs(), text=taken + words.faded)


def _dated(text: pl.Series, at: pl.Series, templates: Mapping[str, pl.Series], words: Words, standpoint: Standpoint) -> pl.Series:
    """Add a phrase with the day of an instant: of the templates, by where each holds, the one for the row."""
    zone = standpoint.model.document.time_zone
    today = standpoint.now.astimezone(ZoneInfo(zone)).date()
    days = mapped(at.dt.convert_time_zone(zone).dt.date(), lambda day: words.date(day, today), pl.String)
    parts = [(template.partition("{date}"), where & days.is_not_null()) for template, where in templates.items()]
    before, after = (pl.coalesce(pl.when(where).then(pl.lit(part[side])) for part, where in parts) for side in (0, 2))
    return pl.select(pl.when(text.is_not_null()).then(pl.concat_str([text, before, days, after], ignore_nulls=True))).to_series()


def _not_visible(words: Words, standpoint: Standpoint) -> str:
    names = [label(line.key, line.label) for line in standpoint.model.lines if line not in standpoint.lines]
    return f"\n{words.not_visible.format(names=', '.join(names))}" if names else ""


def _state(match: pl.Expr) -> pl.Expr:
    return pl.when(match).then(pl.lit("1")).when(~match).then(pl.lit("0")).otherwise(pl.lit("?"))


def _grade_text(key: str, model: Model, words: Words) -> str:
    grade, _, states = key.partition(" ")
    known = len(states) - states.count("?")
    return "\n".join([words.graded.format(grade=grade.replace("-", "−"), known=known, of=len(states)), *_criteria_texts(states, model)])


def _criteria_texts(states: str, model: Model) -> Iterator[str]:
    for state, (key, criterion) in zip(states, model.grade_criteria.items(), strict=True):
        thirds = {"1": criterion.thirds, "0": criterion.otherwise, "?": 0}[state]
        yield f"{_STATES[state]} {label(key, criterion.label)}{f' ({signed(thirds)})' if thirds else ''}"
