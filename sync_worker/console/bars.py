"""Draws bars as SVG without matplotlib, which would double the memory of the service. All colors come from the style sheet."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import singledispatch
from typing import Final

from markupsafe import Markup

from sync_worker.reports.html.charts import BarChart, Chart, ColumnChart
from sync_worker.reports.html.numbers import shorten_number

WIDTH: Final = 500
COLUMN_HEIGHT: Final = 150
LINE_HEIGHT: Final = 22
LABEL_WIDTH: Final = 120
TEXT_WIDTH: Final = 120


@singledispatch
def draw_bars(chart: Chart) -> Markup:  # noqa: ARG001 -- the parameter selects the function
    """Return a chart as an `svg` element; nothing for a kind of chart that is not made of bars, which has a table with its numbers."""
    return Markup()


@draw_bars.register
def _(chart: ColumnChart) -> Markup:
    svg = _create_svg(chart, COLUMN_HEIGHT + 3 * LINE_HEIGHT)
    step, highest, base = WIDTH / len(chart.labels), max([*chart.values, 1]), COLUMN_HEIGHT + LINE_HEIGHT
    for number, (label, value) in enumerate(zip(chart.labels, chart.values, strict=True)):
        height, middle = COLUMN_HEIGHT * value / highest, (number + 0.5) * step
        _add(svg, "rect", x=middle - 0.42 * step, y=base - height, width=0.84 * step, height=height)
        _add(svg, "text", shorten_number(value), x=middle, y=base - height - 5)
        _add(svg, "text", label, x=middle, y=base + 17)
    _add(svg, "text", chart.x_label, x=WIDTH / 2, y=base + 17 + LINE_HEIGHT)
    if chart.limit:
        x = (chart.limit[0] + 0.5) * step
        _add(svg, "line", x1=x, x2=x, y1=0, y2=base)
        is_right = x > WIDTH / 2
        _add(svg, "text", chart.limit[1], x=x + (-6 if is_right else 6), y=12, anchor="end" if is_right else "start")
    return _serialize(svg)


@draw_bars.register
def _(chart: BarChart) -> Markup:
    several = len(chart.series) > 1
    rows = [
        (label if number == 0 else "", each.values[place], f"{each.texts[place]} {each.name}" if several else each.texts[place])
        for place, label in enumerate(chart.labels)
        for number, each in enumerate(chart.series)
    ]
    svg, highest = _create_svg(chart, len(rows) * LINE_HEIGHT), max((value for _, value, _ in rows), default=0) or 1
    for number, (label, value, text) in enumerate(rows):
        y, width = number * LINE_HEIGHT, (WIDTH - LABEL_WIDTH - TEXT_WIDTH) * max(value, 0) / highest
        _add(svg, "text", label, x=LABEL_WIDTH - 8, y=y + 16, anchor="end")
        _add(svg, "rect", x=LABEL_WIDTH, y=y + 2, width=width, height=LINE_HEIGHT - 4)
        _add(svg, "text", text, x=LABEL_WIDTH + width + 6, y=y + 16, anchor="start")
    return _serialize(svg)


def _create_svg(chart: Chart, height: float) -> ET.Element:
    texts = f"{chart.title}. {chart.description}"
    return ET.Element("svg", {"class": "bars", "viewBox": f"0 0 {WIDTH} {height:g}", "role": "img", "aria-label": texts})


def _add(svg: ET.Element, tag: str, text: str = "", *, anchor: str = "middle", **numbers: float) -> None:
    attributes = {name: f"{value:.1f}" for name, value in numbers.items()}
    element = ET.SubElement(svg, tag, attributes | ({"text-anchor": anchor} if text else {}))
    element.text = text


def _serialize(svg: ET.Element) -> Markup:
    return Markup(ET.tostring(svg, encoding="unicode", short_empty_elements=False))  # noqa: S704 -- ElementTree has escaped the labels
