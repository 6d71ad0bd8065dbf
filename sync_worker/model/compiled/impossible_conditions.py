"""Conditions that no contact and no event can meet: valid, but a mistake. Each finding names the correction."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Final

from sync_worker.model.compiled.condition_lint import ConditionFinding
from sync_worker.model.file.conditions import Condition, Test, operand_values, to_hubspot_text
from sync_worker.model.file.schema import CRITERION_GROUPS, CUSTOM_PREFIX, Document
from sync_worker.model.lookup.standard_properties import CUSTOM_EVENT_PROPERTIES, EVENT_PROPERTIES_BY_KIND, load_standard_options

_URL_OPERATORS: Final = ("is", "is_not", "in", "not_in", "matches", "starts_with")
_EQUALITY_OPERATORS: Final = ("is", "is_not", "in", "not_in")
_HOST_PATTERN: Final = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//|[/?#].*$", re.IGNORECASE)
_CONFIRMATION_STATUS: Final = "hs_emailconfirmationstatus"


def find_impossible_conditions(document: Document) -> Iterator[ConditionFinding]:
    """Yield the conditions of enabled criteria and rules that are never true, each with its path in the model file."""
    for group in CRITERION_GROUPS:
        for key, member in document.members(group).items():
            event: str | None = getattr(member, "event", None)
            for name in ("when", "where"):
                condition: Condition | None = getattr(member, name, None)
                if condition is not None and member.enabled:
                    findings = _check_condition(condition, event if name == "where" else None)
                    yield from (((*group, key, name, *place), message) for place, message in findings)


def _check_condition(condition: Condition, event: str | None) -> Iterator[ConditionFinding]:
    for name, test in condition.tests.items():
        findings = _check_contact_test(name, test) if event is None else _check_event_test(name, test, event)
        yield from (((name, *place), message) for place, message in findings)
    for name, index, part in condition.subconditions:
        yield from (((name, index, *place), message) for place, message in _check_condition(part, event))
    if condition.not_:
        yield from ((("not", *place), message) for place, message in _check_condition(condition.not_, event))


def _check_event_test(name: str, test: Test, event: str) -> Iterator[ConditionFinding]:
    known = CUSTOM_EVENT_PROPERTIES if event.startswith(CUSTOM_PREFIX) else EVENT_PROPERTIES_BY_KIND[event]
    if name not in known:
        yield (), f"an event of kind {event} has no {name}, so this is never true; it has {' and '.join(known)}"
    elif name == "url":
        for operator, operand in test.operators.items():
            for value in operand_values(operand) if operator in _URL_OPERATORS else ():
                if message := _host_problem(str(value)):
                    yield (operator,), message


def _host_problem(pattern: str) -> str | None:
    """Return the problem of a pattern that is compared with the host, but is no host."""
    text = pattern.strip()
    host = _HOST_PATTERN.sub("", text)
    if text.startswith(("/", "*")) or "." in host or "*" in host or host.lower() == "localhost":
        return None
    path = text.strip("/")
    return f"{pattern!r} is compared with the host, so this is never true; for the path, write /{path} or */{path}/*"


def _check_contact_test(name: str, test: Test) -> Iterator[ConditionFinding]:
    options = load_standard_options().get(name, ())
    lower = {option.lower() for option in options}
    for operator in _EQUALITY_OPERATORS if options else ():
        for value in operand_values(test.operators.get(operator, ())):
            text = to_hubspot_text(value)
            near = difflib.get_close_matches(text.lower(), lower, n=1, cutoff=0.8)
            if text.lower() not in lower and near:
                expected = next(option for option in options if option.lower() == near[0])
                yield (operator,), f'HubSpot has no option {text!r} of its own; did you mean "{expected}"?'
    if name == _CONFIRMATION_STATUS and test.is_known:
        yield (
            ("is_known",),
            "is true for pending confirmations too; for confirmed addresses, use in: [Confirmed, User clicked confirmation, ...]",
        )
