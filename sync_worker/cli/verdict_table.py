"""Verdicts on a portal folder as a table, for analysts: one row per contact and model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, cast, get_args

import polars as pl

from sync_worker.cli.model_files import load_models
from sync_worker.cli.portal_folder import find_known, list_warnings, read_history
from sync_worker.errors import ConfigurationError
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts
from sync_worker.model.file.units import MICROS_PER_POINT
from sync_worker.output_file import write_output_file
from sync_worker.sync.evaluate.offline import evaluate_history
from sync_worker.sync.evaluate.verdict_json import VERDICT_COLUMNS

LedgerLines = Literal["none", "nonzero", "all"]
FORMATS: Final = (".parquet", ".csv", ".jsonl")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VerdictTable:
    """The verdicts of models. `models`: hashes by the name of the model; `warnings`: sentences about the data, as of the time."""

    rows: pl.DataFrame
    models: Mapping[str, str]
    warnings: Sequence[str]


def build_verdict_table(portal: Path, model_files: Sequence[Path], *, at: datetime | None, ledger: LedgerLines) -> VerdictTable:
    """Return the verdicts of each model on the contacts of a portal folder as of a time; default: the `now` of the folder.

    Columns: `model` (the hash), `contact_id`, and those of `model evaluate --json`. `ledger`: a column with a list of lines, `all` or those
    with points; the points of all lines add up to the score.

    Raises:
        ConfigurationError: the folder cannot be read, two models are the same, or no contact of the folder is known as of the time.
    """
    models = load_models(model_files)
    known, warnings = _find_known(portal, list(models.values()), at)
    parts = [_build_rows(chunk, model.hash, ledger) for model in models.values() for chunk in evaluate_history(known, model)]
    hashes = {name: model.hash for name, model in models.items()}
    return VerdictTable(rows=pl.concat(parts, rechunk=False), models=hashes, warnings=warnings)


def _find_known(portal: Path, models: Sequence[Model], at: datetime | None) -> tuple[PortalHistory, list[str]]:
    """Return what was known, and the warnings. What became known later is no longer in memory then."""
    history = read_history(portal, models)
    known = find_known(history, at)
    frozen = ", ".join(sorted({name for model in models for name in known.select_frozen(model)}))
    notes = [f"No history in the folder, so with the values of today: {frozen}."] if frozen else []
    return known, [*list_warnings(history, known.now), *notes]


def parse_ledger_lines(text: str) -> LedgerLines:
    """Return the value of `--ledger`; raises ConfigurationError."""
    if text not in get_args(LedgerLines):
        raise ConfigurationError(f"--ledger: {text!r} does not exist.", hint=f"Use one of {', '.join(get_args(LedgerLines))}.")
    return cast("LedgerLines", text)


def _build_rows(verdicts: Verdicts, model: str, ledger: LedgerLines) -> pl.DataFrame:
    names = dict.fromkeys((*VERDICT_COLUMNS, "mql_reason", "score_reasons", "grade_reasons"))
    rows = verdicts.table.select(pl.lit(model).alias("model"), "contact_id", *names)
    if ledger == "none":
        return rows
    lines = verdicts.ledger.with_columns(pl.col("points", "cut") / MICROS_PER_POINT)
    kept = lines if ledger == "all" else lines.filter(pl.col("points") != 0)
    columns = [name for name in lines.columns if name != "contact_id"]
    by_contact = kept.group_by("contact_id", maintain_order=True).agg(pl.struct(columns).alias("ledger"))
    return rows.join(by_contact, on="contact_id", how="left", maintain_order="left").with_columns(pl.col("ledger").fill_null([]))


def write_table(table: pl.DataFrame, file: Path) -> None:
    """Write a table to a file that only its owner can read, in the format of its ending; CSV has the ledger as JSON text.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    content, ending = BytesIO(), file.suffix.lower()
    if ending == ".parquet":
        table.write_parquet(content)
    elif ending == ".jsonl":
        table.write_ndjson(content)
    else:
        _flatten(table).write_csv(content)
    write_output_file(file, content.getvalue())


def _flatten(table: pl.DataFrame) -> pl.DataFrame:
    if "ledger" not in table.columns:
        return table
    lines = pl.col("ledger").list.eval(pl.element().struct.json_encode()).list.join(",")
    return table.with_columns(pl.format("[{}]", lines).alias("ledger"))
