"""Views of a property: its text as a number, a date, a country, a rank ... computed once, before any condition asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.model.compiled.facts import INSTANT
from sync_worker.model.lookup.countries import country_code
from sync_worker.model.lookup.domains import Domains, listed
from sync_worker.model.lookup.hubspot_properties import Subject
from sync_worker.model.lookup.job_titles import seniority
from sync_worker.model.lookup.text import plain
from sync_worker.model.lookup.unique import Distinct

#: One value that could not be understood: it counts as unknown.
UNREADABLE_SCHEMA: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "contact_id": pl.Int64,
    "property": pl.String,
    "value": pl.String,
    "expected": pl.String,
}

#: The domain lists are views of their own: `domain:free_mail`.
DOMAIN: Final = "domain:"

_BY_WORDS: Final[Mapping[str, tuple[Callable[[str], object], type[pl.DataType]]]] = {
    "country": (country_code, pl.String),
    "seniority": (seniority, pl.Int8),
}
_NUMBER: Final = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?$"
_EPOCH: Final = r"^\d{9,14}$"
_BLANKS: Final = r"[\s\x1c-\x1f]+"
_EXPECTED: Final = {
    "number": "a number",
    "boolean": "true or false",
    "date": "a date",
    "past": "a date in the past",
    "country": "a country",
}


@dataclass(frozen=True, slots=True, order=True)
class View:
    """One way to read one column."""

    column: str
    kind: str  # text, number, boolean, date, past, country, seniority, domain:<list>
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The column that holds it."""
        return f"{self.column}|{self.kind}"


def own_view(column: str, asked: Subject) -> View:
    """Return the view that a property of this type is known by."""
    if asked.type in ("text", "enumeration"):
        return View(column, "text", asked.options)
    return View(column, asked.type)


def with_views(frame: pl.DataFrame, views: Iterable[View], domains: Mapping[str, Domains], now: datetime) -> pl.DataFrame:
    """Add the views as columns; a column that is missing is unknown for every row."""
    by_column: dict[str, list[View]] = {}
    for view in sorted(set(views)):
        by_column.setdefault(view.column, []).append(view)
    return frame.with_columns(read for column, wanted in by_column.items() for read in _read(frame, column, wanted, domains, now))


def _read(frame: pl.DataFrame, column: str, views: list[View], domains: Mapping[str, Domains], now: datetime) -> Iterator[pl.Series]:
    """Read one column in all the ways that are asked for, each different text once."""
    values = Distinct.of(_column(frame, column))
    lists = [view for view in views if view.kind.startswith(DOMAIN)]
    for view in views:
        if view not in lists:
            yield values.spread(_computed(values.texts, view, now)).alias(view.name)
    if lists:
        answers = listed(values.texts, [domains[view.kind.removeprefix(DOMAIN)] for view in lists])
        yield from (values.spread(answer).alias(view.name) for view, answer in zip(lists, answers, strict=True))


def unreadable(frame: pl.DataFrame, views: Iterable[View]) -> pl.DataFrame:
    """List the values that a view could not understand, of a frame of contacts with views."""
    found = [
        frame.lazy()
        .filter(pl.col(view.column).is_not_null() & pl.col(view.name).is_null())
        .filter(_known(pl.col(view.column)))
        .select(
            "contact_id",
            property=pl.lit(view.column),
            value=pl.col(view.column),
            expected=pl.lit(_EXPECTED.get(view.kind) or "an option of this property"),
        )
        for view in sorted(set(views))
        if view.column in frame.columns and (view.kind in _EXPECTED or view.options)
    ]
    listed = pl.concat([pl.LazyFrame(schema=dict(UNREADABLE_SCHEMA)), *found]).collect()
    return listed.unique(maintain_order=True).sort("contact_id", "property")


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    return frame[name] if name in frame.columns else pl.Series(name, [None], dtype=pl.String).new_from_index(0, frame.height)


def _known(column: pl.Expr) -> pl.Expr:
    return column.str.replace_all(_BLANKS, "").str.len_bytes() > 0


def _computed(texts: pl.Series, view: View, now: datetime) -> pl.Series:
    if view.kind == "text":
        return _options_only(_plain(texts), view.options)
    if view.kind in _BY_WORDS:
        function, dtype = _BY_WORDS[view.kind]
        return pl.Series([function(text) for text in texts], dtype=dtype)
    return texts.to_frame("value").select(_parsed(pl.col("value").str.strip_chars(), view.kind, now)).to_series()


def _parsed(text: pl.Expr, kind: str, now: datetime) -> pl.Expr:
    if kind == "number":
        return pl.when(text.str.contains(_NUMBER)).then(text).cast(pl.Float64, strict=False)
    if kind == "boolean":
        lower = text.str.to_lowercase()
        return pl.when(lower.is_in(["true", "yes", "1"])).then(True).when(lower.is_in(["false", "no", "0"])).then(False)
    date = _date(text)
    return pl.when(date <= pl.lit(now, dtype=INSTANT)).then(date) if kind == "past" else date


def _date(text: pl.Expr) -> pl.Expr:
    """Read HubSpot's three ways to write a time: milliseconds, a date, a date with time."""
    epoch = pl.when(text.str.contains(_EPOCH)).then(text).cast(pl.Int64, strict=False).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    days = text.str.to_datetime("%Y-%m-%d", time_unit="ms", time_zone="UTC", strict=False)
    times = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="ms", time_zone="UTC", strict=False)
    return pl.coalesce(epoch, days, times)


def _plain(texts: pl.Series) -> pl.Series:
    """Return the plain form of texts, null for blank ones; ASCII, which most are, without a call to Python."""
    simple = texts.str.to_lowercase().str.replace_all(_BLANKS, " ").str.strip_chars(" ")
    foreign = texts.str.contains(r"[^\x00-\x7f]")
    if foreign.any():
        spelt = pl.Series([plain(text) if other else None for text, other in zip(texts, foreign, strict=True)], dtype=pl.String)
        simple = simple.zip_with(~foreign, spelt)
    return simple.zip_with(simple.str.len_bytes() > 0, _nothing(simple))


def _options_only(values: pl.Series, options: tuple[str, ...]) -> pl.Series:
    if not options:
        return values
    allowed = [plain(option) for option in options]
    split = values.str.split(";").to_frame("parts")
    valid = split.select(pl.col("parts").list.eval(pl.element().str.strip_chars(" ").is_in(allowed)).list.all()).to_series()
    return values.zip_with(valid.fill_null(value=False), _nothing(values))


def _nothing(like: pl.Series) -> pl.Series:
    return pl.Series([None], dtype=like.dtype).new_from_index(0, like.len())
