"""The page of the model's revisions, with the button that records a review."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from markupsafe import Markup

from sync_worker.console.page import ActionForm, ConsolePage, FormField
from sync_worker.console.texts import DASH
from sync_worker.errors import ConfigurationError
from sync_worker.insight.feedback import format_counts
from sync_worker.reports.html.page import Part, ReportPage, Section, Table
from sync_worker.reports.revision_log import LogLine, RevisionCell, RevisionLog
from sync_worker.reports.texts.revision_summary import format_heading, format_note, summary_lines
from sync_worker.worker import Worker

MAX_REVISIONS: Final = 6  # columns of the tables; `model log` has all


def build_revisions_page(worker: Worker) -> ConsolePage:
    """Return the page."""
    log, model = worker.revision_log(), worker.status().model
    review = f"{model.review_due:%Y-%m-%d}" if model.review_due else "after the first approval"
    overdue = [f"The review of the model is overdue by {model.review_overdue_days:,} days."] if model.review_overdue_days else []
    content = ReportPage(
        title="Revisions",
        facts=[("Model", f"{model.name} · {model.hash}"), ("Review due", review)],
        figures=[],
        sections=list(_build_sections(log)),
        notes=overdue,
    )
    return ConsolePage(path="/revisions", content=content, form=_build_form(worker.settings.author or ""))


def record_review(worker: Worker, form: Mapping[str, str]) -> str:
    """Record a review, and return the page to show next. Raises ConfigurationError if the note or the author is empty."""
    note, author = (form.get(name, "").strip() for name in ("note", "author"))
    if not (note and author):
        raise ConfigurationError("A review needs a note and the name of its author.", hint="Go back and complete the form.")
    worker.add_to_log("review", note, author=author)
    return "/revisions?done=review"


def _build_form(author: str) -> ActionForm:
    return ActionForm(
        action="/reviews",
        title="Acknowledge the review",
        text="Does the same as `sync-worker review`: records that the model was reviewed. The next review is due 90 days later.",
        button="Acknowledge the review",
        fields=[
            FormField(name="note", label="What was looked at, and what was decided", max_length=1_000),
            FormField(name="author", label="Your name", value=author),
        ],
    )


def _build_sections(log: RevisionLog) -> Iterator[Section]:
    hidden = max(0, len(log.revisions) - MAX_REVISIONS)
    if not log.revisions:
        text = "No revision has been approved yet: run `sync-worker report`, then `sync-worker approve --note ...`."
        yield Section(name="none", title="No approval", text=text)
    headings = [format_heading(revision) for revision in log.revisions[hidden:]]
    columns, text_columns = ("", *headings), range(len(headings) + 1)
    if headings:
        rows = [(name, *("\n".join(each) for each in entries[hidden:])) for name, entries in summary_lines(log) if any(entries[hidden:])]
        text = f"The last {MAX_REVISIONS} of {len(log.revisions)} revisions; `sync-worker model log` has all." if hidden else ""
        table = Table(caption="Approved revisions, the newest last", columns=columns, rows=rows, text_columns=text_columns)
        yield Section(name="revisions", title="Decisions", text=text, parts=[Part(table=table)])
    for name, lines in groupby(log.lines, attrgetter("section")):
        table = Table(
            caption=f"{name}; marked cells have changed", columns=columns, rows=list(_build_rows(lines, hidden)), text_columns=text_columns
        )
        yield Section(name=name.replace(" ", "-"), title=name.capitalize(), parts=[Part(table=table)])
    notes = [format_note(note) for note in log.early_notes]
    notes += [f"Feedback on a model that was not approved: {format_counts(log.early_feedback)}"] if log.early_feedback else []
    if notes:
        yield Section(name="early", title="Before the first approval", points=notes)


def _build_rows(lines: Iterable[LogLine], hidden: int) -> Iterator[Sequence[str]]:
    for line in lines:
        if any(cell.text for cell in line.cells[hidden:]):
            yield (line.label, *(_format_cell(cell) for cell in line.cells[hidden:]))


def _format_cell(cell: RevisionCell) -> str:
    text = cell.text or DASH
    return Markup("<mark>{}</mark>").format(text) if cell.changed else text
