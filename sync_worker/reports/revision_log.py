"""The revision log of the model: criteria down, revisions across, with the notes that belong to each revision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from sync_worker.insight.feedback import count_criteria, count_values
from sync_worker.model.criterion_cells import CriterionCell, build_cells
from sync_worker.model.diff import describe_document_changes
from sync_worker.store.facts.feedback import Feedback
from sync_worker.store.model_revisions import ModelRevision
from sync_worker.timestamps import from_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class LogNote:
    """A note, a review or a withdrawal after an approval."""

    at: datetime
    kind: str
    author: str
    text: str

    def as_json(self) -> dict[str, str]:
        """Return the note for `--json`."""
        return {"at": self.at.isoformat(), "kind": self.kind, "author": self.author, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRevision:
    """An approved revision. `changes` are those since the previous approval; `effect` is numbers of contacts by what changed.

    `feedback`: the answers of sales reps about leads by value; `named`: by criterion that notes name, and by value.
    """

    at: datetime
    author: str
    model: str
    note: str
    report: str | None
    changes: Sequence[str]
    effect: Mapping[str, int]
    notes: Sequence[LogNote]
    feedback: Mapping[str, int]
    named: Mapping[str, Mapping[str, int]]

    def as_json(self) -> dict[str, Any]:
        """Return the revision for `--json`."""
        return {
            "at": self.at.isoformat(),
            "author": self.author,
            "model": self.model,
            "note": self.note,
            "report": self.report,
            "changes": list(self.changes),
            "effect": dict(self.effect),
            "notes": [note.as_json() for note in self.notes],
            "feedback": dict(self.feedback),
            "criteria_in_notes": {criterion: dict(counts) for criterion, counts in self.named.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionCell:
    """A criterion in one revision; the text is empty if the revision lacks it."""

    text: str
    changed: bool  # since the previous revision


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A criterion, band or limit through all revisions, one cell per revision."""

    section: str
    label: str
    cells: Sequence[RevisionCell]

    def as_json(self) -> dict[str, Any]:
        """Return the line for `--json`."""
        cells = [{"text": cell.text, "changed": cell.changed} for cell in self.cells]
        return {"section": self.section, "label": self.label, "cells": cells}


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionLog:
    """The log, oldest revision first. `early_notes` are older than the first approval, `early_feedback` is about no approved model."""

    revisions: Sequence[LoggedRevision]
    lines: Sequence[LogLine]
    early_notes: Sequence[LogNote]
    early_feedback: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the log for `--json`."""
        return {
            "revisions": [revision.as_json() for revision in self.revisions],
            "lines": [line.as_json() for line in self.lines],
            "early_notes": [note.as_json() for note in self.early_notes],
            "early_feedback": dict(self.early_feedback),
        }


def build_log(rows: Sequence[ModelRevision], answers: Sequence[Feedback] = ()) -> RevisionLog:
    """Return the log from its rows, oldest first, with the answers of sales reps."""
    starts = [index for index, row in enumerate(rows) if row.kind == "approval"]
    approvals = [rows[index] for index in starts]
    documents = [_parse_document(row) for row in approvals]
    ends = [*starts[1:], len(rows)] if starts else []
    by_revision: dict[int | None, list[Feedback]] = {}
    for answer in answers:
        by_revision.setdefault(_find_revision(answer, approvals), []).append(answer)
    revisions = [
        _build_revision(row, before, after, rows[start + 1 : end], by_revision.get(number, ()))
        for number, (row, before, after, start, end) in enumerate(zip(approvals, [None, *documents], documents, starts, ends, strict=False))
    ]
    early = rows[: starts[0]] if starts else rows
    return RevisionLog(
        revisions=revisions,
        lines=list(_build_lines(documents)),
        early_notes=[_build_note(row) for row in early],
        early_feedback=count_values(answer.value for answer in by_revision.get(None, ())),
    )


def _find_revision(answer: Feedback, approvals: Sequence[ModelRevision]) -> int | None:
    """Return the approval that an answer belongs to: the last one of its model, or else the last one of its time; None: no approval."""
    earlier = [number for number, row in enumerate(approvals) if row.at <= answer.at]
    same = [number for number, row in enumerate(approvals) if row.model == answer.model]
    both = [number for number in same if number in earlier]
    return both[-1] if both else same[0] if same else earlier[-1] if earlier else None


def _parse_document(row: ModelRevision) -> Mapping[str, Any] | None:
    return orjson.loads(row.document) if row.document else None


def _build_revision(
    row: ModelRevision,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    following: Sequence[ModelRevision],
    answers: Sequence[Feedback],
) -> LoggedRevision:
    notes = [*((answer.value, answer.note) for answer in answers), *(("", each.note) for each in following if each.kind == "note")]
    return LoggedRevision(
        at=from_ms(row.at),
        author=row.author,
        model=row.model,
        note=row.note,
        report=row.report,
        changes=describe_document_changes(before, after) if before and after else [],
        effect=orjson.loads(row.effect) if row.effect else {},
        notes=[_build_note(each) for each in following],
        feedback=count_values(answer.value for answer in answers),
        named=count_criteria(notes),
    )


def _build_note(row: ModelRevision) -> LogNote:
    return LogNote(at=from_ms(row.at), kind=row.kind, author=row.author, text=row.note)


def _build_lines(documents: Sequence[Mapping[str, Any] | None]) -> Iterator[LogLine]:
    revisions = [{(cell.section, cell.key): cell for cell in build_cells(document)} if document else {} for document in documents]
    keys = list(dict.fromkeys(key for each in revisions for key in each))
    sections = list(dict.fromkeys(section for section, _ in keys))
    for key in sorted(keys, key=lambda key: sections.index(key[0])):  # stable: the order of the file within a section
        cells = [each.get(key) for each in revisions]
        newest = next(cell for cell in reversed(cells) if cell)
        yield LogLine(section=newest.section, label=newest.label, cells=[*_mark_changes(cells, revisions)])


def _mark_changes(
    cells: Sequence[CriterionCell | None], revisions: Sequence[Mapping[tuple[str, str], CriterionCell]]
) -> Iterator[RevisionCell]:
    for index, cell in enumerate(cells):
        comparable = index > 0 and bool(revisions[index]) and bool(revisions[index - 1])
        before = cells[index - 1] if comparable else cell
        changed = comparable and (before.definition if before else None) != (cell.definition if cell else None)
        yield RevisionCell(text=cell.text if cell else "", changed=changed)
