"""MQL blockers: why a contact is not an MQL."""

from __future__ import annotations

from collections.abc import Iterator

from sync_worker.model.compiled.model import Model
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.model.file.units import from_micro
from sync_worker.model.reasons.reasons import display_label
from sync_worker.model.scoring.verdict import Verdict


def blockers(verdict: Verdict, model: Model, *, was_mql_by_score: bool) -> tuple[str, ...]:
    """Return why a contact is not an MQL; empty for an MQL.

    A disqualifier is the only reason if there is one. Otherwise, the reasons are the conditions of an MQL by score that are not met.
    """
    if verdict.mql:
        return ()
    if (key := verdict.disqualified_by) is not None:
        return (display_label(key, model.disqualifiers[key].label),)
    return tuple(_score_blockers(verdict, model, was_mql_by_score=was_mql_by_score))


def _score_blockers(verdict: Verdict, model: Model, *, was_mql_by_score: bool) -> Iterator[str]:
    rules = model.document.qualification
    needed = from_micro(model.leave_below) if was_mql_by_score else rules.threshold
    if verdict.score < needed:
        yield f"score {_format_value(verdict.score)} is below {needed}"
    known, of = verdict.grade_known, verdict.grade_of
    if rules.known_at_least is not None and known < rules.known_at_least:
        if rules.incomplete_grade == "hold":
            yield f"the grade is based on {known} of {of} criteria; at least {rules.known_at_least} are required"
    elif rules.grade_at_least is not None and verdict.grade_rank < GRADE_LETTERS.index(rules.grade_at_least):
        yield f"grade {_format_value(GRADE_LETTERS[verdict.grade_rank])} is below {_format_value(rules.grade_at_least)}"


def _format_value(value: object) -> str:
    return str(value).replace("-", "−")
