"""The `score_reports` table: the reports that `report` has made."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from sync_worker.store.schema import score_reports


class ScoreReportRow(NamedTuple):
    """A report. `at` is in milliseconds, `content` is JSON."""

    id: str
    at: int
    model: str
    content: str


_COLUMNS = tuple(score_reports.c[name] for name in ScoreReportRow._fields)


def save(tx: Connection, row: ScoreReportRow) -> None:
    """Save a new report."""
    tx.execute(insert(score_reports).values(row._asdict()))


def load(tx: Connection, report_id: str) -> ScoreReportRow | None:
    """Return a report, or None."""
    row = tx.execute(select(*_COLUMNS).where(score_reports.c.id == report_id)).first()
    return ScoreReportRow(*row) if row else None


def load_latest(tx: Connection, model: str) -> ScoreReportRow | None:
    """Return the last report of a model, or None."""
    query = select(*_COLUMNS).where(score_reports.c.model == model).order_by(score_reports.c.number.desc()).limit(1)
    row = tx.execute(query).first()
    return ScoreReportRow(*row) if row else None


def load_last(tx: Connection) -> ScoreReportRow | None:
    """Return the last report of any model, or None."""
    row = tx.execute(select(*_COLUMNS).order_by(score_reports.c.number.desc()).limit(1)).first()
    return ScoreReportRow(*row) if row else None
