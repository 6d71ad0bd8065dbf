"""Differences between two models as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

from sync_worker.model.compiled.model import Model, default_leave_below
from sync_worker.model.file.schema import CRITERION_GROUPS, Language
from sync_worker.model.file.units import parse_percent
from sync_worker.model.file.yaml_source import format_path
from sync_worker.model.i18n.model_labels import display_label

DiffPath = tuple[str | int, ...]

_AMOUNT_KEYS = ("points", "each", "importance", "thirds")
_MISSING: Any = object()


def describe_changes(old: Model, new: Model) -> list[str]:
    """Return one line per change between two models: `looked at careers pages −5 → −10`."""
    return describe_document_changes(old.document.dump_canonical(), new.document.dump_canonical())


def describe_document_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return one line per change between two canonical documents."""
    before, after = deepcopy(dict(old)), deepcopy(dict(new))
    changes = [
        change
        for group in CRITERION_GROUPS
        for change in _describe_members(group, _get_group(before, group), _get_group(after, group), new["language"])
    ]
    for group in CRITERION_GROUPS:
        _get_group(before, group).clear()
        _get_group(after, group).clear()
    bands = _describe_band_changes(before["score"].pop("bands"), after["score"].pop("bands"))
    for document in (before, after):
        document["qualification"].pop("leave_below", None)
    other = (_format_change(path, one, two) for path, one, two in _find_changes((), before, after))
    return [*changes, *bands, *other, *_describe_consequences(old, new)]


def _describe_consequences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield the changes of what follows from the threshold: the floor, `leave_below`, and a band that no longer starts there."""
    for name, derive in (("floor", _floor), ("leave below", _leave_below)):
        before, after = derive(old), derive(new)
        if before != after:
            yield f"{name} {before:.4g} → {after:.4g}"
    thresholds = [Decimal(document["qualification"]["threshold"]) for document in (old, new)]
    first, then = ({band["name"]: band["from"] for band in document["score"]["bands"]} for document in (old, new))
    for name in (name for name in first if name in then):
        if first[name] == then[name] == thresholds[0] != thresholds[1]:
            yield f"band {name} starts at {then[name]}, no longer at the threshold"


def _floor(document: Mapping[str, Any]) -> Decimal:
    degradation = document["score"]["degradation"]
    share = Decimal(0) if degradation["kind"] == "none" else parse_percent(degradation["floor"])
    return Decimal(document["qualification"]["threshold"]) * share / 100


def _leave_below(document: Mapping[str, Any]) -> Decimal:
    rules = document["qualification"]
    return Decimal(rules["leave_below"]) if "leave_below" in rules else default_leave_below(Decimal(rules["threshold"]))


def _get_group(document: Mapping[str, Any], group: tuple[str, str]) -> dict[str, Any]:
    members: dict[str, Any] = document[group[0]][group[1]]
    return members


def _describe_members(group: tuple[str, str], before: Mapping[str, Any], after: Mapping[str, Any], language: Language) -> Iterator[str]:
    """Yield the added, removed, renamed and changed criteria or rules of a group."""
    kind, renamed = CRITERION_GROUPS[group], _find_renamed(before, after)
    for key in [*before, *(key for key in after if key not in before and key not in renamed.values())]:
        names = [display_label(each, body.get("label"), language) for each, body in ((key, before.get(key)), (key, after.get(key))) if body]
        if key in renamed:
            new_name = display_label(renamed[key], after[renamed[key]].get("label"), language)
            yield f"{kind} renamed: {names[0]} → {new_name}" if names[0] != new_name else f"{kind} renamed: {key} → {renamed[key]}"
        elif key not in after:
            yield f"{kind} removed: {names[0]}{_format_amount(before[key])}"
        elif key not in before:
            yield f"{kind} added: {names[0]}{_format_amount(after[key])}"
        else:
            yield from _describe_changed_member(kind, (names[0], names[1]), _find_changes((), before[key], after[key]))


def _find_renamed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """Return the new keys of the members that differ from an old one only in key and label, by old key."""
    renamed: dict[str, str] = {}
    for key in (key for key in before if key not in after):
        same = (new for new in after if new not in before and _drop_label(after[new]) == _drop_label(before[key]))
        if (found := next((new for new in same if new not in renamed.values()), None)) is not None:
            renamed[key] = found
    return renamed


def _drop_label(member: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in member.items() if name != "label"}


def _describe_changed_member(kind: str, names: tuple[str, str], changes: Iterable[tuple[DiffPath, Any, Any]]) -> Iterator[str]:
    old_name, name = names
    if old_name != name:
        yield f"{kind} renamed: {old_name} → {name}"
    for path, one, two in changes:
        if old_name == name or path[:1] != ("label",):
            yield _describe_member_change(name, path, one, two)


def _format_amount(member: Mapping[str, Any]) -> str:
    amount = next((member[name] for name in _AMOUNT_KEYS if name in member), None)
    return "" if amount is None else f" ({format_value(amount)})"


def _describe_member_change(name: str, path: DiffPath, old: object, new: object) -> str:
    if path == ("enabled",):
        return f"{name}: switched {'on' if new else 'off'}"
    if path and path[0] in _AMOUNT_KEYS and _MISSING not in (old, new):
        return f"{name} {format_value(old)} → {format_value(new)}"
    if path and path[0] == "tiers" and len(path) == 2:
        return f"{name}: tier at {path[1]}: {format_value(old)} → {format_value(new)}"
    return f"{name}: {_format_change(path, old, new)}"


def _describe_band_changes(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[str]:
    one, two = ({band["name"]: band["from"] for band in bands} for bands in (before, after))
    for name in [*one, *(name for name in two if name not in one)]:
        if one.get(name) != two.get(name):
            yield f"band {name}: from {format_value(one.get(name, _MISSING))} → {format_value(two.get(name, _MISSING))}"


def _find_changes(path: DiffPath, old: Any, new: Any) -> Iterator[tuple[DiffPath, Any, Any]]:  # noqa: ANN401 -- any part of a JSON document
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _find_changes((*path, key), old.get(key, _MISSING), new.get(key, _MISSING))
    elif old != new:
        yield path, old, new


def _format_change(path: DiffPath, old: object, new: object) -> str:
    return f"{format_path(path).replace('_', ' ')}: {format_value(old)} → {format_value(new)}"


def format_value(value: object) -> str:
    """Return a value as text for people."""
    if value is _MISSING:
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(format_value(item) for item in value)
    if isinstance(value, dict):
        return "; ".join(f"{key} {format_value(item)}" for key, item in value.items())
    text = str(value)
    return f"−{text[1:]}" if text[:1] == "-" and text[1:2].isdigit() else text
