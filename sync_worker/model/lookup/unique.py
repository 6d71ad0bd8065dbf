"""Every different value of a column looked at once, however many rows hold it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Distinct:
    """The different texts of a column, and for every row which of them it holds, null for none."""

    texts: pl.Series
    places: pl.Series

    @classmethod
    def of(cls, column: pl.Series) -> Distinct:
        """Find the different texts of a column."""
        coded = column.cast(pl.Categorical(pl.Categories.random()))
        ordered = coded.drop_nulls().unique()
        ordered = ordered.gather(ordered.to_physical().arg_sort())
        return cls(texts=ordered.cast(pl.String), places=coded.to_physical())

    def spread(self, results: pl.Series) -> pl.Series:
        """Return for every row the result of its text; null stays null."""
        return results.gather(self.places)


def mapped(values: pl.Series, function: Callable[[Any], object], dtype: type[pl.DataType]) -> pl.Series:
    """Return the function's result for each value, called once for every different one; null stays null."""
    different = values.drop_nulls().unique()
    results = pl.Series([function(value) for value in different], dtype=dtype)
    return values.replace_strict(different, results, default=None, return_dtype=dtype)
