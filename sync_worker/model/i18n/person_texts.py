"""Texts of the page that shows a person the own data and their evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from sync_worker.model.file.schema import EVENT_KINDS
from sync_worker.model.i18n.validators import exact_keys, placeholders

_Text = Annotated[str, placeholders()]

#: The kinds of event; `other` is for those of the portal.
PERSON_EVENT_KINDS: Final = (*EVENT_KINDS, "other")

#: Lines of the ledger that belong to no criterion.
PERSON_LINES: Final = ("degradation", "floor", "minimum", "rounding")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonTexts:
    """The section `person` of a translation file."""

    title: _Text
    introduction: _Text
    data: _Text
    property: _Text
    value: _Text
    record: _Text
    created: _Text
    other_emails: _Text
    former_emails: _Text
    lists: _Text
    stage: Annotated[str, placeholders("stage")]
    deal: Annotated[str, placeholders("id")]
    opened: Annotated[str, placeholders("date")]
    closed: Annotated[str, placeholders("date")]
    won: Annotated[str, placeholders("date")]
    history: _Text
    no_value: _Text
    activity: _Text
    no_activity: _Text
    date: _Text
    event: _Text
    details: _Text
    evaluation: _Text
    rule: _Text
    points: _Text
    lines: Annotated[Mapping[str, _Text], exact_keys(PERSON_LINES)]
    score: Annotated[str, placeholders("score", "maximum")]
    grade: Annotated[str, placeholders("grade")]
    sales: _Text
    no_sales: Annotated[str, placeholders("reasons")]
    change: _Text
    by_time: Annotated[str, placeholders("date", "score")]
    steady: _Text
    more_points: Annotated[str, placeholders("rules")]
    fewer_points: Annotated[str, placeholders("rules")]
    better_grade: Annotated[str, placeholders("rules")]
    rights: _Text
    events: Annotated[Mapping[str, _Text], exact_keys(PERSON_EVENT_KINDS)]
