"""Views of a property: its text as a number, a date, a country, a rank ... computed once, before any condition asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.model.lookup.countries import country_code
from sync_worker.model.lookup.domains import DomainMatcher, match_domains
from sync_worker.model.lookup.hubspot_properties import PropertySpec
from sync_worker.model.lookup.job_titles import seniority
from sync_worker.model.lookup.text import normalize_text
from sync_worker.model.lookup.unique import UniqueValues

#: One value that could not be understood: it counts as unknown.
UNREADABLE_SCHEMA: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "contact_id": pl.Int64,
    "property": pl.String,
    "value": pl.String,
    "expected": pl.String,
}

#: The domain lists are views of their own: `domain:free_mail`.
DOMAIN_PREFIX: Final = "domain:"

_LOOKUPS: Final[Mapping[str, tuple[Callable[[str], object], type[pl.DataType]]]] = {
    "country": (country_code, pl.String),
    "seniority": (seniority, pl.Int8),
}
_NUMBER_PATTERN: Final = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?$"
_EPOCH_PATTERN: Final = r"^\d{9,14}$"
_BLANKS_PATTERN: Final = r"[\s\x1c-\x1f]+"
_EXPECTED_TEXTS: Final = {
    "number": "a number",
    "boolean": "true or false",
    "date": "a date",
    "past": "a date in the past",
    "country": "a country",
}


@dataclass(frozen=True, slots=True, order=True)
class DerivedColumn:
    """One way to read one column."""

    source_column: str
    kind: str  # text, number, boolean, date, past, country, seniority, domain:<list>
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The column that holds it."""
        return f"{self.source_column}|{self.kind}"


def default_column(column: str, spec: PropertySpec) -> DerivedColumn:
    """Return the view that a property of this type is known by."""
    if spec.type in ("text", "enumeration"):
        return DerivedColumn(column, "text", spec.options)
    return DerivedColumn(column, spec.type)


def add_columns(frame: pl.DataFrame, columns: Iterable[DerivedColumn], domains: Mapping[str, DomainMatcher], now: datetime) -> pl.DataFrame:
    """Add the views as columns; a column that is missing is unknown for every row."""
    by_column: dict[str, list[DerivedColumn]] = {}
    for view in sorted(set(columns)):
        by_column.setdefault(view.source_column, []).append(view)
    return frame.with_columns(read for column, wanted in by_column.items() for read in _derive_columns(frame, column, wanted, domains, now))


def _derive_columns(
    frame: pl.DataFrame, column: str, columns: list[DerivedColumn], domains: Mapping[str, DomainMatcher], now: datetime
) -> Iterator[pl.Series]:
    """Read one column in all the ways that are asked for, each different text once."""
    values = UniqueValues.from_series(_source_series(frame, column))
    lists = [view for view in columns if view.kind.startswith(DOMAIN_PREFIX)]
    for view in columns:
        if view not in lists:
            yield values.expand(_compute_column(values.values, view, now)).alias(view.name)
    if lists:
        answers = match_domains(values.values, [domains[view.kind.removeprefix(DOMAIN_PREFIX)] for view in lists])
        yield from (values.expand(answer).alias(view.name) for view, answer in zip(lists, answers, strict=True))


def find_unreadable(frame: pl.DataFrame, columns: Iterable[DerivedColumn]) -> pl.DataFrame:
    """List the values that a view could not understand, of a frame of contacts with views."""
    found = [
        frame.lazy()
        .filter(pl.col(view.source_column).is_not_null() & pl.col(view.name).is_null())
        .filter(_has_value(pl.col(view.source_column)))
        .select(
            "contact_id",
            property=pl.lit(view.source_column),
            value=pl.col(view.source_column),
            expected=pl.lit(_EXPECTED_TEXTS.get(view.kind) or "an option of this property"),
        )
        for view in sorted(set(columns))
        if view.source_column in frame.columns and (view.kind in _EXPECTED_TEXTS or view.options)
    ]
    listed = pl.concat([pl.LazyFrame(schema=dict(UNREADABLE_SCHEMA)), *found]).collect()
    return listed.unique(maintain_order=True).sort("contact_id", "property")


def _source_series(frame: pl.DataFrame, name: str) -> pl.Series:
    return frame[name] if name in frame.columns else pl.Series(name, [None], dtype=pl.String).new_from_index(0, frame.height)


def _has_value(column: pl.Expr) -> pl.Expr:
    return column.str.replace_all(_BLANKS_PATTERN, "").str.len_bytes() > 0


def _compute_column(texts: pl.Series, column: DerivedColumn, now: datetime) -> pl.Series:
    if column.kind == "text":
        return _keep_valid_options(_normalize_series(texts), column.options)
    if column.kind in _LOOKUPS:
        function, dtype = _LOOKUPS[column.kind]
        return pl.Series([function(text) for text in texts], dtype=dtype)
    return texts.to_frame("value").select(_parse_value(pl.col("value").str.strip_chars(), column.kind, now)).to_series()


def _parse_value(text: pl.Expr, kind: str, now: datetime) -> pl.Expr:
    if kind == "number":
        return pl.when(text.str.contains(_NUMBER_PATTERN)).then(text).cast(pl.Float64, strict=False)
    if kind == "boolean":
        lower = text.str.to_lowercase()
        return pl.when(lower.is_in(["true", "yes", "1"])).then(True).when(lower.is_in(["false", "no", "0"])).then(False)
    date = _parse_date(text)
    return pl.when(date <= pl.lit(now, dtype=TIMESTAMP)).then(date) if kind == "past" else date


def _parse_date(text: pl.Expr) -> pl.Expr:
    """Read HubSpot's three ways to write a time: milliseconds, a date, a date with time."""
    epoch = (
        pl.when(text.str.contains(_EPOCH_PATTERN))
        .then(text)
        .cast(pl.Int64, strict=False)
        .cast(pl.Datetime("ms"))
        .dt.replace_time_zone("UTC")
    )
    days = text.str.to_datetime("%Y-%m-%d", time_unit="ms", time_zone="UTC", strict=False)
    times = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="ms", time_zone="UTC", strict=False)
    return pl.coalesce(epoch, days, times)


def _normalize_series(texts: pl.Series) -> pl.Series:
    """Return the plain form of texts, null for blank ones; ASCII, which most are, without a call to Python."""
    simple = texts.str.to_lowercase().str.replace_all(_BLANKS_PATTERN, " ").str.strip_chars(" ")
    foreign = texts.str.contains(r"[^\x00-\x7f]")
    if foreign.any():
        spelt = pl.Series([normalize_text(text) if other else None for text, other in zip(texts, foreign, strict=True)], dtype=pl.String)
        simple = simple.zip_with(~foreign, spelt)
    return simple.zip_with(simple.str.len_bytes() > 0, _nulls_like(simple))


def _keep_valid_options(values: pl.Series, options: tuple[str, ...]) -> pl.Series:
    if not options:
        return values
    allowed = [normalize_text(option) for option in options]
    split = values.str.split(";").to_frame("parts")
    valid = split.select(pl.col("parts").list.eval(pl.element().str.strip_chars(" ").is_in(allowed)).list.all()).to_series()
    return values.zip_with(valid.fill_null(value=False), _nulls_like(values))


def _nulls_like(like: pl.Series) -> pl.Series:
    return pl.Series([None], dtype=like.dtype).new_from_index(0, like.len())
