"""One HTML page: a head, and sections of text, charts and tables. It opens without a network and prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import repeat

from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from sync_worker.reports.html.charts import Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of texts. The columns of the indices `text_columns` are aligned to the left, the numbers to the right.

    `stacked`: on a narrow screen, each row is a block with the first and the last column on lines of their own.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: Sequence[int] = (0,)
    stacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A chart with its table, or one of them."""

    chart: Chart | None = None
    table: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section. `name` is its anchor; `text` and `points` come before the parts."""

    name: str
    title: str
    text: str = ""
    points: Sequence[str] = ()
    parts: Sequence[Part] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """A page. `facts` are names and values; `figures` the numbers to see first, each with a name and a note."""

    title: str
    facts: Sequence[tuple[str, str]]
    figures: Sequence[tuple[str, str, str]]
    sections: Sequence[Section]
    notes: Sequence[str] = ()


def can_plot() -> bool:
    """Return whether the extra `report` is installed, which draws the charts."""
    return find_spec("matplotlib") is not None


def render_page(page: ReportPage, *, with_plots: bool) -> str:
    """Return the page as one HTML text; without plots, it has the tables only."""
    plots = _render_plots(page) if with_plots else repeat(Markup())
    sections = [(section, [(part, next(plots) if part.chart else Markup()) for part in section.parts]) for section in page.sections]
    return create_environment().get_template("page.html").render(page=page, sections=sections)


def create_environment(*loaders: BaseLoader) -> Environment:
    """Return an environment that finds `page.html` and `style.css`, after the templates of other loaders; it escapes all values."""
    environment = Environment(
        loader=ChoiceLoader([*loaders, PackageLoader("sync_worker.reports", "html")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["mark_code"] = mark_code
    return environment


def mark_code(text: str) -> Markup:
    """Return a text as HTML; what is between backticks is code, such as a command."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 -- the text is escaped


def _render_plots(page: ReportPage) -> Iterator[Markup]:
    """Yield the charts of the page as SVG, in their order."""
    from sync_worker.reports.html.plots import draw  # noqa: PLC0415 -- matplotlib is an extra
    from sync_worker.reports.html.svg import render_svg, use_page_style  # noqa: PLC0415 -- the same

    charts = [part.chart for section in page.sections for part in section.parts if part.chart]
    for number, chart in enumerate(charts, 1):
        with use_page_style():
            svg = render_svg(draw(chart), name=f"plot{number}", title=chart.title, description=chart.description)
        yield Markup(svg)  # noqa: S704 -- ElementTree has escaped the labels
