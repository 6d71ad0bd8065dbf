"""Functions applied once per distinct value of a column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueValues:
    """The distinct texts of a column, and for each row the index of its text; null for null."""

    values: pl.Series
    codes: pl.Series

    @classmethod
    def from_series(cls, column: pl.Series) -> UniqueValues:
        """Return the distinct texts of a column."""
        coded = column.cast(pl.Categorical(pl.Categories.random()))
        ordered = coded.drop_nulls().unique()
        ordered = ordered.gather(ordered.to_physical().arg_sort())
        return cls(values=ordered.cast(pl.String), codes=coded.to_physical())

    def expand(self, results: pl.Series) -> pl.Series:
        """Return the result of each row's text; null stays null."""
        return results.gather(self.codes)


def map_unique(values: pl.Series, function: Callable[[Any], object], dtype: type[pl.DataType]) -> pl.Series:
    """Return the function's result for each value; it is called once per distinct value, and null stays null."""
    distinct = values.drop_nulls().unique()
    results = pl.Series([function(value) for value in distinct], dtype=dtype)
    return values.replace_strict(distinct, results, default=None, return_dtype=dtype)
