"""Checks of conditions: the property must exist, the operator must apply to its type, and the operand must be valid.

A new operator is listed in `OPERATORS_BY_TYPE`, and its operand is checked in `_operand_problem`. It is compiled in
model/scoring/predicates.py (next).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from sync_worker.model.file.conditions import OPERATOR_FIELDS, Condition, Operand, Scalar, Test, operand_values, to_hubspot_text
from sync_worker.model.file.schema import Document
from sync_worker.model.file.suggest import did_you_mean, suggest_number
from sync_worker.model.lookup.countries import country_code, country_names
from sync_worker.model.lookup.domains import DEFAULT_DOMAIN_LISTS
from sync_worker.model.lookup.standard_properties import (
    COMPANY_PREFIX,
    EVENT_PROPERTIES,
    STANDARD_PROPERTIES,
    PropertySpec,
    ValueType,
    find_property,
)
from sync_worker.model.lookup.text import normalize_text

ConditionFinding = tuple[tuple[str | int, ...], str]

#: Names under which models ask about list membership.
LIST_NAMES: Final = frozenset({"list", "lists", "segment", "segments", "list_membership", "list_memberships", "static_list", "active_list"})

_PRESENCE_OPERATORS: Final = frozenset({"is_known", "is_unknown"})
_EQUALITY_OPERATORS: Final = _PRESENCE_OPERATORS | {"is", "is_not", "in", "not_in"}
_TEXT_OPERATORS: Final = _EQUALITY_OPERATORS | {
    "contains_any",
    "matches",
    "regex",
    "starts_with",
    "ends_with",
    "country_in",
    "seniority_at_least",
    "seniority_in",
    "domain_in",
}

#: The operators by type of the property.
OPERATORS_BY_TYPE: Final[Mapping[ValueType, frozenset[str]]] = {
    "text": _TEXT_OPERATORS,
    "enumeration": _TEXT_OPERATORS,
    "number": _EQUALITY_OPERATORS | {"at_least", "at_most", "between"},
    "boolean": _PRESENCE_OPERATORS | {"is", "is_not"},
    "date": _PRESENCE_OPERATORS | {"at_least", "at_most", "between", "within", "older_than"},
    "url": _EQUALITY_OPERATORS | {"matches", "regex", "starts_with"},
    "subscriptions": _EQUALITY_OPERATORS - _PRESENCE_OPERATORS,
}


def lint_condition(condition: Condition, document: Document, *, on_events: bool, adds_points: bool) -> Iterator[ConditionFinding]:
    """Yield the errors of a condition, with their paths inside it.

    `adds_points`: the condition gives positive points, so it must not become true just because time passes.
    """
    for name, test in condition.tests.items():
        kind = _resolve_property(name, document, on_events=on_events)
        if isinstance(kind, str):
            yield (name,), kind
        else:
            yield from (((name, *place), message) for place, message in _lint_test(test, kind, document, adds_points=adds_points))
    for name, index, part in condition.subconditions:
        problems = lint_condition(part, document, on_events=on_events, adds_points=adds_points)
        yield from (((name, index, *place), message) for place, message in problems)
    if condition.not_:
        yield from (
            (("not", *place), message)
            for place, message in lint_condition(condition.not_, document, on_events=on_events, adds_points=adds_points)
        )
        if adds_points and any(test.within for _, test, _ in condition.not_.iter_tests()):
            yield ("not",), "`not` with within becomes true just because time passes, so it must not add points"


def _resolve_property(name: str, document: Document, *, on_events: bool) -> PropertySpec | str:
    """Return the type of a property, or an error message."""
    if on_events:
        known = ", ".join(EVENT_PROPERTIES)
        return EVENT_PROPERTIES.get(name) or f"unknown property of an event; expected {known}{did_you_mean(name, EVENT_PROPERTIES)}"
    if found := find_property(name, document.properties):
        return found
    if message := _object_problem(name):
        return message
    near = did_you_mean(name, {**STANDARD_PROPERTIES, **document.properties})
    return f"not a standard property of HubSpot; declare a custom property first: properties: {{{name}: text}}{near}"


def _object_problem(name: str) -> str | None:
    """Return the message for a name that means no property of contacts or companies."""
    if name.lower() in LIST_NAMES:
        return "list membership cannot be part of a condition; use the properties that the list itself filters by"
    owner, dot, _ = name.partition(".")
    if dot and f"{owner}." != COMPANY_PREFIX:
        return f"only properties of the contact and its company can be part of a condition, such as company.industry, not those of {owner}"
    return None


def _lint_test(test: Test, spec: PropertySpec, document: Document, *, adds_points: bool) -> Iterator[ConditionFinding]:
    for operator, operand in test.operators.items():
        if operator not in OPERATORS_BY_TYPE[spec.type]:
            expected = ", ".join(name for name in OPERATOR_FIELDS if name in OPERATORS_BY_TYPE[spec.type])
            yield (operator,), f"does not apply to a property of type {spec.type}; expected {expected}"
        elif message := _operand_problem(operator, operand, spec, document):
            yield (operator,), message
        elif adds_points and operator == "older_than":
            yield (operator,), "becomes true just because time passes, so it must not add points"


def _operand_problem(operator: str, operand: Operand, spec: PropertySpec, document: Document) -> str | None:
    """Return the first problem of an operand."""
    values = tuple(value for value in operand_values(operand) if not isinstance(value, timedelta))
    problems: Iterable[str | None] = ()
    if operator in ("is", "is_not", "in", "not_in"):
        problems = (_value_problem(value, spec) for value in values)
    elif operator in ("at_least", "at_most", "between"):
        problems = (*(_limit_problem(value, spec) for value in values), _order_problem(operator, values))
    elif operator == "regex":
        problems = (_regex_problem(str(value)) for value in values)
    elif operator == "country_in":
        problems = (_country_problem(str(value)) for value in values)
    elif operator == "domain_in":
        problems = (_list_problem(str(value), document) for value in values)
    elif operator in ("contains_any", "matches", "starts_with", "ends_with"):
        problems = (_pattern_problem(str(value)) for value in values)
    return next(filter(None, problems), None)


def _value_problem(value: Scalar, spec: PropertySpec) -> str | None:
    if spec.type == "boolean":
        return None if isinstance(value, bool) else f"expected true or false, not {value!r}"
    if spec.type == "number":
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return None if is_number else f"expected a number, not {value!r}{suggest_number(value)}"
    if spec.type == "subscriptions" and isinstance(value, bool):
        return f"expected the name of a subscription type, such as Newsletter, not {to_hubspot_text(value)}"
    if spec.options and normalize_text(to_hubspot_text(value)) not in {normalize_text(option) for option in spec.options}:
        return f"not an option of this property: {value!r}; expected {', '.join(spec.options)}{did_you_mean(str(value), spec.options)}"
    return None if normalize_text(to_hubspot_text(value)) else "expected a text; use is_unknown: true for no value"


def _limit_problem(value: Scalar, spec: PropertySpec) -> str | None:
    if spec.type == "number":
        return None if isinstance(value, (int, float)) else f"expected a number, not {value!r}{suggest_number(value)}"
    return None if isinstance(value, str) and _is_date(value) else f"expected a date such as 2026-01-31, not {value!r}"


def _order_problem(operator: str, values: tuple[Scalar, ...]) -> str | None:
    if operator != "between" or type(values[0]) is str is not type(values[1]):
        return None
    lower, upper = sorted(values, key=_sort_key)
    return None if (lower, upper) == values else "the first bound is above the second"


def _sort_key(value: Scalar) -> tuple[float, str]:
    return (0, value) if isinstance(value, str) else (float(value), "")


def _regex_problem(pattern: str) -> str | None:
    """Compile the pattern with the engine that runs it; the engine does not backtrack, so every pattern takes linear time."""
    try:
        pl.Series([""]).str.contains(f"(?i){pattern}", strict=True)
    except pl.exceptions.ComputeError as error:
        reason = re.search(r"(?m)^\s*error: (.+)", str(error))
        return f"this regular expression does not compile: {reason[1] if reason else 'it is too large'}"
    return None


def _country_problem(name: str) -> str | None:
    return None if country_code(name) else f"unknown country {name!r}{did_you_mean(normalize_text(name), country_names())}"


def _list_problem(name: str, document: Document) -> str | None:
    known = sorted({*DEFAULT_DOMAIN_LISTS, *document.domains})
    return None if name in known else f"unknown domain list {name!r}; expected {', '.join(known)}{did_you_mean(name, known)}"


def _pattern_problem(pattern: str) -> str | None:
    return None if normalize_text(pattern).strip("*") else "an empty text matches everything"


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
