"""Reads fault rules from a YAML file; docs/sandbox.md describes the format, `fault_rules.py` declares the rules.

seed: 7
rules:
  - endpoint: "POST */batch/update"   # METHOD path; * matches anything
    nth: [2, 5]                       # or every: 10, or share: 0.05; default: every matching call
    times: 3
    fault: error                      # one of FAULT_KINDS, with its own keys
    status: 502
    when: after                       # the write is executed before the error is returned
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError

from sync_worker.sandbox.base.errors import FaultConfigError
from sync_worker.sandbox.faults.fault_rules import FAULT_KINDS, Fault, FaultPlan, FaultRule
from sync_worker.sandbox.faults.json_path import JsonPath

_FORMAT_HINT = "docs/sandbox.md describes the format."
_RULE_KEYS = {field.name for field in fields(FaultRule)} - {"fault"}
_FAULT_KEYS = {field.name for field in fields(Fault)} - {"kind"}
_ALL_KEYS = sorted(_RULE_KEYS | _FAULT_KEYS | {"fault"})
ERROR_BODIES = ("html", "json")
_KEY_TYPES: dict[str, type | tuple[type, ...]] = {"nth": (int, list), "every": int, "times": int, "status": int, "retry_after": int}
_KEY_TYPES |= {"share": (int, float), "seconds": (int, float), "headers": Mapping, "remove": bool, "body": object, "value": object}
_KEY_CHOICES = {
    "fault": FAULT_KINDS,
    "when": ("before", "after"),
    "part": ("request", "response"),
    "policy": ("TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY"),
}


def load(path: Path) -> FaultPlan:
    """Return the fault plan of a YAML file.

    Raises:
        FaultConfigError: with file and line; for an unknown key, with the most similar key.
    """
    try:
        document = YAML(typ="rt").load(path.read_text("utf-8"))
    except OSError as error:
        raise FaultConfigError(f"{path}: {error.strerror}.", hint="Pass a readable YAML file of fault rules.") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FaultConfigError(f"{path}:{line}: {error.problem}.", hint="Fix the YAML syntax.") from None
    except RecursionError:
        raise FaultConfigError(f"{path}: nested too deeply.", hint=_FORMAT_HINT) from None
    return parse(document, source_name=str(path))


def parse(document: object, *, source_name: str) -> FaultPlan:
    """Return the fault plan of a parsed document; `source_name` starts every error message."""
    if not isinstance(document, Mapping) or not isinstance(document.get("rules"), list):
        raise FaultConfigError(f"{source_name}:1: `rules` must be a list of rules.", hint=_FORMAT_HINT)
    return FaultPlan([_parse_rule(item, source_name) for item in document["rules"]], seed=int(document.get("seed", 0)))


def _parse_rule(item: object, source_name: str) -> FaultRule:
    if not isinstance(item, Mapping):
        raise FaultConfigError(f"{source_name}: {item!r} is not a rule.", hint="A rule is a mapping with the key `fault`.")
    if "fault" not in item:
        location = _location(item, source_name)
        raise FaultConfigError(f"{location}: `fault` is missing.", hint=f"It must be one of {', '.join(FAULT_KINDS)}.")
    for key, value in item.items():
        _validate_key(item, str(key), value, source_name)
    if item["fault"] == "edit":
        _validate_edit(item, source_name)
    nth: Any = item.get("nth", ())
    rule_fields = {key: item[key] for key in _RULE_KEYS & item.keys() if key != "nth"}
    keys: dict[str, Any] = {key: _plain_value(item[key]) for key in _FAULT_KEYS & item.keys()}
    fault = Fault(kind=item["fault"], **{**keys, "headers": {name: str(value) for name, value in keys.get("headers", {}).items()}})
    return FaultRule(fault=fault, nth=(nth,) if isinstance(nth, int) else tuple(nth), **rule_fields)


def _plain_value(value: object) -> Any:  # noqa: ANN401 -- any JSON value
    return json.loads(json.dumps(value, default=str))  # the YAML parser returns types of its own


def _validate_key(item: Mapping[Any, Any], key: str, value: object, source_name: str) -> None:
    location = _location(item, source_name, key)
    if key not in _ALL_KEYS:
        similar = get_close_matches(key, _ALL_KEYS, n=1)
        hint = f"Did you mean {similar[0]!r}?" if similar else f"The keys are {', '.join(_ALL_KEYS)}."
        raise FaultConfigError(f"{location}: unknown key {key!r}.", hint=hint)
    choices = ERROR_BODIES if key == "body" and item["fault"] == "error" else _KEY_CHOICES.get(key)
    if choices is not None and value not in choices:
        raise FaultConfigError(f"{location}: {key}: {value!r} is not valid.", hint=f"It must be one of {', '.join(choices)}.")
    if not isinstance(value, _KEY_TYPES.get(key, str)):
        raise FaultConfigError(f"{location}: {key}: {value!r} has the wrong type.", hint=_FORMAT_HINT)


def _validate_edit(item: Mapping[Any, Any], source_name: str) -> None:
    location = _location(item, source_name)
    try:
        JsonPath.parse(item.get("path", ""))
    except ValueError as error:
        raise FaultConfigError(f"{location}: path: {error}.", hint="Example: results[0].properties.email") from None
    if ("value" in item) is bool(item.get("remove")):
        raise FaultConfigError(f"{location}: an edit has either `value` or `remove: true`.", hint=_FORMAT_HINT)


def _location(item: Mapping[Any, Any], source_name: str, key: str | None = None) -> str:
    if not isinstance(item, CommentedMap):
        return source_name
    line = item.lc.line if key is None else item.lc.key(key)[0]
    return f"{source_name}:{line + 1}"
