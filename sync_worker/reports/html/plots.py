"""Draws charts with matplotlib. Hatches and labels make them readable without color."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Final

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from sync_worker.reports.html.charts import BarChart, CellChart, Chart, ColumnChart, LineChart, Pattern, Series, StackedChart
from sync_worker.reports.html.numbers import shorten_number
from sync_worker.reports.html.svg import FIGURE_WIDTH, FILL, INK, MUTED, PAPER, SECOND_FILL, create_figure

MAX_LABEL_CHARS: Final = 30
_ROW_INCHES: Final = 0.3
_SMALL: Final = 9.5
_CHAR_INCHES: Final = 0.08  # the mean width of a character
_PLATE: Final = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}  # keeps a number readable on a line
_STYLES: Final[Mapping[Pattern, tuple[str, str]]] = {  # color and hatch
    "plain": (FILL, ""),
    "hatched": (SECOND_FILL, "////"),
    "dotted": (PAPER, "..."),
    "empty": (PAPER, ""),
}


_LINES: Final = ("-", "--", ":", "-.")  # lines differ without color
_MARKERS: Final = ("", "o", "s", "^")  # of the lines after the fourth, the eighth ...


@singledispatch
def draw(chart: Chart) -> Figure:
    """Return a chart as a figure, in the style of `svg.use_page_style`."""
    raise NotImplementedError(f"no plot for {type(chart).__name__}")


@draw.register
def _(chart: ColumnChart) -> Figure:
    figure = create_figure(3.1)
    axes, labels = figure.subplots(), chart.labels
    bars = axes.bar(range(len(labels)), chart.values, width=0.85, color=FILL)
    axes.bar_label(bars, [shorten_number(value) for value in chart.values], padding=2, fontsize=_SMALL, color=INK, zorder=3, bbox=_PLATE)
    if len(labels) > 10 and max(map(len, labels)) > 2:
        axes.set_xticks(range(len(labels)), labels, rotation=90)
    else:
        axes.set_xticks(range(len(labels)), labels)
    axes.set_xlabel(chart.x_label)
    axes.set_ylim(0, max([*chart.values, 1]) * 1.14)
    if chart.limit:
        _add_limit(axes, *chart.limit, is_right=chart.limit[0] > len(labels) / 2)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    return figure


@draw.register
def _(chart: BarChart) -> Figure:
    labels, series = chart.labels, chart.series
    rows = 1 if chart.exclusive else len(series)
    figure = create_figure(0.2 + len(labels) * _ROW_INCHES * (0.4 + 0.6 * rows) + (0.35 if len(series) > 1 else 0))
    axes = figure.subplots()
    height = 0.78 / rows
    for index, each in enumerate(series):
        color, hatch = _STYLES[each.pattern]
        shift = (index - (rows - 1) / 2) * height if rows > 1 else 0.0
        positions = [row + shift for row in range(len(labels))]
        bars = axes.barh(
            positions, each.values, height * 0.92, xerr=chart.errors, color=color, hatch=hatch, edgecolor=INK, linewidth=0.6,
            error_kw={"ecolor": INK, "elinewidth": 1.2, "capsize": 3},
        )  # fmt: skip
        # A line around an empty bar of the other series would be a mark at zero.
        for bar, value in zip(bars, each.values, strict=True):
            bar.set_visible(bool(value))
        axes.bar_label(bars, each.texts, padding=3, fontsize=_SMALL, color=INK)
    _set_limits(axes, chart)
    _set_row_labels(axes, labels)
    _add_legend(figure, series)
    return figure


@draw.register
def _(chart: LineChart) -> Figure:
    figure = create_figure(3.6)
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=0.8)
    for number, each in enumerate(chart.series):
        places = [100 * step / (len(each.values) - 1) for step in range(len(each.values))]
        turn, style = divmod(number, len(_LINES))
        marker = _MARKERS[turn % len(_MARKERS)]
        axes.plot(places, each.values, color=INK, linewidth=1.8, linestyle=_LINES[style], marker=marker, markersize=4, label=each.name)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 102)
    axes.set_xlabel(chart.x_label)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=_SMALL, handlelength=3.2)
    return figure


@draw.register
def _(chart: StackedChart) -> Figure:
    figure = create_figure(0.6 + len(chart.labels) * _ROW_INCHES)
    axes = figure.subplots()
    left = [0.0] * len(chart.labels)
    for each in chart.series:
        color, hatch = _STYLES[each.pattern]
        rows = range(len(chart.labels))
        axes.barh(rows, each.values, 0.72, left=left, color=color, hatch=hatch, edgecolor=INK, linewidth=0.6)
        left = [before + value for before, value in zip(left, each.values, strict=True)]
    axes.set_xlim(0, 100.5)
    _set_row_labels(axes, chart.labels)
    _add_legend(figure, chart.series)
    return figure


@draw.register
def _(chart: CellChart) -> Figure:
    figure = create_figure(0.45 + len(chart.rows) * _ROW_INCHES)
    axes = figure.subplots()
    for y, (values, texts) in enumerate(zip(chart.values, chart.texts, strict=True)):
        for x, (value, text) in enumerate(zip(values, texts, strict=True)):
            if value is None:
                continue
            # The root shows differences among small cells. At most 60 %, so that the text stays readable.
            shade = 0.6 * (value / chart.maximum) ** 0.5 if chart.maximum else 0.0
            color = to_rgba(FILL, round(shade, 2))
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=color, edgecolor=PAPER, linewidth=1.5))
            axes.text(x, y, text, ha="center", va="center", fontsize=_SMALL)
    axes.set_xlim(-0.5, len(chart.columns) - 0.5)
    _set_row_labels(axes, chart.rows)
    axes.xaxis.set_visible(True)
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(chart.columns)), chart.columns)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _add_limit(axes: Axes, position: float, text: str, *, is_right: bool) -> None:
    axes.axvline(position, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    side, shift = ("right", -4) if is_right else ("left", 4)
    place = axes.get_xaxis_transform()
    axes.annotate(text, (position, 1), (shift, 0), xycoords=place, textcoords="offset points", ha=side, va="top", fontsize=_SMALL)


def _set_limits(axes: Axes, chart: BarChart) -> None:
    """Leave room for the texts next to the bars."""
    values = [value for each in chart.series for value in each.values] + [0]
    if chart.errors:
        values += [value + error for value, error in zip(chart.series[0].values, chart.errors[1], strict=True)]
    lowest, highest = min(values), max(values)
    texts, labels = [text for each in chart.series for text in each.texts], [label[:MAX_LABEL_CHARS] for label in chart.labels]
    share = (1 + max(map(len, texts))) * _CHAR_INCHES / (FIGURE_WIDTH - (1 + max(map(len, labels))) * _CHAR_INCHES)
    sides = (lowest < 0) + (highest > 0)
    room = (highest - lowest or 1) * share / max(1 - sides * share, share)
    axes.set_xlim(lowest - (room if lowest < 0 else 0), highest + (room if highest > 0 else 0))
    if lowest < 0:
        axes.axvline(0, color=MUTED, linewidth=0.8)
        axes.spines["left"].set_visible(False)


def _set_row_labels(axes: Axes, labels: Sequence[str]) -> None:
    short = [label if len(label) <= MAX_LABEL_CHARS else f"{label[: MAX_LABEL_CHARS - 1].rstrip()}…" for label in labels]
    axes.set_yticks(range(len(labels)), short)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)


def _add_legend(figure: Figure, series: Sequence[Series]) -> None:
    if len(series) > 1:
        styles = [(each.name, *_STYLES[each.pattern]) for each in series]
        handles = [Patch(facecolor=color, hatch=hatch, edgecolor=INK, linewidth=0.6, label=name) for name, color, hatch in styles]
        figure.legend(handles=handles, loc="outside upper left", ncols=len(series), frameon=False, fontsize=_SMALL)
