"""Checks of what sales reps read: labels without a text in the language of the model, and a minimum grade with a sign that is not shown."""

from __future__ import annotations

from collections.abc import Iterator

from sync_worker.model.file.schema import CRITERION_GROUPS, Document
from sync_worker.model.i18n.model_labels import resolve_label, translate_label

LabelFinding = tuple[tuple[str | int, ...], str]


def lint_labels(document: Document) -> Iterator[LabelFinding]:
    """Yield the warnings about labels and letters of a valid model, each with its path."""
    language, lowest = document.language, document.qualification.grade_at_least
    for group in CRITERION_GROUPS:
        for key, member in document.members(group).items():
            if member.enabled and member.label is not None and translate_label(member.label, language) is None:
                shown = resolve_label(member.label, language)
                yield (*group, key, "label"), f"no text in the language {language}: sales reps read {shown!r}; write {{{language}: ...}}"
    if document.grade.letters == "whole" and lowest is not None and lowest[1:]:
        message = f"with letters: whole, {lowest} counts as {lowest[:1]}: grades are compared as they are shown"
        yield ("qualification", "grade_at_least"), message
