"""Python called once for every different value of a column, not for every row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl


def mapped(values: pl.Series, function: Callable[[Any], object], dtype: type[pl.DataType]) -> pl.Series:
    """Return the function's result for each value; null stays null."""
    different = values.drop_nulls().unique()
    results = pl.Series([function(value) for value in different], dtype=dtype)
    return values.replace_strict(different, results, default=None, return_dtype=dtype)
