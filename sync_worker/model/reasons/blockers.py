"""What keeps somebody from being an MQL, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sync_worker.model.compiled.model import Model
from sync_worker.model.file.schema import LETTERS
from sync_worker.model.file.units import from_micro
from sync_worker.model.reasons.reasons import label


def hindrances(row: Mapping[str, Any], model: Model, *, was_by_score: bool) -> tuple[str, ...]:
    """Return why somebody is none, from a row of the verdicts; nothing for an MQL.

    A disqualifier alone decides; otherwise it is all that speaks against an MQL by score.
    """
    if row["mql"]:
        return ()
    if (key := row["disqualified_by"]) is not None:
        return (label(key, model.disqualifiers[key].label),)
    return tuple(_not_by_score(row, model, was_by_score=was_by_score))


def _not_by_score(row: Mapping[str, Any], model: Model, *, was_by_score: bool) -> Iterator[str]:
    rules = model.document.qualification
    needed = from_micro(model.leave_below) if was_by_score else rules.threshold
    if row["score"] < needed:
        yield f"score {_said(row['score'])} is below {needed}"
    known, of = row["grade_known"], row["grade_of"]
    if rules.known_at_least is not None and known < rules.known_at_least:
        if rules.incomplete_grade == "hold":
            yield f"the grade rests on {known} of {of} criteria, and it takes {rules.known_at_least}"
    elif rules.grade_at_least is not None and row["grade_rank"] < LETTERS.index(rules.grade_at_least):
        yield f"grade {_said(LETTERS[row['grade_rank']])} is below {_said(rules.grade_at_least)}"


def _said(value: object) -> str:
    return str(value).replace("-", "−")
