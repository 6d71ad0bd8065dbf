"""Search filters: one operator on one property, turned into a test of a stored value. Rules: hubspot-api.md 3.3."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sync_worker.sandbox.base.timestamps import parse_ms

ValuePredicate = Callable[[str | None], bool]
SortKey = Callable[[str], Any]  # text → what is compared; None where the text has no such meaning
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"LT": operator.lt, "LTE": operator.le, "GT": operator.gt, "GTE": operator.ge}
_SET_OPERATORS = frozenset({"EQ", "NEQ", "IN", "NOT_IN"})
OPERATORS = frozenset(
    {*_COMPARISONS, *_SET_OPERATORS, "BETWEEN", "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilter:
    """One condition of a search."""

    property_name: str
    operator: str
    value: str = ""
    high_value: str = ""
    values: tuple[str, ...] = ()

    def integer_bounds(self) -> tuple[float, float] | None:
        """Return the smallest and the largest whole number that pass; None where the operator has no such range."""
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
    """Return how the values of a property type are compared."""
    orders: dict[str, SortKey] = {"datetime": parse_ms, "date": parse_ms, "number": _parse_number, "enumeration": str, "bool": str}
    return orders.get(property_type, str.lower)


def compile_filter(condition: SearchFilter, property_type: str) -> ValuePredicate:
    """Return the test of a filter; a value that is not set passes NOT_HAS_PROPERTY only."""
    order = sort_key_for(property_type)
    if condition.operator == "HAS_PROPERTY":
        return lambda held: held is not None
    if condition.operator == "NOT_HAS_PROPERTY":
        return lambda held: held is None
    if condition.operator in _SET_OPERATORS:
        return _membership_predicate(condition, order, is_multi_value=property_type == "enumeration")
    if condition.operator.endswith("CONTAINS_TOKEN"):
        return _token_predicate(condition)
    return _comparison_predicate(condition, order)


def _membership_predicate(condition: SearchFilter, sort_key: SortKey, *, is_multi_value: bool) -> ValuePredicate:
    # IN and NOT_IN find text only where the values are in lower case: they are compared as they are sent.
    listed = condition.operator in {"IN", "NOT_IN"}
    raw = sort_key is str.lower
    wanted = {value if raw else sort_key(value) for value in condition.values} if listed else {sort_key(condition.value)}
    positive = condition.operator in {"EQ", "IN"}

    def test(held: str | None) -> bool:
        if held is None:
            return False
        inside = sort_key(held) in wanted or (is_multi_value and ";" in held and not wanted.isdisjoint(held.split(";")))
        return inside is positive

    return test


def _comparison_predicate(condition: SearchFilter, sort_key: SortKey) -> ValuePredicate:
    low = sort_key(condition.value)
    high = sort_key(condition.high_value) if condition.operator == "BETWEEN" else None
    compare: Callable[[Any, Any], bool] = _COMPARISONS.get(condition.operator, operator.ge)

    def test(held: str | None) -> bool:
        value = None if held is None else sort_key(held)
        return value is not None and low is not None and compare(value, low) and (high is None or value <= high)

    return test


def _token_predicate(condition: SearchFilter) -> ValuePredicate:
    """Return a test for whole words, in which `*` stands for the rest of a word."""
    text = condition.value.lower()
    before = "" if text.startswith("*") else r"(?<!\w)"
    after = "" if text.endswith("*") else r"(?!\w)"
    pattern = re.compile(before + re.escape(text).replace(r"\*", r"\S*") + after)
    has = condition.operator == "CONTAINS_TOKEN"
    return lambda held: held is not None and (pattern.search(held.lower()) is not None) is has


def _parse_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
