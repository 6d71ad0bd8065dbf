"""Charts as data: `plots.py` draws them. Titles and descriptions are for screen readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Pattern = Literal["plain", "hatched", "dotted", "empty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with the texts that replace it for a screen reader."""

    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChart(Chart):
    """Vertical bars of counts. `limit` is the position, in columns from 0, and the text of a dashed line."""

    labels: Sequence[str]
    values: Sequence[int]
    x_label: str
    limit: tuple[float, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The bars of one kind. `name` is for the legend; `texts` are next to the bars."""

    name: str
    values: Sequence[float]
    texts: Sequence[str] = ()
    pattern: Pattern = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart(Chart):
    """Horizontal bars, the first label at the top. The series are next to each other, or if `exclusive`, one of them has the value.

    `errors` are the lower and upper lengths of the intervals of a single series.
    """

    labels: Sequence[str]
    series: Sequence[Series]
    exclusive: bool = False
    errors: tuple[Sequence[float], Sequence[float]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart(Chart):
    """Lines from 0 to 100 percent on both axes, at equal distances, and a thin diagonal."""

    series: Sequence[Series]
    x_label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StackedChart(Chart):
    """Horizontal bars of shares in percent that add up to 100, the first label at the top."""

    labels: Sequence[str]
    series: Sequence[Series]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellChart(Chart):
    """A table of cells: the larger the value, the darker the cell. None is an empty cell."""

    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float | None]]
    texts: Sequence[Sequence[str]]
    maximum: float
