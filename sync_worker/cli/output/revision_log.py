"""Output of the revision log: text, Markdown, CSV or one HTML page."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from enum import StrEnum
from io import StringIO
from itertools import groupby
from operator import attrgetter

from jinja2 import Environment, PackageLoader, StrictUndefined

from sync_worker.cli.output.console import out
from sync_worker.cli.output.tables import build_table
from sync_worker.insight.feedback import format_counts
from sync_worker.reports.revision_log import LogLine, RevisionLog
from sync_worker.reports.texts.revision_summary import SUMMARY, format_heading, format_note, summary_lines


class LogFormat(StrEnum):
    """The format of the log."""

    TEXT = "text"
    MARKDOWN = "markdown"
    CSV = "csv"
    HTML = "html"


def print_log(log: RevisionLog, log_format: LogFormat = LogFormat.TEXT) -> None:
    """Print the log: criteria down, revisions across."""
    if log_format is LogFormat.TEXT:
        _print_text(log)
        return
    write = {LogFormat.MARKDOWN: _format_markdown, LogFormat.CSV: _format_csv, LogFormat.HTML: _format_html}[log_format]
    out.file.write(write(log))


def _print_text(log: RevisionLog) -> None:
    if not log.revisions and not log.early_notes:
        out.print("No revision has been approved yet: run `sync-worker report`, then `sync-worker approve --note ...`.")
        return
    table = build_table(("criterion", "left"), *((format_heading(revision), "left") for revision in log.revisions))
    for section, lines in groupby(log.lines, attrgetter("section")):
        table.add_row(f"{section}:", style="bold")
        for line in lines:
            table.add_row(f"  {line.label}", *(f"{cell.text}{' *' if cell.changed else ''}" for cell in line.cells))
    out.print(table, soft_wrap=False)
    if any(cell.changed for line in log.lines for cell in line.cells):
        out.print("* changed since the revision before")
    for note in log.early_notes:
        out.print(f"\nbefore the first approval: {format_note(note)}", markup=False)
    if log.early_feedback:
        out.print(f"\nfeedback on a model that was not approved: {format_counts(log.early_feedback)}", markup=False)
    for revision in log.revisions:
        out.print(f"\n{format_heading(revision)}", style="bold", markup=False)
        for name, entries in SUMMARY.items():
            for entry in entries(revision):
                out.print(f"  {name + ':':18} {entry}", markup=False)


def _table_rows(log: RevisionLog) -> Iterator[list[str]]:
    yield ["section", "criterion", *(format_heading(revision) for revision in log.revisions)]
    for line in log.lines:
        yield [line.section, line.label, *(f"{cell.text}{' *' if cell.changed else ''}" for cell in line.cells)]
    for name, values in summary_lines(log):
        yield ["log", name, *("\n".join(entries) for entries in values)]


def _format_markdown(log: RevisionLog) -> str:
    rows = [[cell.replace("|", "\\|").replace("\n", "<br>") for cell in row] for row in _table_rows(log)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{' --- |' * len(rows[0])}")
    return "\n".join([*lines, "", "\\* changed since the revision before", ""])


def _format_csv(log: RevisionLog) -> str:
    text = StringIO()
    csv.writer(text).writerows([_escape_formula(cell) for cell in row] for row in _table_rows(log))
    return text.getvalue()


def _escape_formula(cell: str) -> str:
    # A spreadsheet evaluates a cell that begins with one of these characters, and notes are free text.
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell


def _format_html(log: RevisionLog) -> str:
    environment = Environment(loader=PackageLoader("sync_worker.reports", "html"), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"groupby_in_order": _group, "summary_lines": summary_lines}
    has_tiers = any(line.section == "criterion" and ": " in cell.text for line in log.lines for cell in line.cells)
    page = environment.get_template("revision_log.html")
    return page.render(log=log, has_tiers=has_tiers, early_feedback=format_counts(log.early_feedback))


def _group(lines: Iterable[LogLine], name: str) -> list[tuple[str, list[LogLine]]]:
    return [(key, list(group)) for key, group in groupby(lines, attrgetter(name))]
