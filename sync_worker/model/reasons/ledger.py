"""The ledger: every line that leads to a score, and they add up to it exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from sync_worker.model.compiled.criteria import Line
from sync_worker.model.compiled.facts import INSTANT
from sync_worker.model.reasons.reasons import label
from sync_worker.model.scoring.context import Standpoint
from sync_worker.model.scoring.counters import EVENTS, NEWEST, QUARANTINED, column
from sync_worker.model.scoring.score import CUT, DEGRADATION, FLOOR, MINIMUM, POINTS, ROUNDING

LEDGER_SCHEMA: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "contact_id": pl.Int64,
    "line": pl.String,  # key of a criterion, degradation, floor, minimum, rounding
    "label": pl.String,
    "points": pl.Int64,  # micro-points
    "events": pl.Int64,  # counted; null where no events are counted
    "newest": INSTANT,  # of those counted
    "cut": pl.Int64,  # micro-points that the cap took away; null where there is no cap
    "quarantined": pl.Int64,  # events that would have counted
    "visible": pl.Boolean,  # false: this portal does not show what the criterion asks
}


def ledger_of(workings: pl.DataFrame, standpoint: Standpoint) -> pl.DataFrame:
    """Return the ledger of every contact, in order of contacts and, in each, of the model file.

    Points are micro-points (`quantities.from_micro`); over all lines of a contact they add up to the score.
    """
    parts = [workings.select(_filled(line)) for line in _lines(workings.columns, standpoint)]
    if not workings.height:
        return pl.concat(parts)
    # The parts are as long as each other, so nothing need be sorted to put the lines of a contact together.
    place = pl.int_range(workings.height * len(parts))
    order = pl.select((place % len(parts) * workings.height + place // len(parts)).cast(pl.UInt32)).to_series()
    return pl.concat(parts, rechunk=True)[order]


def _lines(columns: list[str], standpoint: Standpoint) -> Iterator[Mapping[str, pl.Expr]]:
    for line in standpoint.model.lines:
        if line in standpoint.lines:
            yield _criterion(line, columns)
        else:
            yield _line(line.key, label(line.key, line.label), {"visible": pl.lit(False)})
    names = [DEGRADATION, FLOOR, *([MINIMUM] if standpoint.model.document.score.minimum is not None else []), ROUNDING]
    yield from (_line(name, name, {"points": pl.col(name)}) for name in names)


def _criterion(line: Line, columns: list[str]) -> Mapping[str, pl.Expr]:
    found = {what: pl.col(column(what, line.key)) for what in (EVENTS, NEWEST, CUT, QUARANTINED) if column(what, line.key) in columns}
    if line.event is None:
        found.pop(EVENTS)
    return _line(line.key, label(line.key, line.label), {"points": pl.col(column(POINTS, line.key)), **found})


def _line(key: str, said: str, found: Mapping[str, pl.Expr]) -> Mapping[str, pl.Expr]:
    return {"line": pl.lit(key), "label": pl.lit(said), "points": pl.lit(0), "visible": pl.lit(True), **found}


def _filled(line: Mapping[str, pl.Expr]) -> Iterator[pl.Expr]:
    values = {"contact_id": pl.col("contact_id"), **line}
    return (values.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in LEDGER_SCHEMA.items())
