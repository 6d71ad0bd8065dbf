"""The numbers of an earlier score report, to compare with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from sync_worker.store import score_reports
from sync_worker.store.database import Store


class ReportedModel(msgspec.Struct, frozen=True, kw_only=True):
    """The model of an earlier report."""

    name: str
    hash: str


class EarlierReport(msgspec.Struct, frozen=True, kw_only=True, rename={"id": "report"}):
    """The numbers of an earlier report, in the fields of its JSON."""

    id: str
    at: datetime
    model: ReportedModel
    contacts: int
    mqls: int
    mean: float | None
    median: float | None
    bands: dict[str, int]
    grades: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the report for `--json`."""
        numbers: dict[str, Any] = msgspec.to_builtins(self)
        return numbers


def load_earlier_report(store: Store) -> EarlierReport | None:
    """Return the last report that the state has, of any model, or None."""
    with store.transaction() as tx:
        row = score_reports.load_last(tx)
    return msgspec.json.decode(row.content, type=EarlierReport) if row else None
