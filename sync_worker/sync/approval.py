"""The approval of a model: it needs a recent score report of this model, and is saved before the first list or stage changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import orjson

from sync_worker.errors import ReportRequired
from sync_worker.store import model_revisions, score_reports, verdicts
from sync_worker.store.database import Store
from sync_worker.store.model_revisions import ModelRevision
from sync_worker.store.score_reports import ScoreReportRow
from sync_worker.store.writes import differences, memberships
from sync_worker.sync.plan.plan import Scope, count_list_changes
from sync_worker.timestamps import from_ms, to_ms

MAX_MQL_DRIFT: Final = 0.1  # share by which the number of MQLs may differ from the report ...
MIN_MQL_DRIFT: Final = 10  # ... but this many contacts always may
LIST_VERBS: Final = {"add": "added", "remove": "removed"}
_COMMAND: Final = "Run `sync-worker report`, look at it, then `sync-worker approve --note ...`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A pending approval. `report` is the score report that it is based on."""

    author: str
    note: str
    report: ScoreReportRow
    hand_off_existing: bool = False  # hand off the contacts that are MQLs already, too

    def save(self, store: Store, scope: Scope, now: datetime) -> None:
        """Add the approval to the log of the model.

        Raises ReportRequired if the number of MQLs is no longer about that of the report.
        """
        model = scope.crm_schema.model
        with store.transaction() as tx:
            self._check_mqls(verdicts.count_mqls(tx))
            effect = {
                "new MQLs": memberships.count_to_add(tx, "mql", now=scope.now_ms),
                "stages": differences.count_stage_changes(tx, scope.stage_rule) if scope.stage_rule else 0,
            }
        effect |= _count_members(count_list_changes(store, scope))
        row = ModelRevision(
            at=to_ms(now),
            kind="approval",
            model=model.hash,
            author=self.author,
            note=self.note,
            document=orjson.dumps(model.document.dump_canonical()).decode(),
            report=self.report.id,
            effect=orjson.dumps(effect).decode(),
        )
        with store.transaction() as tx:
            model_revisions.append(tx, row)

    def _check_mqls(self, mqls: int) -> None:
        reported: int = orjson.loads(self.report.content)["mqls"]
        if abs(mqls - reported) > max(MIN_MQL_DRIFT, MAX_MQL_DRIFT * reported):
            raise ReportRequired(f"Report {self.report.id} counts {reported:,} MQLs; now there are {mqls:,}.", hint=_COMMAND)


def find_report(store: Store, model: str, report_id: str | None, *, now: datetime, max_age: timedelta) -> ScoreReportRow:
    """Return the score report for an approval of a model (its hash): the one with this id, by default the last one.

    Raises ReportRequired if no such report exists, or if it is of another model or older than `max_age`.
    """
    with store.transaction() as tx:
        row = score_reports.load(tx, report_id) if report_id else score_reports.load_latest(tx, model)
    if row is None:
        message = f"Report {report_id} does not exist." if report_id else f"No report of model {model} has been made."
        raise ReportRequired(message, hint=_COMMAND)
    if not orjson.loads(row.content)["contacts"]:
        raise ReportRequired(f"Report {row.id} contains no contact.", hint=f"Run `sync-worker backfill`. {_COMMAND}")
    if row.model != model:
        raise ReportRequired(f"Report {row.id} is of model {row.model}, the model to approve is {model}.", hint=_COMMAND)
    if now - from_ms(row.at) > max_age:
        raise ReportRequired(f"Report {row.id} is from {from_ms(row.at):%Y-%m-%d}, more than {max_age.days} days ago.", hint=_COMMAND)
    return row


def _count_members(lists: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {f"{name}: {LIST_VERBS[change]}": number for name, counts in lists.items() for change, number in counts.items() if number}
