"""Conditions as Polars expressions: true, false, or null if the result is unknown.

An operator is compiled in `_compile_comparison` to an expression over derived columns, which model/scoring/columns.py (next) computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Final

import polars as pl

from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.model.file.conditions import NO_TITLE, Condition, Operand, Scalar, Test, operand_values, to_hubspot_text
from sync_worker.model.lookup.countries import country_code
from sync_worker.model.lookup.domains import PROVIDER_LISTS
from sync_worker.model.lookup.job_titles import NO_INFORMATION, SENIORITY_LEVELS, UNREAD
from sync_worker.model.lookup.standard_properties import EVENT_PROPERTIES, PRIMARY_EMAIL, PropertySpec
from sync_worker.model.lookup.text import normalize_text
from sync_worker.model.scoring import regex
from sync_worker.model.scoring.columns import ALL_EMAILS, DOMAIN_PREFIX, DerivedColumn, default_column

_NEGATED_OPERATORS: Final = {"is_not": "is", "not_in": "in", "is_unknown": "is_known"}
OperandValues = tuple[Scalar | timedelta, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionScope:
    """The scope of a condition: the type and the columns of each property, and the time of the evaluation."""

    property_spec: Callable[[str], PropertySpec]
    columns_for: Callable[[str], tuple[str, ...]]
    now: datetime


def build_contact_scope(property_spec: Callable[[str], PropertySpec], now: datetime) -> ConditionScope:
    """Return the scope of conditions on contacts: each property is a column with its name, the email a column of all addresses."""
    return ConditionScope(
        property_spec=property_spec,
        columns_for=lambda property_name: (ALL_EMAILS if property_name == PRIMARY_EMAIL else property_name,),
        now=now,
    )


def build_event_scope(now: datetime) -> ConditionScope:
    """Return the scope of conditions on events: a form is identified by its id or its name."""
    return ConditionScope(
        property_spec=EVENT_PROPERTIES.__getitem__,
        columns_for=lambda property_name: ("form_id", "form_name") if property_name == "form" else (property_name,),
        now=now,
    )


def find_required_columns(conditions: Iterable[Condition], scope: ConditionScope) -> frozenset[DerivedColumn]:
    """Return the derived columns that conditions need."""
    return frozenset(
        derived
        for condition in conditions
        for property_name, test, _ in condition.iter_tests()
        for operator, operand in test.operators.items()
        for column in scope.columns_for(property_name)
        for derived in _operator_columns(column, operator, operand, scope.property_spec(property_name))
    )


def compile_condition(condition: Condition, scope: ConditionScope) -> pl.Expr:
    """Compile a condition for a frame with the required columns."""
    parts = [_compile_test(property_name, test, scope) for property_name, test in condition.tests.items()]
    if condition.all:
        parts.append(reduce(pl.Expr.__and__, (compile_condition(part, scope) for part in condition.all)))
    if condition.any:
        parts.append(reduce(pl.Expr.__or__, (compile_condition(part, scope) for part in condition.any)))
    if condition.first_known:
        parts.append(pl.coalesce(*(compile_condition(part, scope) for part in condition.first_known)))
    if condition.not_:
        parts.append(~compile_condition(condition.not_, scope))
    return reduce(pl.Expr.__and__, parts)


def _compile_test(property_name: str, test: Test, scope: ConditionScope) -> pl.Expr:
    return reduce(pl.Expr.__and__, (_compile_operator(property_name, name, operand, scope) for name, operand in test.operators.items()))


def _compile_operator(property_name: str, operator: str, operand: Operand, scope: ConditionScope) -> pl.Expr:
    """Compile an operator on all columns of a property: true if it is true for one of them."""
    positive = _NEGATED_OPERATORS.get(operator, operator)
    results = [
        _compile_comparison(column, positive, operand, scope.property_spec(property_name), scope.now)
        for column in scope.columns_for(property_name)
    ]
    result = results[0] if len(results) == 1 else pl.coalesce(reduce(pl.Expr.__or__, results), *results)
    return ~result if operator in _NEGATED_OPERATORS else result


def _operator_columns(column: str, operator: str, operand: Operand, spec: PropertySpec) -> Iterator[DerivedColumn]:
    if spec.type == "url":
        return
    if operator == "country_in":
        yield DerivedColumn(column, "country")
    elif operator == "seniority_at_least":
        yield DerivedColumn(column, "seniority")
    elif operator == "seniority_in":
        yield DerivedColumn(column, "title")
    elif operator == "domain_in":
        yield from (DerivedColumn(column, f"{DOMAIN_PREFIX}{names}") for names in _group_lists(map(str, operand_values(operand))))
    elif operator in ("within", "older_than"):
        yield DerivedColumn(column, "past")
    else:
        yield default_column(column, spec)


def _group_lists(names: Iterable[str]) -> list[str]:
    """Return the names of domain lists, with those of mail providers as one."""
    wanted = set(names)
    providers = wanted & PROVIDER_LISTS
    return sorted({*(wanted - providers), *(["+".join(sorted(providers))] if providers else [])})


def _compile_comparison(column: str, operator: str, operand: Operand, spec: PropertySpec, now: datetime) -> pl.Expr:
    values = operand_values(operand)
    if spec.type == "url":
        return _url_predicate(pl.col(column), operator, values)
    columns = list(_operator_columns(column, operator, operand, spec))
    derived = [pl.col(each.name) for each in columns]
    if operator == "is_known":
        return derived[0].is_not_null()
    if operator in _COLUMN_PREDICATES:
        return _COLUMN_PREDICATES[operator](derived, values)
    if columns[0].kind == "texts":
        return derived[0].list.eval(_text_predicate(pl.element(), operator, values, has_options=False)).list.any()
    if columns[0].kind == "text":
        return _text_predicate(derived[0], operator, values, has_options=spec.type in ("enumeration", "subscriptions"))
    return _date_predicate(derived[0], operator, values, now) if spec.type == "date" else _value_predicate(derived[0], operator, values)


def _is_in_countries(codes: list[pl.Expr], names: OperandValues) -> pl.Expr:
    return codes[0].is_in([country_code(str(name)) for name in names])


def _has_seniority(ranks: list[pl.Expr], levels: OperandValues) -> pl.Expr:
    return ranks[0] >= [*map(str, SENIORITY_LEVELS)].index(str(levels[0]))


def _has_one_seniority(titles: list[pl.Expr], levels: OperandValues) -> pl.Expr:
    wanted = [NO_INFORMATION if level == NO_TITLE else [*map(str, SENIORITY_LEVELS)].index(str(level)) for level in levels]
    title = titles[0].fill_null(NO_INFORMATION)
    return pl.when(title != UNREAD).then(title.is_in(wanted))


def _is_in_lists(columns: list[pl.Expr], _: OperandValues) -> pl.Expr:
    return reduce(pl.Expr.__or__, columns)


_COLUMN_PREDICATES: Final[Mapping[str, Callable[[list[pl.Expr], OperandValues], pl.Expr]]] = {
    "country_in": _is_in_countries,
    "seniority_at_least": _has_seniority,
    "seniority_in": _has_one_seniority,
    "domain_in": _is_in_lists,
}


def _url_predicate(url: pl.Expr, operator: str, values: OperandValues) -> pl.Expr:
    if operator == "is_known":
        return url.is_not_null()
    compiled: Mapping[str, Callable[[Iterable[object]], str]] = {
        "is": regex.any_exact_url,
        "in": regex.any_exact_url,
        "matches": regex.any_url,
        "starts_with": regex.any_url_start,
        "regex": regex.user_regex,
    }
    return url.str.contains(compiled[operator](values))


def _text_predicate(text: pl.Expr, operator: str, values: OperandValues, *, has_options: bool) -> pl.Expr:
    if operator in ("is", "in"):
        wanted = [normalize_text(to_hubspot_text(value)) for value in values]
        return text.str.contains(regex.any_option(wanted)) if has_options else text.is_in(wanted)
    compiled: Mapping[str, Callable[[Iterable[object]], str]] = {
        "contains_any": regex.any_phrase,
        "matches": regex.any_glob,
        "starts_with": regex.any_start,
        "ends_with": regex.any_end,
        "regex": regex.user_regex,
    }
    return text.str.contains(compiled[operator](values))


def _value_predicate(value: pl.Expr, operator: str, values: OperandValues) -> pl.Expr:
    if operator in ("is", "in"):
        return reduce(pl.Expr.__or__, (value.eq(wanted) for wanted in values))
    return _range_predicate(value, operator, values[0], values[-1])


def _range_predicate(value: pl.Expr, operator: str, lower: object, upper: object) -> pl.Expr:
    if operator == "at_least":
        return value.ge(lower)
    return value.le(upper) if operator == "at_most" else value.ge(lower) & value.le(upper)


def _date_predicate(at: pl.Expr, operator: str, values: OperandValues, now: datetime) -> pl.Expr:
    if isinstance(values[0], timedelta):
        limit = pl.lit(now - values[0], dtype=TIMESTAMP)
        return at.ge(limit) if operator == "within" else at.lt(limit)
    return _range_predicate(at, operator, _lower_bound(str(values[0])), _upper_bound(str(values[-1])))


def _lower_bound(text: str) -> pl.Expr:
    at = datetime.fromisoformat(text)
    return pl.lit(at if at.tzinfo else at.replace(tzinfo=UTC), dtype=TIMESTAMP)


def _upper_bound(text: str) -> pl.Expr:
    """Return the end of the day if the bound is a date without time."""
    whole_day = timedelta(days=1) - timedelta(milliseconds=1) if len(text) == len("2026-01-31") else timedelta()
    return _lower_bound(text) + pl.lit(whole_day)
