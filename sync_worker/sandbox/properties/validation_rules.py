"""Validation rules of an administrator; hubspot-api.md sections 0 and 14, HubSpot's guide of the property validations API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sync_worker.sandbox.properties.value_validation import InvalidPropertyValueError

Values = Mapping[str, str | None]
REQUIRED: Final = "REQUIRED"  # on create only; with `when`, on create and update
_CHARACTER_SETS: Final[Mapping[str, tuple[str, str]]] = {
    "NUMERIC_ONLY": (r"\d*", "INVALID_NUMERIC"),
    "ALPHA_ONLY": (r"[^\W\d_]*", "INVALID_ALPHA"),
    "ALPHANUMERIC_ONLY": (r"[^\W_]*", "INVALID_ALPHANUMERIC"),
}
# Type of rule → (test of a value, error code). HubSpot documents INVALID_ALPHA only; the other codes are assumptions.
_VALUE_TESTS: Final[Mapping[str, tuple[Callable[[str, str], bool], str]]] = {
    "MIN_LENGTH": (lambda value, limit: len(value) >= int(limit), "INVALID_LENGTH"),
    "MAX_LENGTH": (lambda value, limit: len(value) <= int(limit), "INVALID_LENGTH"),
    "MIN_NUMBER": (lambda value, limit: float(value) >= float(limit), "INVALID_NUMBER_RANGE"),
    "MAX_NUMBER": (lambda value, limit: float(value) <= float(limit), "INVALID_NUMBER_RANGE"),
    "REGEX": (lambda value, pattern: re.fullmatch(pattern, value) is not None, "INVALID_REGEX"),
}
VALUE_RULE_CODES: Final = frozenset(code for _, code in (*_CHARACTER_SETS.values(), *_VALUE_TESTS.values()))
RULE_TYPES: Final = (REQUIRED, "ALPHANUMERIC", *_VALUE_TESTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationRule:
    """One rule about one property.

    A rule of type REQUIRED refuses a record without a value; with `when`, only a record that has one of the listed values in each
    of the named properties. The other types refuse a written value.
    """

    property_name: str
    rule_type: str
    arguments: tuple[str, ...] = ()
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def problem(self, written: Values, record: Values, *, is_new: bool) -> InvalidPropertyValueError | None:
        """Return why a write is refused; `record` has all values after the write."""
        if self.rule_type == REQUIRED:
            return self._check_required(record, is_new=is_new)
        value = written.get(self.property_name)
        return None if value is None else self._check_value(value)

    def _check_required(self, record: Values, *, is_new: bool) -> InvalidPropertyValueError | None:
        applies = is_new or bool(self.when)
        if not applies or record.get(self.property_name) or any(record.get(name) not in values for name, values in self.when.items()):
            return None
        code = "MISSING_CONDITIONAL_REQUIRED_PROPERTY" if self.when else "MISSING_REQUIRED_PROPERTY"
        return InvalidPropertyValueError(self.property_name, code, f"{self.property_name} is required")

    def _check_value(self, value: str) -> InvalidPropertyValueError | None:
        [argument] = self.arguments
        if self.rule_type == "ALPHANUMERIC":
            pattern, code = _CHARACTER_SETS[argument]
            is_valid = re.fullmatch(pattern, value) is not None
        else:
            test, code = _VALUE_TESTS[self.rule_type]
            is_valid = test(value, argument)
        return None if is_valid else InvalidPropertyValueError(self.property_name, code, f"{value} breaks {self.rule_type} {argument}")


def parse_rule(item: Mapping[str, Any]) -> ValidationRule:
    """Return the rule of a JSON object: {propertyName, ruleType, ruleArguments, when}.

    Raises:
        ValueError: the type does not exist, or has another number of arguments.
    """
    rule_type, arguments = item["ruleType"], tuple(map(str, item.get("ruleArguments") or ()))
    if rule_type not in RULE_TYPES:
        raise ValueError(f"ruleType {rule_type} does not exist; the types are {', '.join(RULE_TYPES)}")
    if len(arguments) != (0 if rule_type == REQUIRED else 1):
        raise ValueError(f"ruleArguments of {rule_type}: {list(arguments)} is not valid")
    when = {name: tuple(map(str, values)) for name, values in (item.get("when") or {}).items()}
    return ValidationRule(property_name=str(item["propertyName"]), rule_type=rule_type, arguments=arguments, when=when)


class ValidationRules:
    """The rules of one object type; an administrator replaces them at any time."""

    def __init__(self) -> None:
        self._rules: tuple[ValidationRule, ...] = ()

    def replace(self, rules: tuple[ValidationRule, ...]) -> None:
        """Replace all rules."""
        self._rules = rules

    def problems(self, written: Values, record: Values, *, is_new: bool, enforce_required: bool) -> list[InvalidPropertyValueError]:
        """Return one problem for each rule that refuses a write."""
        rules = (rule for rule in self._rules if enforce_required or rule.rule_type != REQUIRED)
        return [problem for rule in rules if (problem := rule.problem(written, record, is_new=is_new)) is not None]
