"""Verdicts as programs read them: one object a contact, with the ledger that adds up to its score."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sync_worker.model.evaluate import Verdicts
from sync_worker.model.file.units import to_json_number

VERDICT_COLUMNS = ("score", "band", "grade", "grade_known", "grade_of", "mql", "by_score", "direct", "disqualified_by", "trend")


def verdict_json(verdicts: Verdicts) -> Iterator[dict[str, Any]]:
    """Yield the verdicts in order of contact id.

    Each is {id, score, band, grade, mql, reason, ledger: [{line, label, points, ...}] ...}; the points of a ledger add up to
    the score. What a line does not have (events, newest, cap, quarantine) is left out. `unreadable` lists the values that
    could not be understood, {property, value, expected}: they counted as unknown.
    """
    ledgers: dict[int, list[dict[str, Any]]] = {}
    for line in verdicts.ledger.iter_rows(named=True):
        ledgers.setdefault(line.pop("contact_id"), []).append(_ledger_line_json(line))
    unreadable: dict[int, list[dict[str, Any]]] = {}
    for value in verdicts.unreadable.iter_rows(named=True):
        unreadable.setdefault(value.pop("contact_id"), []).append(value)
    for row in verdicts.table.iter_rows(named=True):
        id_ = row["contact_id"]
        verdict = {name: row[name] for name in VERDICT_COLUMNS}
        reasons = {name: (row[name] or "").splitlines() for name in ("score_reasons", "grade_reasons")}
        misread = {"unreadable": unreadable.get(id_, [])}
        yield {"id": str(id_), **verdict, "reason": row["mql_reason"], "ledger": ledgers.get(id_, []), **reasons, **misread}


def _ledger_line_json(row: dict[str, Any]) -> dict[str, Any]:
    points = {name: to_json_number(row[name]) for name in ("points", "cut") if row[name] is not None}
    visible = {} if row["visible"] else {"visible": False}
    newest = {"newest": _iso(row["newest"])} if row["newest"] else {}
    counts = {name: row[name] for name in ("events", "quarantined") if row[name] is not None}
    return {"line": row["line"], "label": row["label"], **points, **counts, **newest, **visible}


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
