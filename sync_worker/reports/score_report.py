"""The score report: the scores of all contacts under one model, kept with an id, because an approval is based on it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from sync_worker.insight.mqls.conversion import OutcomeReport
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.reports.earlier_report import EarlierReport, load_earlier_report
from sync_worker.reports.report_details import ReportDetails, compute_details
from sync_worker.reports.score_distribution import ScoreDistribution, compute_distribution
from sync_worker.reports.shadow_comparison import ShadowComparison, compare_shadow
from sync_worker.store import score_reports
from sync_worker.store.database import Store
from sync_worker.store.score_reports import ScoreReportRow
from sync_worker.sync.plan.contact_names import ContactName
from sync_worker.sync.plan.named_mqls import NamedMql, add_names, hide_names, load_named_mqls
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.portal.portal import PortalInfo
from sync_worker.timestamps import to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReport:
    """The scores under one model. `maximum` and `reachable` are points: of the model, and on this portal."""

    id: str
    at: datetime
    portal_id: int | None
    model_name: str
    model_hash: str
    maximum: float
    reachable: float
    threshold: float
    newly_evaluated: int  # contacts whose verdict was missing, out of date or of another model; HubSpot may still show the earlier one
    distribution: ScoreDistribution
    mqls: Sequence[NamedMql]  # the highest score first
    earlier: EarlierReport | None = None  # the report before, of any model
    details: ReportDetails | None = None  # None: not requested
    outcomes: OutcomeReport | None = None  # what became of MQLs; None: not known, or not requested
    shadow: ShadowComparison | None = None  # None: no shadow model is set

    @property
    def listed_ids(self) -> Sequence[int]:
        """Return the MQLs."""
        return [mql.contact_id for mql in self.mqls]

    def with_names(self, names: Mapping[int, ContactName]) -> ScoreReport:
        """Return the report with the names of MQLs."""
        return replace(self, mqls=add_names(self.mqls, names))

    def hide_names(self) -> ScoreReport:
        """Return the report without names and addresses of contacts; the ids stay."""
        return replace(self, mqls=hide_names(self.mqls), shadow=self.shadow.hide_names() if self.shadow else None)

    def statistics_json(self) -> dict[str, Any]:
        """Return the report without the contacts; this is what the state keeps."""
        return {
            "report": self.id,
            "at": self.at.isoformat(),
            "portal": self.portal_id,
            "model": {"name": self.model_name, "hash": self.model_hash},
            "maximum": self.maximum,
            "reachable": self.reachable,
            "threshold": self.threshold,
            "newly_evaluated": self.newly_evaluated,
            **self.distribution.as_json(),
        }

    def as_json(self) -> dict[str, Any]:
        """Return the report for `--json`, with every MQL, and with the details if they are known."""
        return {
            **self.statistics_json(),
            "mql_contacts": [mql.as_json() for mql in self.mqls],
            "earlier": self.earlier.as_json() if self.earlier else None,
            **({"details": self.details.as_json()} if self.details else {}),
            **({"shadow": self.shadow.as_json()} if self.shadow else {}),
            **({"outcomes": self.outcomes.as_json()} if self.outcomes else {}),
        }


def build_report(
    store: Store, crm_schema: CrmSchema, portal_info: PortalInfo | None, now: datetime, *, newly_evaluated: int, with_details: bool = False
) -> ScoreReport:
    """Return a report with a new id on the verdicts in a store, which are all of this model.

    The details need an evaluation of all contacts.
    """
    model = crm_schema.model
    hidden = portal_info.select_hidden_kinds(model.source_kinds) if portal_info else frozenset()
    with store.transaction() as tx:
        mqls = load_named_mqls(tx, crm_schema.prefix)
    return ScoreReport(
        id=secrets.token_hex(4),
        at=now,
        portal_id=portal_info.id if portal_info else None,
        model_name=model.document.name,
        model_hash=model.hash,
        maximum=float(model.maximum),
        reachable=float(model.reachable_maximum(hidden)),
        threshold=float(model.document.qualification.threshold),
        newly_evaluated=newly_evaluated,
        distribution=compute_distribution(store, crm_schema.band_names, GRADE_LETTERS),
        mqls=mqls,
        earlier=load_earlier_report(store),
        details=compute_details(store, model, hidden, now) if with_details else None,
        shadow=compare_shadow(store, crm_schema.shadow) if crm_schema.shadow else None,
    )


def save_report(store: Store, report: ScoreReport) -> None:
    """Keep the numbers of a report. The contacts are not kept, so that `forget` need not search reports."""
    content = orjson.dumps(report.statistics_json()).decode()
    with store.transaction() as tx:
        score_reports.save(tx, ScoreReportRow(id=report.id, at=to_ms(report.at), model=report.model_hash, content=content))
