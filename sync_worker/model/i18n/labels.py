"""Labels of our properties, options and lists in HubSpot.

Internal names and option values are the same in every language, because HubSpot stores data under them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from sync_worker.model.i18n.validators import exact_keys, placeholders

_Text = Annotated[str, placeholders()]


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyLabel:
    """The label and the description of a property."""

    label: Annotated[str, placeholders("prefix")]
    description: _Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLabel(PropertyLabel):
    """The label and the description of `score`: the description contains the maximum score."""

    description: Annotated[str, placeholders("maximum")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyLabels:
    """The labels by name of the property without its prefix."""

    score: ScoreLabel
    score_band: PropertyLabel
    grade: PropertyLabel
    score_trend: PropertyLabel
    mql_reason: PropertyLabel
    mql_blockers: PropertyLabel
    mql_since: PropertyLabel
    mql_reasons: PropertyLabel
    score_reasons: PropertyLabel
    grade_reasons: PropertyLabel
    score_model: PropertyLabel
    feedback: PropertyLabel
    feedback_note: PropertyLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class MqlReasonLabels:
    """The labels of the options of `mql_reason`."""

    direct: Annotated[str, placeholders("label")]
    by_score: _Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ListNames:
    """The names of our lists."""

    direct: _Text
    by_score: _Text
    band: Annotated[str, placeholders("band")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The section `labels` of a translation file; the comments in en.yaml explain each key."""

    default_prefix: _Text
    group: _Text
    properties: PropertyLabels
    trends: Annotated[Mapping[str, _Text], exact_keys(("rising", "steady", "falling"))]
    mql_reasons: MqlReasonLabels
    feedback: Annotated[Mapping[str, _Text], exact_keys(("good_lead", "too_early", "bad_fit"))]
    lists: ListNames
