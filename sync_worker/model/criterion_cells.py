"""Cells of a revision of the model: one per criterion, rule and limit, to compare the revisions of a model side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sync_worker.model.diff import format_value
from sync_worker.model.file.schema import CRITERION_GROUPS
from sync_worker.model.i18n.model_labels import display_label

_LIMITS: Final = (("threshold", "MQL from"), ("leave_below", "no longer an MQL below"), ("grade_at_least", "MQL from grade"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionCell:
    """The points of a criterion, or a limit, as text. `definition` is the part of the document that the cell stands for."""

    section: str
    key: str
    label: str
    text: str
    definition: object


def build_cells(document: Mapping[str, Any]) -> Iterator[CriterionCell]:
    """Yield the cells of a canonical model document, in the order of the file."""
    for (part, group), section in CRITERION_GROUPS.items():
        for key, member in document.get(part, {}).get(group, {}).items():
            label = display_label(key, member.get("label"), document["language"])
            yield CriterionCell(section=section, key=key, label=label, text=_describe_points(member), definition=member)
    for band in document["score"]["bands"]:
        yield CriterionCell(
            section="band", key=band["name"], label=band["name"], text=f"from {format_value(band['from'])}", definition=band
        )
    for key, label in _LIMITS:
        if (value := document.get("qualification", {}).get(key)) is not None:
            yield CriterionCell(section="limit", key=key, label=label, text=format_value(value), definition=value)
    fading = document["score"].get("degradation")
    if fading:
        yield CriterionCell(section="limit", key="degradation", label="degradation", text=str(fading.get("kind", "")), definition=fading)


def _describe_points(member: Mapping[str, Any]) -> str:
    if not member.get("enabled", True):
        return "off"
    if "tiers" in member:
        return ", ".join(f"{count}: {format_value(points)}" for count, points in member["tiers"].items())
    if "each" in member:
        limit = f", at most {format_value(member['at_most'])}" if "at_most" in member else ""
        return f"{_format_signed(member['each'])} each{limit}"
    if "thirds" in member:
        return f"{_format_signed(member['thirds'])} thirds, else {_format_signed(member.get('otherwise', 0))}"
    return next((_format_signed(member[name]) for name in ("points", "importance") if name in member), "on")


def _format_signed(value: object) -> str:
    text = format_value(value)
    return f"+{text}" if text[:1].isdigit() and text != "0" else text
