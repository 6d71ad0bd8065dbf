"""MQL blockers: why a contact is not an MQL."""

from __future__ import annotations

from collections.abc import Iterator

from sync_worker.model.compiled.model import Model
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.model.i18n.model_labels import display_label
from sync_worker.model.scoring.grade import comparison_rank, strip_sign
from sync_worker.model.scoring.verdict import Verdict


def blockers(verdict: Verdict, model: Model, *, was_mql_by_score: bool) -> tuple[str, ...]:
    """Return why a contact is not an MQL; empty for an MQL.

    A disqualifier or the daily quota is the only reason. Otherwise, the reasons are the conditions of an MQL by score that are not met.
    """
    if verdict.mql:
        return ()
    if (key := verdict.disqualified_by) is not None:
        return (display_label(key, model.disqualifiers[key].label, model.document.language),)
    if verdict.deferred:
        return (f"it qualifies and waits: at most {model.document.qualification.new_per_day} new MQLs a day",)
    return tuple(_score_blockers(verdict, model, was_mql_by_score=was_mql_by_score))


def _score_blockers(verdict: Verdict, model: Model, *, was_mql_by_score: bool) -> Iterator[str]:
    rules = model.document.qualification
    needed = model.leave_below_score if was_mql_by_score else rules.threshold
    if verdict.score < needed:
        yield f"score {_format_value(verdict.score)} is below {needed}"
    if verdict.grade is None:
        return
    known, of = verdict.grade_known, verdict.grade_of
    whole = model.document.grade.letters == "whole"
    if rules.known_at_least is not None and known < rules.known_at_least:
        if rules.incomplete_grade == "hold":
            yield f"the grade is based on {known} of {of} criteria; at least {rules.known_at_least} are required"
    elif rules.grade_at_least is not None:
        grade, lowest = verdict.grade_rank, GRADE_LETTERS.index(rules.grade_at_least)
        if comparison_rank(grade, without_signs=whole) < comparison_rank(lowest, without_signs=whole):
            letters = (strip_sign(GRADE_LETTERS[rank], without_signs=whole) for rank in (grade, lowest))
            yield " is below ".join(f"{start}{_format_value(letter)}" for start, letter in zip(("grade ", ""), letters, strict=True))


def _format_value(value: object) -> str:
    return str(value).replace("-", "−")
