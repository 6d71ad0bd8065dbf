"""The ledger: every line that leads to a score, and they add up to it exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from sync_worker.model.criteria import Line
from sync_worker.model.facts import INSTANT
from sync_worker.model.reasons import label
from sync_worker.model.scoring import CUT, DEGRADATION, FLOOR, MINIMUM, POINTS, ROUNDING
from sync_worker.model.standpoint import Standpoint
from sync_worker.model.tallying import EVENTS, NEWEST, QUARANTINED, column

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
    parts = [workings.select(columns) for columns in _lines(workings.columns, standpoint)]
    numbered = [part.with_columns(order=pl.lit(order, dtype=pl.Int32)) for order, part in enumerate(parts)]
    return pl.concat(numbered).sort("contact_id", "order").drop("order")


def _lines(columns: list[str], standpoint: Standpoint) -> Iterator[list[pl.Expr]]:
    for line in standpoint.model.lines:
        if line in standpoint.lines:
            yield _criterion(line, columns)
        else:
            yield _line(line.key, label(line.key, line.label), {"visible": pl.lit(False)})
    names = [DEGRADATION, FLOOR, *([MINIMUM] if standpoint.model.document.score.minimum is not None else []), ROUNDING]
    yield from (_line(name, name, {"points": pl.col(name)}) for name in names)


def _criterion(line: Line, columns: list[str]) -> list[pl.Expr]:
    found = {what: pl.col(column(what, line.key)) for what in (EVENTS, NEWEST, CUT, QUARANTINED) if column(what, line.key) in columns}
    if line.event is None:
        found.pop(EVENTS)
    return _line(line.key, label(line.key, line.label), {"points": pl.col(column(POINTS, line.key)), **found})


def _line(key: str, said: str, found: Mapping[str, pl.Expr]) -> list[pl.Expr]:
    values = {"line": pl.lit(key), "label": pl.lit(said), "points": pl.lit(0), "visible": pl.lit(True), **found}
    rest = (values.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in LEDGER_SCHEMA.items() if name != "contact_id")
    return [pl.col("contact_id"), *rest]
