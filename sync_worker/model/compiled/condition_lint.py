"""Whether a condition asks something that can be answered: the property, the operator for its type, the operand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from sync_worker.model.file.conditions import OPERATORS, Condition, Operand, Scalar, Test, operands
from sync_worker.model.file.schema import Document
from sync_worker.model.file.suggest import did_you_mean
from sync_worker.model.lookup.countries import country_code, country_names
from sync_worker.model.lookup.domains import BUILT_IN
from sync_worker.model.lookup.hubspot_properties import STANDARD, Subject, SubjectType, subject
from sync_worker.model.lookup.text import plain

Found = tuple[tuple[str | int, ...], str]

#: What a condition on events can ask about.
EVENT_SUBJECTS: Final[Mapping[str, Subject]] = {
    "url": Subject("url"),
    "form": Subject("text"),
    "campaign": Subject("text"),
    "name": Subject("text"),
}

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
    for name, test in condition.tests.items():
        kind = _subject(name, document, events=events)
        if isinstance(kind, str):
            yield (name,), kind
        else:
            yield from (((name, *place), message) for place, message in _test_problems(test, kind, document, rising=rising))
    for name, index, part in condition.parts:
        asked = condition_problems(part, document, events=events, rising=rising)
        yield from (((name, index, *place), message) for place, message in asked)
    if condition.not_:
        yield from (
            (("not", *place), message) for place, message in condition_problems(condition.not_, document, events=events, rising=rising)
        )
        if rising and any(test.within for _, test, _ in condition.not_.walk()):
            yield ("not",), "not within a time becomes true by time alone, which must not add points"


def _subject(name: str, document: Document, *, events: bool) -> Subject | str:
    """Return the type of a subject, or what is wrong with its name."""
    if events:
        known = ", ".join(EVENT_SUBJECTS)
        return EVENT_SUBJECTS.get(name) or f"unknown property of an event; expected {known}{did_you_mean(name, EVENT_SUBJECTS)}"
    if found := subject(name, document.properties):
        return found
    near = did_you_mean(name, {**STANDARD, **document.properties})
    return f"no property that HubSpot brings along{near}; if it is the portal's own, declare it: properties: {{{name}: text}}"


def _test_problems(test: Test, asked: Subject, document: Document, *, rising: bool) -> Iterator[Found]:
    for operator, operand in test.operators.items():
        if operator not in ALLOWED[asked.type]:
            expected = ", ".join(name for name in OPERATORS if name in ALLOWED[asked.type])
            yield (operator,), f"cannot be asked of a property of type {asked.type}; expected {expected}"
        elif message := _operand_problem(operator, operand, asked, document):
            yield (operator,), message
        elif rising and operator == "older_than":
            yield (operator,), "becomes true by time alone, which must not add points"


def _operand_problem(operator: str, operand: Operand, asked: Subject, document: Document) -> str | None:
    """Return the first thing that is wrong with an operand."""
    values = tuple(value for value in operands(operand) if not isinstance(value, timedelta))
    problems: Iterable[str | None] = ()
    if operator in ("is", "is_not", "in", "not_in"):
        problems = (_value_problem(value, asked) for value in values)
    elif operator in ("at_least", "at_most", "between"):
        problems = (*(_bound_problem(value, asked) for value in values), _order_problem(operator, values))
    elif operator == "regex":
        problems = (_regex_problem(str(value)) for value in values)
    elif operator == "country_in":
        problems = (_country_problem(str(value)) for value in values)
    elif operator == "domain_in":
        problems = (_list_problem(str(value), document) for value in values)
    elif operator in ("contains_any", "matches", "starts_with", "ends_with"):
        problems = (_pattern_problem(str(value)) for value in values)
    return next(filter(None, problems), None)


def _value_problem(value: Scalar, asked: Subject) -> str | None:
    if asked.type == "boolean":
        return None if isinstance(value, bool) else f"expected true or false, not {value!r}"
    if asked.type == "number":
        return None if isinstance(value, (int, float)) and not isinstance(value, bool) else f"expected a number, not {value!r}"
    if asked.options and plain(as_text(value)) not in {plain(option) for option in asked.options}:
        return f"no option of this property: {value!r}; expected {', '.join(asked.options)}{did_you_mean(str(value), asked.options)}"
    return None if plain(as_text(value)) else "expected a text; use is_unknown: true for no value"


def _bound_problem(value: Scalar, asked: Subject) -> str | None:
    if asked.type == "number":
        return None if isinstance(value, (int, float)) else f"expected a number, not {value!r}"
    return None if isinstance(value, str) and _is_date(value) else f"expected a date such as 2026-01-31, not {value!r}"


def _order_problem(operator: str, values: tuple[Scalar, ...]) -> str | None:
    if operator != "between" or type(values[0]) is str is not type(values[1]):
        return None
    lower, upper = sorted(values, key=_sortable)
    return None if (lower, upper) == values else "the first bound lies above the second"


def _sortable(value: Scalar) -> tuple[float, str]:
    return (0, value) if isinstance(value, str) else (float(value), "")


def _regex_problem(pattern: str) -> str | None:
    """Compile with the engine that will run it: one without backtracking, which no pattern can keep busy for long."""
    try:
        pl.Series([""]).str.contains(f"(?i){pattern}", strict=True)
    except pl.exceptions.ComputeError as error:
        reason = re.search(r"(?m)^\s*error: (.+)", str(error))
        return f"this regular expression does not compile: {reason[1] if reason else 'it is too large'}"
    return None


def _country_problem(name: str) -> str | None:
    return None if country_code(name) else f"unknown country {name!r}{did_you_mean(plain(name), country_names())}"


def _list_problem(name: str, document: Document) -> str | None:
    known = sorted({*BUILT_IN, *document.domains})
    return None if name in known else f"unknown domain list {name!r}; expected {', '.join(known)}{did_you_mean(name, known)}"


def _pattern_problem(pattern: str) -> str | None:
    return None if plain(pattern).strip("*") else "an empty text is found everywhere"


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def as_text(value: object) -> str:
    """Return a value of the model file as HubSpot would write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
