"""Every different value of a column looked at once, however many rows hold it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueValues:
    """The different texts of a column, and for every row which of them it holds, null for none."""

    values: pl.Series
    codes: pl.Series

    @classmethod
    def from_series(cls, column: pl.Series) -> UniqueValues:
        """Find the different texts of a column."""
        coded = column.cast(pl.Categorical(pl.Categories.random()))
        ordered = coded.drop_nulls().unique()
        ordered = ordered.gather(ordered.to_physical().arg_sort())
        return cls(values=ordered.cast(pl.String), codes=coded.to_physical())

    def expand(self, results: pl.Series) -> pl.Series:
        """Return for every row the result of its text; null stays null."""
        return results.gather(self.codes)


def map_unique(values: pl.Series, function: Callable[[Any], object], dtype: type[pl.DataType]) -> pl.Series:
    """Return the function's result for each value, called once for every different one; null stays null."""
    different = values.drop_nulls().unique()
    results = pl.Series([function(value) for value in different], dtype=dtype)
    return values.replace_strict(different, results, default=None, return_dtype=dtype)
