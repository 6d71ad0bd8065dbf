"""The difference between two models, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sync_worker.model.compiled.model import Model
from sync_worker.model.file.schema import GROUPS
from sync_worker.model.file.yaml_source import dotted
from sync_worker.model.reasons.reasons import label

Path = tuple[str | int, ...]

_AMOUNTS = ("points", "each", "importance", "thirds")
_MISSING: Any = object()


def describe(old: Model, new: Model) -> list[str]:
    """Return what changed from one model to another, one sentence a change: `careers pages −5 → −10`."""
    before, after = dict(old.document.meaning()), dict(new.document.meaning())
    said = [sentence for group in GROUPS for sentence in _members(group, _at(before, group), _at(after, group))]
    for group in GROUPS:
        _at(before, group).clear()
        _at(after, group).clear()
    bands = _bands(before["score"].pop("bands"), after["score"].pop("bands"))
    return [*said, *bands, *(_sentence(path, one, two) for path, one, two in _changes((), before, after))]


def _at(document: Mapping[str, Any], path: tuple[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = document[path[0]][path[1]]
    return found


def _members(group: tuple[str, str], before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Say which members of a group came, went, or changed."""
    for key in [*before, *(key for key in after if key not in before)]:
        name = label(key, (after.get(key) or before[key]).get("label"))
        if key not in after:
            yield f"{GROUPS[group]} removed: {name}{_amount(before[key])}"
        elif key not in before:
            yield f"{GROUPS[group]} added: {name}{_amount(after[key])}"
        else:
            yield from (_member_change(name, path, one, two) for path, one, two in _changes((), before[key], after[key]))


def _amount(member: Mapping[str, Any]) -> str:
    found = next((member[name] for name in _AMOUNTS if name in member), None)
    return "" if found is None else f" ({_said(found)})"


def _member_change(name: str, path: Path, one: object, two: object) -> str:
    if path == ("enabled",):
        return f"{name}: switched {'on' if two else 'off'}"
    if path and path[0] in _AMOUNTS and _MISSING not in (one, two):
        return f"{name} {_said(one)} → {_said(two)}"
    if path and path[0] == "tiers" and len(path) == 2:
        return f"{name}: tier at {path[1]}: {_said(one)} → {_said(two)}"
    return f"{name}: {_sentence(path, one, two)}"


def _bands(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[str]:
    one, two = ({band["name"]: band["from"] for band in bands} for bands in (before, after))
    for name in [*one, *(name for name in two if name not in one)]:
        if one.get(name) != two.get(name):
            yield f"band {name}: from {_said(one.get(name, _MISSING))} → {_said(two.get(name, _MISSING))}"


def _changes(path: Path, one: Any, two: Any) -> Iterator[tuple[Path, Any, Any]]:  # noqa: ANN401 -- any part of a JSON document
    if isinstance(one, dict) and isinstance(two, dict):
        for key in [*one, *(key for key in two if key not in one)]:
            yield from _changes((*path, key), one.get(key, _MISSING), two.get(key, _MISSING))
    elif one != two:
        yield path, one, two


def _sentence(path: Path, one: object, two: object) -> str:
    return f"{dotted(path).replace('_', ' ')}: {_said(one)} → {_said(two)}"


def _said(value: object) -> str:
    """Return a value as people write it."""
    if value is _MISSING:
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(_said(item) for item in value)
    if isinstance(value, dict):
        return "; ".join(f"{key} {_said(item)}" for key, item in value.items())
    text = str(value)
    return f"−{text[1:]}" if text[:1] == "-" and text[1:2].isdigit() else text
