"""Conditions compiled to Polars: true, false, or null where the property is unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Final

import polars as pl

from sync_worker.model.compiled.condition_lint import EVENT_SUBJECTS, as_text
from sync_worker.model.compiled.facts import INSTANT
from sync_worker.model.file.conditions import Condition, Operand, Scalar, Test, operands
from sync_worker.model.lookup.countries import country_code
from sync_worker.model.lookup.hubspot_properties import Subject
from sync_worker.model.lookup.job_titles import LEVELS
from sync_worker.model.lookup.text import plain
from sync_worker.model.scoring import regex
from sync_worker.model.scoring.columns import DOMAIN, View, own_view

_NEGATIVE: Final = {"is_not": "is", "not_in": "in", "is_unknown": "is_known"}
Values = tuple[Scalar | timedelta, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What conditions are asked of: the type of each subject, the columns it stands in, and the instant."""

    types: Callable[[str], Subject]
    columns: Callable[[str], tuple[str, ...]]
    now: datetime


def of_contacts(types: Callable[[str], Subject], now: datetime) -> Asked:
    """Ask contacts: a subject is a column of its own name."""
    return Asked(types=types, columns=lambda subject: (subject,), now=now)


def of_events(now: datetime) -> Asked:
    """Ask events: a form is known by its id or by its name."""
    return Asked(
        types=EVENT_SUBJECTS.__getitem__, columns=lambda subject: ("form_id", "form_name") if subject == "form" else (subject,), now=now
    )


def views_of(conditions: Iterable[Condition], asked: Asked) -> frozenset[View]:
    """Return the views that conditions need."""
    return frozenset(
        view
        for condition in conditions
        for subject, test, _ in condition.walk()
        for operator, operand in test.operators.items()
        for column in asked.columns(subject)
        for view in _views(column, operator, operand, asked.types(subject))
    )


def truth(condition: Condition, asked: Asked) -> pl.Expr:
    """Compile a condition over a frame that has the views it needs."""
    parts = [_test(subject, test, asked) for subject, test in condition.tests.items()]
    if condition.all:
        parts.append(reduce(pl.Expr.__and__, (truth(part, asked) for part in condition.all)))
    if condition.any:
        parts.append(reduce(pl.Expr.__or__, (truth(part, asked) for part in condition.any)))
    if condition.first_known:
        parts.append(pl.coalesce(*(truth(part, asked) for part in condition.first_known)))
    if condition.not_:
        parts.append(~truth(condition.not_, asked))
    return reduce(pl.Expr.__and__, parts)


def _test(subject: str, test: Test, asked: Asked) -> pl.Expr:
    return reduce(pl.Expr.__and__, (_asked(subject, name, operand, asked) for name, operand in test.operators.items()))


def _asked(subject: str, operator: str, operand: Operand, asked: Asked) -> pl.Expr:
    """One operator on every column of a subject: one that is known and says yes is enough."""
    positive = _NEGATIVE.get(operator, operator)
    answers = [_answer(column, positive, operand, asked.types(subject), asked.now) for column in asked.columns(subject)]
    together = answers[0] if len(answers) == 1 else pl.coalesce(reduce(pl.Expr.__or__, answers), *answers)
    return ~together if operator in _NEGATIVE else together


def _views(column: str, operator: str, operand: Operand, kind: Subject) -> Iterator[View]:
    if kind.type == "url":
        return
    if operator == "country_in":
        yield View(column, "country")
    elif operator == "seniority_at_least":
        yield View(column, "seniority")
    elif operator == "domain_in":
        yield from (View(column, f"{DOMAIN}{name}") for name in operands(operand))
    elif operator in ("within", "older_than"):
        yield View(column, "past")
    else:
        yield own_view(column, kind)


def _answer(column: str, operator: str, operand: Operand, kind: Subject, now: datetime) -> pl.Expr:
    values = operands(operand)
    if kind.type == "url":
        return _url_answer(pl.col(column), operator, values)
    views = list(_views(column, operator, operand, kind))
    read = [pl.col(view.name) for view in views]
    if operator == "is_known":
        return read[0].is_not_null()
    if operator in _BY_VIEW:
        return _BY_VIEW[operator](read, values)
    if views[0].kind == "text":
        return _text_answer(read[0], operator, values, many=kind.type == "enumeration")
    return _date_answer(read[0], operator, values, now) if kind.type == "date" else _value_answer(read[0], operator, values)


def _in_countries(codes: list[pl.Expr], names: Values) -> pl.Expr:
    return codes[0].is_in([country_code(str(name)) for name in names])


def _ranks(ranks: list[pl.Expr], levels: Values) -> pl.Expr:
    return ranks[0] >= [*map(str, LEVELS)].index(str(levels[0]))


def _in_lists(listed: list[pl.Expr], _: Values) -> pl.Expr:
    return reduce(pl.Expr.__or__, listed)


_BY_VIEW: Final[Mapping[str, Callable[[list[pl.Expr], Values], pl.Expr]]] = {
    "country_in": _in_countries,
    "seniority_at_least": _ranks,
    "domain_in": _in_lists,
}


def _url_answer(url: pl.Expr, operator: str, values: Values) -> pl.Expr:
    if operator == "is_known":
        return url.is_not_null()
    compiled: Mapping[str, Callable[[Iterable[object]], str]] = {
        "is": regex.any_exact_url,
        "in": regex.any_exact_url,
        "matches": regex.any_url,
        "starts_with": regex.any_url_start,
        "regex": regex.regex,
    }
    return url.str.contains(compiled[operator](values))


def _text_answer(text: pl.Expr, operator: str, values: Values, *, many: bool) -> pl.Expr:
    if operator in ("is", "in"):
        wanted = [plain(as_text(value)) for value in values]
        return text.str.contains(regex.any_option(wanted)) if many else text.is_in(wanted)
    compiled: Mapping[str, Callable[[Iterable[object]], str]] = {
        "contains_any": regex.any_phrase,
        "matches": regex.any_glob,
        "starts_with": regex.any_start,
        "ends_with": regex.any_end,
        "regex": regex.regex,
    }
    return text.str.contains(compiled[operator](values))


def _value_answer(value: pl.Expr, operator: str, values: Values) -> pl.Expr:
    if operator in ("is", "in"):
        return reduce(pl.Expr.__or__, (value.eq(wanted) for wanted in values))
    return _bounded(value, operator, values[0], values[-1])


def _bounded(value: pl.Expr, operator: str, lower: object, upper: object) -> pl.Expr:
    if operator == "at_least":
        return value.ge(lower)
    return value.le(upper) if operator == "at_most" else value.ge(lower) & value.le(upper)


def _date_answer(at: pl.Expr, operator: str, values: Values, now: datetime) -> pl.Expr:
    if isinstance(values[0], timedelta):
        limit = pl.lit(now - values[0], dtype=INSTANT)
        return at.ge(limit) if operator == "within" else at.lt(limit)
    return _bounded(at, operator, _start(str(values[0])), _end(str(values[-1])))


def _start(text: str) -> pl.Expr:
    at = datetime.fromisoformat(text)
    return pl.lit(at if at.tzinfo else at.replace(tzinfo=UTC), dtype=INSTANT)


def _end(text: str) -> pl.Expr:
    """A day as upper bound is meant to its last millisecond."""
    whole_day = timedelta(days=1) - timedelta(milliseconds=1) if len(text) == len("2026-01-31") else timedelta()
    return _start(text) + pl.lit(whole_day)
