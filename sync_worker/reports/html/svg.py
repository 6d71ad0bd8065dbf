"""Plots of matplotlib as SVG inside a page: readable by screen readers, in the colors of the page."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from contextlib import AbstractContextManager
from io import BytesIO
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

#: Colors of the plots. The page defines the real ones, for light, dark and print.
INK: Final = "#000001"
MUTED: Final = "#000002"
FILL: Final = "#000003"
SECOND_FILL: Final = "#000004"
PAPER: Final = "#000005"

_PAGE_COLORS: Final = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    FILL: "var(--plot)",
    SECOND_FILL: "var(--plot-2)",
    PAPER: "var(--page)",
}
_SETTINGS: Final[dict[RcKeyType, Any]] = {
    "svg.hashsalt": "report",  # the same report gives the same file
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # a label may contain a dollar sign
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "hatch.color": INK,
    "hatch.linewidth": 0.7,
}
FIGURE_WIDTH: Final = 5.0  # inches
_DROPPED_TAGS: Final = frozenset({"metadata", "style"})


def use_page_style() -> AbstractContextManager[None]:
    """Return a context in which figures are drawn and rendered in the style of the page."""
    return mpl.rc_context(_SETTINGS)


def create_figure(height: float) -> Figure:
    """Return a figure of this height in inches; its width makes the text readable on a phone."""
    return Figure(figsize=(FIGURE_WIDTH, height), layout="constrained")


def render_svg(figure: Figure, *, name: str, title: str, description: str) -> str:
    """Return a figure as an `svg` element for HTML, with texts for screen readers; its ids begin with `name`, unique in the page."""
    buffer = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)  # the browser has the fonts for other scripts
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 -- from matplotlib, not from outside
    _adapt_element(root, name)
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-desc",
    }
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(tag, {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(position, element)
    return ET.tostring(root, encoding="unicode")


def _adapt_element(element: ET.Element, name: str) -> None:
    """Drop namespaces and metadata, make ids unique in the page, and replace the colors, here and below."""
    for child in list(element):
        child.tag = _strip_namespace(child.tag)
        if child.tag in _DROPPED_TAGS:
            element.remove(child)
        else:
            _adapt_element(child, name)
    element.tag = _strip_namespace(element.tag)
    element.attrib = {_strip_namespace(key): _adapt_value(_strip_namespace(key), value, name) for key, value in element.attrib.items()}


def _adapt_value(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return value.replace("#", f"#{name}-", 1)
    value = value.replace("url(#", f"url(#{name}-")
    for color, page_color in _PAGE_COLORS.items():
        value = value.replace(color, page_color)
    return value


def _strip_namespace(tag: str) -> str:
    return tag.rpartition("}")[2]
