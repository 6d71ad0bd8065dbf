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

from sync_worker.errors import ConfigurationError
from sync_worker.sandbox.faults.faults import KINDS, Fault, FaultPlan, Rule

_OF_RULE = {field.name for field in fields(Rule)} - {"fault"}
_OF_FAULT = {field.name for field in fields(Fault)} - {"kind"}
_KEYS = sorted(_OF_RULE | _OF_FAULT | {"fault"})
_TYPES: dict[str, type | tuple[type, ...]] = {"nth": (int, list), "every": int, "times": int, "status": int, "retry_after": int}
_TYPES |= {"share": (int, float), "seconds": (int, float)}
_CHOICES = {
    "fault": KINDS,
    "when": ("before", "after"),
    "body": ("html", "json"),
    "policy": ("TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY"),
}


def read(path: Path) -> FaultPlan:
    """Return the faults that a YAML file asks for.

    Raises:
        ConfigurationError: with file and line, and the nearest right key.
    """
    try:
        document = YAML(typ="rt").load(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}", hint="Name a readable file of fault rules.") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{path}:{line}: {error.problem}", hint="Mend the YAML.") from None
    return plan(document, where=str(path))


def plan(document: object, *, where: str) -> FaultPlan:
    """Return the faults that a parsed document asks for; `where` begins every message."""
    if not isinstance(document, Mapping) or not isinstance(document.get("rules"), list):
        raise ConfigurationError(f"{where}:1: rules are missing.", hint="Begin with `rules:` and a list; see the head of fault_file.py.")
    return FaultPlan([_rule(item, where) for item in document["rules"]], seed=int(document.get("seed", 0)))


def _rule(item: object, where: str) -> Rule:
    if not isinstance(item, Mapping):
        raise ConfigurationError(f"{where}: {item!r} is no rule.", hint="A rule is a mapping with `endpoint` and `fault`.")
    if "fault" not in item:
        raise ConfigurationError(f"{_line(item, where)}: a rule without `fault`.", hint=f"fault is one of: {', '.join(KINDS)}.")
    for key, value in item.items():
        _check(item, str(key), value, where)
    nth: Any = item.get("nth", ())
    chosen = {key: item[key] for key in _OF_RULE & item.keys() if key != "nth"}
    fault = Fault(kind=item["fault"], **{key: item[key] for key in _OF_FAULT & item.keys()})
    return Rule(fault=fault, nth=(nth,) if isinstance(nth, int) else tuple(nth), **chosen)


def _check(item: Mapping[Any, Any], key: str, value: object, where: str) -> None:
    place = _line(item, where, key)
    if key not in _KEYS:
        near = get_close_matches(key, _KEYS, n=1)
        raise ConfigurationError(
            f"{place}: unknown key {key!r}.", hint=f"Did you mean {near[0]!r}?" if near else f"Keys: {', '.join(_KEYS)}."
        )
    if key in _CHOICES and value not in _CHOICES[key]:
        raise ConfigurationError(f"{place}: {key} is {value!r}.", hint=f"It is one of: {', '.join(_CHOICES[key])}.")
    if not isinstance(value, _TYPES.get(key, str)):
        raise ConfigurationError(f"{place}: {key} is {value!r}.", hint="It has the wrong type; see the head of fault_file.py.")


def _line(item: Mapping[Any, Any], where: str, key: str | None = None) -> str:
    if not isinstance(item, CommentedMap):
        return where
    line = item.lc.line if key is None else item.lc.key(key)[0]
    return f"{where}:{line + 1}"
