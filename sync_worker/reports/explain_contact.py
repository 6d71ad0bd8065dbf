"""Why one contact has its score and grade: judged again on the facts that the verdict rests on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.model import explain as model_explain
from sync_worker.model.explain import CountedEvent, ScoreLine
from sync_worker.model.forecast import VerdictChange
from sync_worker.model.reasons.blockers import blockers
from sync_worker.store import contacts, memberships, scan_state, verdicts
from sync_worker.store.database import Store
from sync_worker.sync.evaluate.evaluate import load_facts
from sync_worker.sync.evaluate.verdict_json import ContactVerdict, build_contact_verdicts
from sync_worker.sync.portal.crm_schema import CrmSchema, diff_properties
from sync_worker.sync.portal.portal import PortalInfo
from sync_worker.timestamps import from_ms

MAX_EVENTS_PER_LINE = 50  # of a line, the newest first, that a program is told


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactExplanation:
    """A verdict with everything that leads to it, and what HubSpot shows of it."""

    verdict: ContactVerdict
    evaluation: model_explain.VerdictExplanation
    at: datetime
    model: str
    maximum: float
    mql_blockers: tuple[str, ...]  # why it is no MQL
    evaluated_at: datetime | None  # when the verdict was made that HubSpot was sent; None where there is none yet
    differences: dict[str, dict[str, str]]  # what HubSpot shows otherwise
    unread_properties: list[str]  # properties that this model asks for and that were never read
    lists: list[str]
    stage: str | None

    @property
    def adds_up(self) -> bool:
        """Tell whether the lines of the ledger add up to the score, exactly."""
        return bool(sum(line.points for line in self.evaluation.score) == self.verdict.score)

    @property
    def exit_code(self) -> ExitCode:
        """Return DONE."""
        return ExitCode.DONE

    def as_json(self) -> dict[str, Any]:
        """Return the explanation for `--json`."""
        judged = self.evaluation
        lines = [line.as_json() | _events_json(scored) for line, scored in zip(self.verdict.ledger, judged.score, strict=True)]
        return {
            **self.verdict.as_json(),
            "ledger": lines,
            "at": self.at.isoformat(),
            "model": self.model,
            "maximum": self.maximum,
            "why_not": list(self.mql_blockers),
            "adds_up": self.adds_up,
            "fading": {
                "last_engagement": _iso(judged.decay.last_engagement),
                "grace_ends": _iso(judged.decay.grace_ends),
                "full_periods": judged.decay.full_periods,
                "earned": float(judged.decay.earned),
                "loss": float(judged.decay.loss),
                "decayed": float(judged.decay.decayed),
            },
            "grade_criteria": [
                {"criterion": line.criterion, "label": line.label, "match": line.match, "thirds": line.thirds} for line in judged.grade
            ],
            "rules": [
                {"rule": line.rule, "label": line.label, "kind": line.kind, "holds": line.holds, "visible": line.visible}
                for line in judged.rules
            ],
            "next_change": _change_json(judged.next_change),
            "next_band": _change_json(judged.next_band_change),
            "evaluated_at": _iso(self.evaluated_at),
            "hubspot_shows_otherwise": self.differences,
            "never_read": self.unread_properties,
            "lists": self.lists,
            "lifecycle_stage": self.stage,
        }


def explain(
    store: Store, crm_schema: CrmSchema, portal: PortalInfo | None, email_or_id: str, *, now: datetime, at: datetime | None = None
) -> ContactExplanation:
    """Judge one contact as of `at`; without it, as it was judged last, or now where that verdict no longer rests on what is known.

    Raises ConfigurationError where no such contact has been read.
    """
    model = crm_schema.model
    with store.transaction() as tx:
        contact_id = contacts.find_id(tx, email_or_id)
        row = verdicts.load(tx, contact_id) if contact_id is not None else None
        if row is None or contact_id is None:
            raise ConfigurationError(
                f"No contact {email_or_id!r} has been read.",
                hint="Give an address or an id as HubSpot shows it; run `sync-worker sync` if the contact is new.",
            )
        is_current = row.model == crm_schema.version and row.verdict_revision == row.revision
        when = at or (from_ms(row.evaluated_at) if is_current and row.evaluated_at is not None else now)
        verdicts.select_contact(tx, contact_id)
        hidden = portal.select_hidden_kinds(model.event_kinds) if portal else frozenset()
        known = load_facts(tx, model, hidden)
        if row.evaluated_at is not None and when < from_ms(row.evaluated_at):
            # Who was an MQL by score at that time is not kept; that somebody became one later says nothing of it.
            known = replace(known, previous=known.previous.clear())
        was = known.previous.filter(contact_id=contact_id, by_score=True).height > 0
        judged = model_explain.explain(known, model, when, contact_id)
        lists = memberships.load_list_keys(tx, contact_id)
        read = set(scan_state.load_read_properties(tx))
    desired = crm_schema.desired_json(judged.verdicts.table)[0]
    return ContactExplanation(
        verdict=next(build_contact_verdicts(judged.verdicts)),
        evaluation=judged,
        at=when,
        model=crm_schema.model_label,
        maximum=float(model.maximum),
        mql_blockers=blockers(judged.verdicts.get_single(), model, was_mql_by_score=was),
        evaluated_at=from_ms(row.evaluated_at) if row.evaluated_at is not None else None,
        differences={name: {"shown": shown, "should": should} for name, (shown, should) in diff_properties(row.observed, desired).items()},
        unread_properties=sorted({*model.contact_properties, *(f"company.{name}" for name in model.company_properties)} - read),
        lists=[crm_schema.list_names.get(key, key) for key in lists],
        stage=row.stage,
    )


def _events_json(line: ScoreLine) -> dict[str, Any]:
    return {"looked_at": [_event_json(event) for event in line.looked_at[:MAX_EVENTS_PER_LINE]]} if line.looked_at else {}


def _event_json(event: CountedEvent) -> dict[str, Any]:
    told_of = {"url": event.url, "form": event.form, "campaign": event.campaign, "name": event.name, "quarantine": event.quarantine}
    window = {} if event.inside_window else {"outside_window": True}
    return {"at": _iso(event.at), **{name: value for name, value in told_of.items() if value is not None}, **window}


def _change_json(change: VerdictChange | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {"at": _iso(change.at), "score": change.score, "band": change.band, "mql": change.mql}


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
