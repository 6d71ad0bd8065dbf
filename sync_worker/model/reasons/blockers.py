"""What keeps somebody from being an MQL, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sync_worker.model.compiled.model import Model
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.model.file.units import from_micro
from sync_worker.model.reasons.reasons import display_label


def blockers(row: Mapping[str, Any], model: Model, *, was_mql_by_score: bool) -> tuple[str, ...]:
    """Return why somebody is none, from a row of the verdicts; nothing for an MQL.

    A disqualifier alone decides; otherwise it is all that speaks against an MQL by score.
    """
    if row["mql"]:
        return ()
    if (key := row["disqualified_by"]) is not None:
        return (display_label(key, model.disqualifiers[key].label),)
    return tuple(_score_blockers(row, model, was_mql_by_score=was_mql_by_score))


def _score_blockers(row: Mapping[str, Any], model: Model, *, was_mql_by_score: bool) -> Iterator[str]:
    rules = model.document.qualification
    needed = from_micro(model.leave_below) if was_mql_by_score else rules.threshold
    if row["score"] < needed:
        yield f"score {_format_value(row['score'])} is below {needed}"
    known, of = row["grade_known"], row["grade_of"]
    if rules.known_at_least is not None and known < rules.known_at_least:
        if rules.incomplete_grade == "hold":
            yield f"the grade rests on {known} of {of} criteria, and it takes {rules.known_at_least}"
    elif rules.grade_at_least is not None and row["grade_rank"] < GRADE_LETTERS.index(rules.grade_at_least):
        yield f"grade {_format_value(GRADE_LETTERS[row['grade_rank']])} is below {_format_value(rules.grade_at_least)}"


def _format_value(value: object) -> str:
    return str(value).replace("-", "−")
