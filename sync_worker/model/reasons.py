"""The reasons of a verdict in a few short lines, as a sales rep reads them in HubSpot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from sync_worker.model.criteria import Line
from sync_worker.model.distinct import mapped
from sync_worker.model.grading import MATCH
from sync_worker.model.languages import WORDS
from sync_worker.model.model import Model
from sync_worker.model.quantities import from_micro
from sync_worker.model.scoring import DEGRADATION, POINTS
from sync_worker.model.standpoint import Standpoint
from sync_worker.model.tallying import EVENTS, NEWEST, column
from sync_worker.model.words import Words, signed

_MOST: Final = 6  # lines that fit into the sidebar without a click
_STATES: Final = {"1": "✓", "0": "✗", "?": "?"}


def score_reasons(frame: pl.DataFrame, standpoint: Standpoint) -> pl.Series:
    """Return the weightiest reasons of each score, one a line, in the order of the frame's rows."""
    words = WORDS[standpoint.model.document.language]
    told = [_line_reasons(frame, line, words, standpoint) for line in standpoint.lines]
    told.append(_decay_reasons(frame, words, standpoint))
    ordered = pl.concat(told).sort(["contact_id", "weight", "key"], descending=[False, True, False])
    texts = ordered.group_by("contact_id", maintain_order=True).agg(pl.col("text").head(_MOST).str.join("\n"))
    found = frame.select("contact_id").join(texts, on="contact_id", how="left", maintain_order="left")["text"]
    return (found.fill_null(words.nothing) + _not_visible(words, standpoint)).alias("score_reasons")


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


def _line_reasons(frame: pl.DataFrame, line: Line, words: Words, standpoint: Standpoint) -> pl.DataFrame:
    points = column(POINTS, line.key)
    found = frame.filter(pl.col(points) != 0)
    said = mapped(found[points], lambda micro: f"{signed(from_micro(micro))} ", pl.String)
    said = said + _phrases(found, line, words)
    if line.event and line.positive:
        dates = _dates(found, column(NEWEST, line.key), words, standpoint)
        once, last = (dates.to_frame("date").select(_filled(t)).to_series() for t in (words.once, words.last))
        said = said + last.zip_with(found[column(EVENTS, line.key)] != 1, once).fill_null("")
    return found.select("contact_id", weight=pl.col(points).abs(), key=pl.lit(line.key)).with_columns(said.alias("text"))


def _phrases(found: pl.DataFrame, line: Line, words: Words) -> pl.Series:
    if line.event is None:
        return pl.Series([label(line.key, line.label)]).new_from_index(0, found.height)
    if line.label:
        return mapped(found[column(EVENTS, line.key)], lambda count: str(line.label).replace("{count}", str(count)), pl.String)
    return mapped(found[column(EVENTS, line.key)], lambda count: words.did(str(line.event), count), pl.String)


def _decay_reasons(frame: pl.DataFrame, words: Words, standpoint: Standpoint) -> pl.DataFrame:
    """What inactivity or age took, the floor reckoned in."""
    found = frame.with_columns(net=pl.col("decayed") - pl.col("earned")).filter(pl.col("net") < 0)
    said = mapped(found["net"], lambda micro: f"{signed(from_micro(micro))} ", pl.String)
    if standpoint.model.document.score.degradation.kind == "inactivity":
        dates = _dates(found, "engaged", words, standpoint)
        said = said + dates.to_frame("date").select(_filled(words.quiet)).to_series()
    else:
        said = said + words.faded
    return found.select("contact_id", weight=pl.col("net").abs(), key=pl.lit(DEGRADATION)).with_columns(said.alias("text"))


def _dates(found: pl.DataFrame, name: str, words: Words, standpoint: Standpoint) -> pl.Series:
    zone = standpoint.model.document.time_zone
    days = found[name].dt.convert_time_zone(zone).dt.date()
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
