"""Derived columns: a property's text parsed as a number, date, country, seniority and so on, once for all conditions.

If a new operator needs a new kind of column, it is computed in `_compute_column`. The reference in tests/model/reference.py (next)
implements the operator a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from itertools import islice
from typing import Final

import polars as pl

from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.model.lookup.countries import country_code
from sync_worker.model.lookup.domains import PROVIDER_LISTS, DomainMatcher, match_domains
from sync_worker.model.lookup.job_titles import seniority, title_class
from sync_worker.model.lookup.standard_properties import ADDITIONAL_EMAILS, PRIMARY_EMAIL, PropertySpec
from sync_worker.model.lookup.text import normalize_text
from sync_worker.model.lookup.unique import UniqueValues

#: One row per value that cannot be parsed and therefore counts as unknown.
UNREADABLE_SCHEMA: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "contact_id": pl.Int64,
    "property": pl.String,
    "value": pl.String,
    "expected": pl.String,
}

#: Prefix of the kind of a column for one domain list, `domain:free_mail`, or several as one: `domain:disposable+free_mail`.
DOMAIN_PREFIX: Final = "domain:"

#: The source column of a contact's addresses, the primary one first, separated by semicolons.
ALL_EMAILS: Final = "all emails"
_ADDRESS_LISTS: Final = frozenset({ALL_EMAILS, ADDITIONAL_EMAILS})

_LOOKUPS: Final[Mapping[str, tuple[Callable[[str], object], type[pl.DataType]]]] = {
    "country": (country_code, pl.String),
    "seniority": (seniority, pl.Int8),
    "title": (title_class, pl.Int8),
}
_NUMBER_PATTERN: Final = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?$"
_EPOCH_PATTERN: Final = r"^\d{11,14}$"  # milliseconds; a time of today in seconds has ten digits
_SEPARATOR: Final = ";"
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
    """A source column parsed as one kind."""

    source_column: str
    kind: str  # text, texts, number, boolean, date, past, country, seniority, title, domain:<list>
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the derived column."""
        return f"{self.source_column}|{self.kind}"


def default_column(column: str, spec: PropertySpec) -> DerivedColumn:
    """Return the derived column for a property of this type."""
    if column in _ADDRESS_LISTS:
        return DerivedColumn(column, "texts")
    if spec.type in ("text", "enumeration", "subscriptions"):
        return DerivedColumn(column, "text", spec.options)
    return DerivedColumn(column, spec.type)


def add_columns(frame: pl.DataFrame, columns: Iterable[DerivedColumn], domains: Mapping[str, DomainMatcher], now: datetime) -> pl.DataFrame:
    """Add derived columns; if the source column is missing, every value is null."""
    by_column: dict[str, list[DerivedColumn]] = {}
    for column in sorted(set(columns)):
        by_column.setdefault(column.source_column, []).append(column)
    return frame.with_columns(
        derived for source, wanted in by_column.items() for derived in _derive_columns(frame, source, wanted, domains, now)
    )


def _derive_columns(
    frame: pl.DataFrame, column: str, columns: list[DerivedColumn], domains: Mapping[str, DomainMatcher], now: datetime
) -> Iterator[pl.Series]:
    """Derive columns from one source column; each distinct text is parsed once."""
    values = UniqueValues.from_series(_source_series(frame, column))
    lists = [derived for derived in columns if derived.kind.startswith(DOMAIN_PREFIX)]
    for derived in columns:
        if derived not in lists:
            yield values.expand(_compute_column(values.values, derived, now)).alias(derived.name)
    if lists:
        matches = _match_lists(values.values, column, lists, domains)
        yield from (values.expand(match).alias(derived.name) for derived, match in zip(lists, matches, strict=True))


def _match_lists(
    texts: pl.Series, source_column: str, columns: list[DerivedColumn], domains: Mapping[str, DomainMatcher]
) -> Iterator[pl.Series]:
    """Yield for each column whether the domains are in one of its lists; null for texts without a host.

    One address is enough, except that a contact uses a mail provider only if all of its addresses do: a private address in addition to one
    of a company says nothing.
    """
    single = _match_each(texts, columns, domains)
    several = texts.str.contains(_SEPARATOR, literal=True)
    if source_column not in _ADDRESS_LISTS or not several.any():
        yield from single
        return
    parts, rows = _split(texts.filter(several)), several.arg_true()
    for column, result, found in zip(columns, single, _match_each(parts["text"], columns, domains), strict=True):
        match = pl.col("match").drop_nulls()
        decide = match.all() if source_column == ALL_EMAILS and PROVIDER_LISTS.issuperset(_list_names(column)) else match.any()
        grouped = parts.select("index", found.alias("match")).group_by("index", maintain_order=True)
        yield result.scatter(rows, grouped.agg(match=pl.when(match.len() > 0).then(decide))["match"])


def _match_each(texts: pl.Series, columns: Iterable[DerivedColumn], domains: Mapping[str, DomainMatcher]) -> Iterator[pl.Series]:
    """Yield for each column whether the texts are in one of its lists; the host of each text is extracted once."""
    names = [_list_names(column) for column in columns]
    matches = match_domains(texts, [domains[name] for own in names for name in own])
    yield from (reduce(pl.Series.__or__, islice(matches, len(own))) for own in names)


def _list_names(column: DerivedColumn) -> list[str]:
    return column.kind.removeprefix(DOMAIN_PREFIX).split("+")


def find_unreadable(frame: pl.DataFrame, columns: Iterable[DerivedColumn]) -> pl.DataFrame:
    """Return the values that could not be parsed, with `UNREADABLE_SCHEMA`; `frame` has the derived columns."""
    unreadable = [
        frame.lazy()
        .filter(pl.col(column.source_column).is_not_null() & pl.col(column.name).is_null())
        .filter(_has_value(pl.col(column.source_column)))
        .select(
            "contact_id",
            property=pl.lit(column.source_column),
            value=pl.col(column.source_column),
            expected=pl.lit(_EXPECTED_TEXTS.get(column.kind) or "an option of this property"),
        )
        for column in sorted(set(columns))
        if column.source_column in frame.columns and (column.kind in _EXPECTED_TEXTS or column.options)
    ]
    rows = pl.concat([pl.LazyFrame(schema=dict(UNREADABLE_SCHEMA)), *unreadable]).collect()
    return rows.unique(maintain_order=True).sort("contact_id", "property")


def _source_series(frame: pl.DataFrame, name: str) -> pl.Series:
    if name == ALL_EMAILS:
        emails = (_source_series(frame, one).alias(one) for one in (PRIMARY_EMAIL, ADDITIONAL_EMAILS))
        return pl.select(pl.concat_str([*emails], separator=_SEPARATOR, ignore_nulls=True).replace("", None)).to_series()
    return frame[name] if name in frame.columns else pl.Series(name, [None], dtype=pl.String).new_from_index(0, frame.height)


def _has_value(column: pl.Expr) -> pl.Expr:
    return column.str.replace_all(_BLANKS_PATTERN, "").str.len_bytes() > 0


def _compute_column(texts: pl.Series, column: DerivedColumn, now: datetime) -> pl.Series:
    if column.kind == "text":
        return _keep_valid_options(_normalize_series(texts), column.options)
    if column.kind == "texts":
        return _split_texts(texts)
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
    """Parse HubSpot's three formats of a time: milliseconds, a date, a date with time."""
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
    """Return normalized texts, null for blank ones; ASCII texts, which are most, need no call to Python."""
    simple = texts.str.to_lowercase().str.replace_all(_BLANKS_PATTERN, " ").str.strip_chars(" ")
    foreign = texts.str.contains(r"[^\x00-\x7f]")
    if foreign.any():
        normal = pl.Series([normalize_text(text) if other else None for text, other in zip(texts, foreign, strict=True)], dtype=pl.String)
        simple = simple.zip_with(~foreign, normal)
    return simple.zip_with(simple.str.len_bytes() > 0, _nulls_like(simple))


def _split_texts(texts: pl.Series) -> pl.Series:
    """Return the normalized parts of each text; null if it has none."""
    parts = _split(texts)
    known = parts.with_columns(_normalize_series(parts["text"]).alias("text"))
    found = known.group_by("index", maintain_order=True).agg(pl.col("text").drop_nulls())
    return found.select(pl.when(pl.col("text").list.len() > 0).then(pl.col("text"))).to_series()


def _split(texts: pl.Series) -> pl.DataFrame:
    """Return the parts of texts as rows, each with the index of its text."""
    return texts.alias("text").str.split(_SEPARATOR).to_frame().with_row_index().explode("text")


def _keep_valid_options(values: pl.Series, options: tuple[str, ...]) -> pl.Series:
    if not options:
        return values
    allowed = [normalize_text(option) for option in options]
    split = values.str.strip_chars("; ").str.split(";").to_frame("parts")
    valid = split.select(pl.col("parts").list.eval(pl.element().str.strip_chars(" ").is_in(allowed)).list.all()).to_series()
    return values.zip_with(valid.fill_null(value=False), _nulls_like(values))


def _nulls_like(like: pl.Series) -> pl.Series:
    return pl.Series([None], dtype=like.dtype).new_from_index(0, like.len())
