"""Whether a condition asks something that can be answered: the property, the operator for its type, the operand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import polars as pl

from sync_worker.model.conditions import OPERATORS, Condition, Test
from sync_worker.model.countries import country_code, country_names
from sync_worker.model.document import Document, Property
from sync_worker.model.domains import BUILT_IN
from sync_worker.model.nearest import did_you_mean
from sync_worker.model.properties import STANDARD, standard
from sync_worker.model.text import plain

Found = tuple[tuple[str | int, ...], str]
SubjectType = Literal["text", "number", "boolean", "date", "enumeration", "url"]

#: What a condition on events can ask about.
EVENT_SUBJECTS: Final[Mapping[str, SubjectType]] = {"url": "url", "form": "text", "campaign": "text", "name": "text"}

_ALWAYS: Final = frozenset({"is_known", "is_unknown"})
_EQUAL: Final = _ALWAYS | {"is", "is_not", "in", "not_in"}
_TEXT: Final = _EQUAL | {"contains_any", "matches", "regex", "starts_with", "ends_with", "country_in", "seniority_at_least", "domain_in"}

#: The operators that make sense for a type.
ALLOWED: Final[Mapping[SubjectType, frozenset[str]]] = {
    "text": _TEXT,
    "enumeration": _TEXT,
    "number": _EQUAL | {"at_least", "at_most", "between"},
    "boolean": _ALWAYS | {"is", "is_not"},
    "date": _ALWAYS | {"at_least", "at_most", "between", "within", "older_than"},
    "url": _EQUAL | {"matches", "regex", "starts_with"},
}


def condition_problems(condition: Condition, document: Document, *, events: bool, rising: bool) -> Iterator[Found]:
    """Yield what cannot be asked, with its path inside the condition.

    `rising`: the condition gives points, and time alone must not make it true.
    """
    for subject, test in condition.tests.items():
        kind = _type_of(subject, document, events=events)
        if isinstance(kind, str):
            yield (subject,), kind
        else:
            yield from (((subject, *place), message) for place, message in _test_problems(test, kind, document, rising=rising))
    for name, index, part in condition.parts:
        asked = condition_problems(part, document, events=events, rising=rising)
        yield from (((name, index, *place), message) for place, message in asked)
    if condition.not_:
        yield from (
            (("not", *place), message) for place, message in condition_problems(condition.not_, document, events=events, rising=rising)
        )
        if rising and any(test.within for _, test, _ in condition.not_.walk()):
            yield ("not",), "not within a time becomes true by time alone, which must not add points"


def _type_of(subject: str, document: Document, *, events: bool) -> Property | str:
    """Return the type of a subject, or what is wrong with its name."""
    if events:
        if kind := EVENT_SUBJECTS.get(subject):
            return Property.model_construct(type=kind, options=None)
        return f"unknown property of an event; expected {', '.join(EVENT_SUBJECTS)}{did_you_mean(subject, EVENT_SUBJECTS)}"
    if found := document.properties.get(subject) or standard(subject):
        return found
    near = did_you_mean(subject, {**STANDARD, **document.properties})
    return f"no property that HubSpot brings along{near}; if it is the portal's own, declare it: properties: {{{subject}: text}}"


def _test_problems(test: Test, subject: Property, document: Document, *, rising: bool) -> Iterator[Found]:
    for operator, operand in test.operators.items():
        if operator not in ALLOWED[subject.type]:
            expected = ", ".join(name for name in OPERATORS if name in ALLOWED[subject.type])
            yield (operator,), f"cannot be asked of a property of type {subject.type}; expected {expected}"
        elif message := _operand_problem(operator, operand, subject, document):
            yield (operator,), message
        elif rising and operator == "older_than":
            yield (operator,), "becomes true by time alone, which must not add points"


def _operand_problem(operator: str, operand: Any, subject: Property, document: Document) -> str | None:
    values = operand if isinstance(operand, tuple) else (operand,)
    if operator in ("is", "is_not", "in", "not_in"):
        return next(filter(None, (_value_problem(value, subject) for value in values)), None)
    if operator in ("at_least", "at_most", "between"):
        return next(filter(None, (_bound_problem(value, subject) for value in values)), None) or _order_problem(operator, values)
    if operator == "regex":
        return _regex_problem(operand)
    if operator == "country_in":
        return next((f"unknown country {c!r}{did_you_mean(plain(c), country_names())}" for c in values if not country_code(c)), None)
    if operator == "domain_in":
        known = {*BUILT_IN, *document.domains}
        return next(
            (f"unknown domain list {n!r}; expected {', '.join(sorted(known))}{did_you_mean(n, known)}" for n in values if n not in known),
            None,
        )
    if operator in ("contains_any", "matches", "starts_with", "ends_with"):
        return next(("an empty text is found everywhere" for value in values if not plain(value).strip("*")), None)
    return None


def _value_problem(value: object, subject: Property) -> str | None:
    if subject.type == "boolean":
        return None if isinstance(value, bool) else f"expected true or false, not {value!r}"
    if subject.type == "number":
        return None if isinstance(value, (int, float)) and not isinstance(value, bool) else f"expected a number, not {value!r}"
    if subject.options and plain(as_text(value)) not in {plain(option) for option in subject.options}:
        return f"no option of this property: {value!r}; expected {', '.join(subject.options)}{did_you_mean(str(value), subject.options)}"
    return None if plain(as_text(value)) else "expected a text; use is_unknown: true for no value"


def _bound_problem(value: object, subject: Property) -> str | None:
    if subject.type == "number":
        return None if isinstance(value, (int, float)) else f"expected a number, not {value!r}"
    return None if isinstance(value, str) and _is_date(value) else f"expected a date such as 2026-01-31, not {value!r}"


def _order_problem(operator: str, values: tuple[Any, ...]) -> str | None:
    return "the first bound lies above the second" if operator == "between" and values[0] > values[1] else None


def _regex_problem(pattern: str) -> str | None:
    """Compile with the engine that will run it: one without backtracking, which no pattern can keep busy for long."""
    try:
        pl.Series([""]).str.contains(f"(?i){pattern}", strict=True)
    except pl.exceptions.ComputeError as error:
        reason = re.search(r"error: (.+)", str(error))
        return f"this regular expression does not compile: {reason[1] if reason else 'it is too large'}"
    return None


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def as_text(value: object) -> str:
    """Return a value of the model file as HubSpot would write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
