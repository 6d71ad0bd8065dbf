"""Search filters, compiled to predicates on stored values; hubspot-api.md 3.3."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sync_worker.sandbox.base.timestamps import parse_ms

ValuePredicate = Callable[[str | None], bool]
SortKey = Callable[[str], Any]  # text → comparable value; None if the text cannot be parsed
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"LT": operator.lt, "LTE": operator.le, "GT": operator.gt, "GTE": operator.ge}
_SET_OPERATORS = frozenset({"EQ", "NEQ", "IN", "NOT_IN"})
OPERATORS = frozenset(
    {*_COMPARISONS, *_SET_OPERATORS, "BETWEEN", "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilter:
    """One filter of a search: an operator on one property."""

    property_name: str
    operator: str
    value: str = ""
    high_value: str = ""
    values: tuple[str, ...] = ()

    def integer_bounds(self) -> tuple[float, float] | None:
        """Return the lowest and highest integer that match; None if the operator does not define a range."""
        low, high = parse_ms(self.value), parse_ms(self.high_value)
        if low is None:
            return None
        ranges: dict[str, tuple[float, float]] = {
            "EQ": (low, low),
            "LT": (float("-inf"), low - 1),
            "LTE": (float("-inf"), low),
            "GT": (low + 1, float("inf")),
            "GTE": (low, float("inf")),
            "BETWEEN": (low, float("inf") if high is None else high),
        }
        return ranges.get(self.operator)


def sort_key_for(property_type: str) -> SortKey:
    """Return the sort key for the values of a property type."""
    orders: dict[str, SortKey] = {"datetime": parse_ms, "date": parse_ms, "number": _parse_number, "enumeration": str, "bool": str}
    return orders.get(property_type, str.lower)


def compile_filter(condition: SearchFilter, property_type: str) -> ValuePredicate:
    """Return the predicate of a filter; an unset value matches NOT_HAS_PROPERTY only."""
    order = sort_key_for(property_type)
    if condition.operator == "HAS_PROPERTY":
        return lambda value: value is not None
    if condition.operator == "NOT_HAS_PROPERTY":
        return lambda value: value is None
    if condition.operator in _SET_OPERATORS:
        return _membership_predicate(condition, order, is_multi_value=property_type == "enumeration")
    if condition.operator.endswith("CONTAINS_TOKEN"):
        return _token_predicate(condition)
    return _comparison_predicate(condition, order)


def _membership_predicate(condition: SearchFilter, sort_key: SortKey, *, is_multi_value: bool) -> ValuePredicate:
    # HubSpot compares the values of IN and NOT_IN unchanged with the text in lower case, so they match only if sent in lower case.
    listed = condition.operator in {"IN", "NOT_IN"}
    is_text = sort_key is str.lower
    expected = {value if is_text else sort_key(value) for value in condition.values} if listed else {sort_key(condition.value)}
    positive = condition.operator in {"EQ", "IN"}

    def test(stored: str | None) -> bool:
        if stored is None:
            return False
        is_member = sort_key(stored) in expected or (is_multi_value and ";" in stored and not expected.isdisjoint(stored.split(";")))
        return is_member is positive

    return test


def _comparison_predicate(condition: SearchFilter, sort_key: SortKey) -> ValuePredicate:
    low = sort_key(condition.value)
    high = sort_key(condition.high_value) if condition.operator == "BETWEEN" else None
    compare: Callable[[Any, Any], bool] = _COMPARISONS.get(condition.operator, operator.ge)

    def test(stored: str | None) -> bool:
        value = None if stored is None else sort_key(stored)
        return value is not None and low is not None and compare(value, low) and (high is None or value <= high)

    return test


def _token_predicate(condition: SearchFilter) -> ValuePredicate:
    """Return a predicate that matches whole words; `*` matches the rest of a word."""
    text = condition.value.lower()
    before = "" if text.startswith("*") else r"(?<!\w)"
    after = "" if text.endswith("*") else r"(?!\w)"
    pattern = re.compile(before + re.escape(text).replace(r"\*", r"\S*") + after)
    has = condition.operator == "CONTAINS_TOKEN"
    return lambda value: value is not None and (pattern.search(value.lower()) is not None) is has


def _parse_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
