"""What changed the score of a contact since a time, from the events in the state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.model.score_history import ScoreHistory, ScoreStep, trace_score
from sync_worker.reports.explain_contact import find_contact
from sync_worker.store import verdicts
from sync_worker.store.database import Store
from sync_worker.sync.evaluate.evaluate import load_facts
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.portal.portal import PortalInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreChanges:
    """The history of a contact's score."""

    contact_id: int
    time_zone: str
    history: ScoreHistory

    @property
    def exit_code(self) -> ExitCode:
        """Return DONE."""
        return ExitCode.DONE

    def as_json(self) -> dict[str, Any]:
        """Return the history for `--json`."""
        history = self.history
        return {
            "id": str(self.contact_id),
            "since": history.since.isoformat(),
            "at": history.until.isoformat(),
            "score_before": float(history.before),
            "score": float(history.after),
            "adds_up": history.adds_up,
            "steps": [_step_json(step) for step in history.steps],
        }


def build_score_changes(
    store: Store, crm_schema: CrmSchema, portal: PortalInfo | None, email_or_id: str, *, since: datetime, until: datetime
) -> ScoreChanges:
    """Return what changed the score between two times.

    Raises ConfigurationError if the state does not contain the contact, or if `since` is not before `until`.
    """
    if since >= until:
        raise ConfigurationError(f"--since: {since:%Y-%m-%d %H:%M} UTC is not in the past.", hint="Use an earlier date.")
    model = crm_schema.model
    with store.transaction() as tx:
        contact_id = find_contact(tx, email_or_id).id
        verdicts.select_contact(tx, contact_id)
        facts = load_facts(tx, model, portal.select_hidden_kinds(model.source_kinds) if portal else frozenset())
    history = trace_score(facts, model, since, until)
    return ScoreChanges(contact_id=contact_id, time_zone=model.document.time_zone, history=history)


def _step_json(step: ScoreStep) -> dict[str, Any]:
    return {
        "at": step.at.isoformat(),
        "cause": "events" if step.events else "time",
        "events": [{"at": event.at.isoformat(), "kind": event.kind, "subject": event.subject} for event in step.events],
        "points": float(step.points),
        "changes": {label: float(points) for label, points in step.changes.items()},
    }
