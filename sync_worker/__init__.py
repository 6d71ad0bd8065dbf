"""Lead scoring and grading as code for HubSpot."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

__version__ = "0.1.0"


def evaluate_folder(
    portal: Path | str,
    models: Path | str | Sequence[Path | str],
    *,
    at: datetime | None = None,
    ledger: Literal["none", "nonzero", "all"] = "none",
) -> pl.DataFrame:
    """Return the verdicts of one or several model files on a portal folder as a Polars frame: one row per model and contact.

    `at`: an aware time; default: the `now` of the folder. `ledger` adds a column with the lines of each score. See docs/analysis.md.

    Raises:
        SyncWorkerError: the folder or a model file is not valid, or no contact existed at the time.

    Warns:
        UserWarning: the data ends before the time, values cannot be read, or a property has no history.
    """
    # The package is below all of its rooms; it imports one by name, when it is called.
    module = import_module(f"{__name__}.cli.verdict_table")
    files = [models] if isinstance(models, str | Path) else models
    found = module.build_verdict_table(Path(portal), [Path(file) for file in files], at=at, ledger=ledger)
    for text in found.warnings:
        warnings.warn(text, stacklevel=2)
    table: pl.DataFrame = found.rows
    return table
