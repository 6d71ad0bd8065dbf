"""The audit: every write to HubSpot as a row of a file, for spreadsheets and notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection

from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.output_file import check_output_file, write_output_file
from sync_worker.store import runs
from sync_worker.store.facts import contacts
from sync_worker.store.writes import audit_log
from sync_worker.store.writes.audit_log import AuditRow
from sync_worker.timestamps import to_ms

SCHEMA: Final = {name: pl.Int64 if name in {"at", "contact"} else pl.String for name in AuditRow._fields}
PUBLIC_NAMES: Final = {"before": "from", "after": "to"}
FORMULA: Final = r"^[=+\-@\t]"  # a spreadsheet evaluates a cell that begins so, and observed values are free text
NUMBER: Final = r"^-\d+(\.\d+)?$"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSummary:
    """The file and the number of its rows."""

    file: Path
    rows: int

    @property
    def exit_code(self) -> ExitCode:
        """Return DONE."""
        return ExitCode.DONE

    def as_json(self) -> dict[str, Any]:
        """Return the summary for `--json`."""
        return {"file": str(self.file), "rows": self.rows}


def export_audit(tx: Connection, out: Path, *, since: datetime | None, run: str | None, email_or_id: str | None) -> AuditSummary:
    """Write the audit to a file that only its owner can read, in order of time.

    Raises ConfigurationError for another ending than .csv or .parquet, an unknown run or contact, or a file that cannot be written.
    """
    check_output_file(out, ".csv", ".parquet")
    if run is not None and runs.load(tx, run) is None:
        raise ConfigurationError(f"Run {run} does not exist.", hint="`sync-worker status` shows the last runs.")
    ids = None if email_or_id is None else _find_contact(tx, email_or_id)
    frame = build_audit(list(audit_log.load(tx, since=None if since is None else to_ms(since), run=run, contact_ids=ids)))
    write_output_file(out, _encode(frame, out.suffix.lower()))
    return AuditSummary(file=out, rows=frame.height)


def build_audit(rows: Sequence[AuditRow]) -> pl.DataFrame:
    """Return the writes as a table in order of time: run, command, at, contact, property, from, to, answer, shown."""
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("at", maintain_order=True)
    return frame.with_columns(pl.from_epoch("at", time_unit="ms").dt.replace_time_zone("UTC")).rename(PUBLIC_NAMES)


def _find_contact(tx: Connection, email_or_id: str) -> list[int]:
    if (found := contacts.find_id(tx, email_or_id)) is not None:
        return [found]
    raise ConfigurationError(f"The contact {email_or_id!r} is not in the state.", hint="Use the email address or the id from HubSpot.")


def _encode(frame: pl.DataFrame, suffix: str) -> bytes:
    if suffix == ".csv":
        return encode_csv(frame)
    content = BytesIO()
    frame.write_parquet(content)
    return content.getvalue()


def encode_csv(frame: pl.DataFrame) -> bytes:
    """Return a table as CSV in which no cell is a formula."""
    text = pl.col(pl.String)
    is_formula = text.str.contains(FORMULA) & ~text.str.contains(NUMBER)
    content = BytesIO()
    escaped = frame.with_columns(pl.when(is_formula).then("'" + text).otherwise(text).name.keep())
    escaped.write_csv(content, datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ")
    return content.getvalue()
