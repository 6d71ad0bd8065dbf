"""A page of the console: the content of a report page, with a form and a message; and its HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from sync_worker.console.bars import draw_bars
from sync_worker.reports.html.page import ReportPage, create_environment

#: The pages in the navigation: path and name.
PAGES: Final = (
    ("/", "Overview"),
    ("/runs", "Runs"),
    ("/held-back", "Held back"),
    ("/plan", "Plan"),
    ("/scores", "Scores"),
    ("/revisions", "Revisions"),
    ("/contacts", "Contacts"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A field of a form that needs a value."""

    name: str
    label: str
    value: str = ""
    max_length: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionForm:
    """A form with one button. `text` explains what the button does."""

    action: str
    title: str
    text: str
    button: str
    fields: Sequence[FormField] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsolePage:
    """A page. `path` is its place in the navigation."""

    path: str
    content: ReportPage
    form: ActionForm | None = None
    status: int = 200


def render(page: ConsolePage, *, token: str, message: str) -> str:
    """Return a page as HTML; `token` is for its form, and `message` says how the last action ended."""
    sections = [
        (section, [(part, draw_bars(part.chart) if part.chart else Markup()) for part in section.parts])
        for section in page.content.sections
    ]
    template = _environment().get_template("console.html")
    return template.render(page=page.content, sections=sections, current=page, pages=PAGES, token=token, message=message)


def render_style() -> str:
    """Return the style sheet of the console."""
    return _environment().get_template("console.css").render()


@cache
def _environment() -> Environment:
    return create_environment(PackageLoader("sync_worker.console"))
