"""The page of `backtest --out`: one file that opens offline, with plots as SVG and a table under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from sync_worker.insight.backtest import Backtest
from sync_worker.insight.metrics import Estimate
from sync_worker.output_file import write_output_file

WIDTH, HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 16, 16, 36
_DASHES = ("", "7 4", "2 4", "10 3 2 3")  # lines differ without color


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a plot in pixels."""

    name: str
    points: str
    dashes: str
    end: tuple[float, float]


def write_page(result: Backtest, file: Path) -> None:
    """Write the page; raises ConfigurationError if the file cannot be written."""
    environment = Environment(loader=PackageLoader("sync_worker.cli.output"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"estimate": _format_estimate, "percent": _format_percent}
    page = environment.get_template("backtest.html").render(result=result, gains=_draw_gains, width=WIDTH, height=HEIGHT, y=_y, x=_x)
    write_output_file(file, page, is_private=False)  # it has figures, and no people


def _x(share: float) -> float:
    return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float) -> float:
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def _draw_gains(models: Sequence[tuple[str, Sequence[Estimate]]]) -> list[Line]:
    lines = []
    for number, (name, gains) in enumerate(models):
        places = [(0.0, 0.0), *(((tenth + 1) / 10, gain.value) for tenth, gain in enumerate(gains))]
        points = " ".join(f"{_x(x)},{_y(y)}" for x, y in places)
        lines.append(Line(name=name, points=points, dashes=_DASHES[number % len(_DASHES)], end=(_x(0.5), _y(gains[4].value))))
    return lines


def _format_estimate(figure: Estimate) -> str:
    return "–" if figure.value != figure.value else str(figure)


def _format_percent(figure: Estimate) -> str:
    return "–" if figure.value != figure.value else figure.format_percent(1)
