"""Reads a file of fault rules.

seed: 7
rules:
  - endpoint: "POST */batch/update"   # METHOD path; * stands for anything
    nth: [2, 5]                       # or every: 10, or share: 0.05; without any, every call
    times: 3
    fault: error                      # one of faults.KINDS, with its own keys
    status: 502
    when: after                       # the write has taken place
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError

from sync_worker.sandbox.base.errors import FaultConfigError
from sync_worker.sandbox.faults.faults import FAULT_KINDS, Fault, FaultPlan, FaultRule

_RULE_KEYS = {field.name for field in fields(FaultRule)} - {"fault"}
_FAULT_KEYS = {field.name for field in fields(Fault)} - {"kind"}
_ALL_KEYS = sorted(_RULE_KEYS | _FAULT_KEYS | {"fault"})
_KEY_TYPES: dict[str, type | tuple[type, ...]] = {"nth": (int, list), "every": int, "times": int, "status": int, "retry_after": int}
_KEY_TYPES |= {"share": (int, float), "seconds": (int, float)}
_KEY_CHOICES = {
    "fault": FAULT_KINDS,
    "when": ("before", "after"),
    "body": ("html", "json"),
    "policy": ("TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY"),
}


def load(path: Path) -> FaultPlan:
    """Return the faults that a YAML file asks for.

    Raises:
        FaultConfigError: with file and line, and the nearest right key.
    """
    try:
        document = YAML(typ="rt").load(path.read_text("utf-8"))
    except OSError as error:
        raise FaultConfigError(f"{path}: {error.strerror}", hint="Name a readable file of fault rules.") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FaultConfigError(f"{path}:{line}: {error.problem}", hint="Mend the YAML.") from None
    return parse(document, source_name=str(path))


def parse(document: object, *, source_name: str) -> FaultPlan:
    """Return the faults that a parsed document asks for; `where` begins every message."""
    if not isinstance(document, Mapping) or not isinstance(document.get("rules"), list):
        raise FaultConfigError(
            f"{source_name}:1: rules are missing.", hint="Begin with `rules:` and a list; see the head of fault_file.py."
        )
    return FaultPlan([_parse_rule(item, source_name) for item in document["rules"]], seed=int(document.get("seed", 0)))


def _parse_rule(item: object, source_name: str) -> FaultRule:
    if not isinstance(item, Mapping):
        raise FaultConfigError(f"{source_name}: {item!r} is no rule.", hint="A rule is a mapping with `endpoint` and `fault`.")
    if "fault" not in item:
        raise FaultConfigError(
            f"{_location(item, source_name)}: a rule without `fault`.", hint=f"fault is one of: {', '.join(FAULT_KINDS)}."
        )
    for key, value in item.items():
        _validate_key(item, str(key), value, source_name)
    nth: Any = item.get("nth", ())
    chosen = {key: item[key] for key in _RULE_KEYS & item.keys() if key != "nth"}
    fault = Fault(kind=item["fault"], **{key: item[key] for key in _FAULT_KEYS & item.keys()})
    return FaultRule(fault=fault, nth=(nth,) if isinstance(nth, int) else tuple(nth), **chosen)


def _validate_key(item: Mapping[Any, Any], key: str, value: object, source_name: str) -> None:
    place = _location(item, source_name, key)
    if key not in _ALL_KEYS:
        near = get_close_matches(key, _ALL_KEYS, n=1)
        raise FaultConfigError(
            f"{place}: unknown key {key!r}.", hint=f"Did you mean {near[0]!r}?" if near else f"Keys: {', '.join(_ALL_KEYS)}."
        )
    if key in _KEY_CHOICES and value not in _KEY_CHOICES[key]:
        raise FaultConfigError(f"{place}: {key} is {value!r}.", hint=f"It is one of: {', '.join(_KEY_CHOICES[key])}.")
    if not isinstance(value, _KEY_TYPES.get(key, str)):
        raise FaultConfigError(f"{place}: {key} is {value!r}.", hint="It has the wrong type; see the head of fault_file.py.")


def _location(item: Mapping[Any, Any], source_name: str, key: str | None = None) -> str:
    if not isinstance(item, CommentedMap):
        return source_name
    line = item.lc.line if key is None else item.lc.key(key)[0]
    return f"{source_name}:{line + 1}"
