"""The rows of the revision log below the criteria: changes, effect, decision, notes, feedback."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sync_worker.insight.feedback import format_counts
from sync_worker.reports.revision_log import LoggedRevision, LogNote, RevisionLog

#: The rows of the log below the criteria: their names, and their entries in a revision.
SUMMARY: Final[Mapping[str, Callable[[LoggedRevision], Sequence[str]]]] = {
    "changes": lambda revision: revision.changes,
    "effect": lambda revision: [_format_effect(name, number) for name, number in revision.effect.items() if number],
    "report": lambda revision: [revision.report] if revision.report else [],
    "decision": lambda revision: [revision.note],
    "notes": lambda revision: [format_note(note) for note in revision.notes],
    "feedback": lambda revision: [format_counts(revision.feedback)] if revision.feedback else [],
    "criteria in notes": lambda revision: [f"#{name}: {format_counts(counts)}" for name, counts in revision.named.items()],
}


def summary_lines(log: RevisionLog) -> list[tuple[str, list[Sequence[str]]]]:
    """Return the rows below the criteria: the name, and the entries of each revision."""
    return [(name, [entries(revision) for revision in log.revisions]) for name, entries in SUMMARY.items()]


def format_heading(revision: LoggedRevision) -> str:
    """Return the heading of a revision: day, hash, author."""
    author = f" · {revision.author}" if revision.author else ""
    return f"{revision.at:%Y-%m-%d} · {revision.model}{author}"


def format_note(note: LogNote) -> str:
    """Return a note in one line."""
    kind = "" if note.kind == "note" else f"{note.kind}: "
    return f"{note.at:%Y-%m-%d} {note.author}: {kind}{note.text}"


def _format_effect(name: str, number: int) -> str:
    """Return an effect in words: `MQL: added` becomes “MQL: 12 added”."""
    subject, _, action = name.partition(": ")
    return f"{subject}: {number:,} {action}".rstrip()
