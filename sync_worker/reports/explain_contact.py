"""The explanation of one contact: re-evaluated from the stored facts, with every line of the ledger and its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection

from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.insight.as_of import as_of
from sync_worker.insight.outcomes import raise_if_deleted
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.insight.state_history import load_state_history
from sync_worker.model import explain as model_explain
from sync_worker.model.compiled.model import Model
from sync_worker.model.explain import CountedEvent, Decay, ScoreLine
from sync_worker.model.file.schema import Language
from sync_worker.model.forecast import VerdictChange
from sync_worker.model.reasons.blockers import SEPARATOR
from sync_worker.store import verdicts
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts, emails
from sync_worker.store.saved_state import scan_state
from sync_worker.store.verdicts import ContactWithVerdict
from sync_worker.store.writes import memberships, mql_admissions
from sync_worker.sync.evaluate.evaluate import load_facts, load_starts
from sync_worker.sync.evaluate.verdict_json import ContactVerdict, build_contact_verdicts
from sync_worker.sync.portal.managed_properties import CrmSchema, diff_properties
from sync_worker.sync.portal.portal import PortalInfo
from sync_worker.sync.retention import Retention
from sync_worker.timestamps import from_ms, to_iso, to_ms

MAX_EVENTS_PER_LINE = 50  # the newest events of a ledger line in the JSON output


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactExplanation:
    """A verdict with everything that leads to it, and how HubSpot differs from it."""

    verdict: ContactVerdict
    evaluation: model_explain.VerdictExplanation
    at: datetime
    model: str
    maximum: float
    mql_blockers: tuple[str, ...]  # why the contact is not an MQL
    mql_since: datetime | None  # when it became an MQL; None if it is not one, or if the time is not known
    mql_reasons: tuple[str, ...]  # the reasons as they were then
    evaluated_at: datetime | None  # time of the last saved verdict
    differences: dict[str, dict[str, str]]  # properties whose value in HubSpot differs: {"shown", "should"} by name; not --at
    unread_properties: list[str]  # properties that this model uses and that have not been read
    lists: list[str]  # those of now, so none as of another time
    stage: str | None  # likewise
    start_letter: str  # grade that every contact starts at, with its sign
    time_zone: str  # of the dates that sales reps see
    frozen: tuple[str, ...]  # properties whose later values had to be used for an earlier time
    gaps: tuple[str, ...]  # a sentence for deleted events that criteria counted at an earlier time
    sharing_contacts: list[int]  # other contacts with an email of this contact; the events of that email count for all of them

    @property
    def adds_up(self) -> bool:
        """Return whether the lines of the ledger add up to the score exactly."""
        return bool(sum(line.points for line in self.evaluation.score) == self.verdict.score)

    @property
    def exit_code(self) -> ExitCode:
        """Return DONE."""
        return ExitCode.DONE

    def as_json(self) -> dict[str, Any]:
        """Return the explanation for `--json`."""
        explained = self.evaluation
        lines = [line.as_json() | _events_json(scored) for line, scored in zip(self.verdict.ledger, explained.score, strict=True)]
        return {
            **self.verdict.as_json(),
            "ledger": lines,
            "at": self.at.isoformat(),
            "model": self.model,
            "maximum": self.maximum,
            "why_not": list(self.mql_blockers),
            "mql_since": to_iso(self.mql_since),
            "mql_reasons": list(self.mql_reasons),
            "adds_up": self.adds_up,
            "fading": None if explained.decay is None else _decay_json(explained.decay),
            "grade_start": explained.grade_start,
            "grade_criteria": [
                {"criterion": line.criterion, "label": line.label, "match": line.match, "thirds": line.thirds, "because": line.because}
                for line in explained.grade
            ],
            "rules": [
                {
                    "rule": line.rule,
                    "label": line.label,
                    "kind": line.kind,
                    "holds": line.holds,
                    "visible": line.visible,
                    "because": line.because,
                }
                for line in explained.rules
            ],
            "next_change": _change_json(explained.next_change),
            "next_band": _change_json(explained.next_band_change),
            "evaluated_at": to_iso(self.evaluated_at),
            "hubspot_shows_otherwise": self.differences,
            "never_read": self.unread_properties,
            "lists": self.lists,
            "lifecycle_stage": self.stage,
            "time_zone": self.time_zone,
            "frozen": list(self.frozen),
            "notes": list(self.gaps),
            "shares_email_with": [str(id_) for id_ in self.sharing_contacts],
        }


def explain(
    store: Store,
    crm_schema: CrmSchema,
    portal: PortalInfo | None,
    email_or_id: str,
    *,
    now: datetime,
    at: datetime | None = None,
    language: Language | None = None,
    retention: Retention | None = None,
    state_models: Sequence[Model] = (),
) -> ContactExplanation:
    """Explain one contact as of `at`. Default: the time of the last verdict, or now if that verdict is outdated.

    `language` replaces the language of the texts. `retention` with the models of the state, which decide what it deletes: events that an
    earlier time is missing.

    Raises ConfigurationError if the state does not contain the contact, or no longer what the model needs for an earlier time.
    """
    model = crm_schema.model if language is None else crm_schema.model.translate(language)
    with store.transaction() as tx:
        row = find_contact(tx, email_or_id)
        contact_id = row.id
        is_current = row.model == crm_schema.version and row.verdict_revision == row.revision
        when = at or (from_ms(row.evaluated_at) if is_current and row.evaluated_at is not None else now)
        verdicts.select_contact(tx, contact_id)
        hidden = portal.select_hidden_kinds(model.source_kinds) if portal else frozenset()
        facts, frozen, gaps = load_facts(tx, model, hidden), tuple[str, ...](), tuple[str, ...]()
        if at is not None and at < now and to_ms(at) != row.evaluated_at:
            known = _load_known(
                tx, model, hidden, contact_id, now=now, at=at, retention=retention or Retention(), state_models=state_models
            )
            if known.contacts.is_empty():
                raise ConfigurationError(f"The contact {email_or_id!r} did not exist on {at:%Y-%m-%d}.", hint="Use a later time.")
            facts, frozen = replace(known.build_facts(), previous=facts.previous), tuple(known.select_frozen(model))
            gaps = known.gaps.describe([model])
        if row.evaluated_at is not None and when < from_ms(row.evaluated_at):
            # The state stores only the MQLs of now; they say nothing about an earlier time.
            facts = replace(facts, previous=facts.previous.clear())
        explained = model_explain.explain(facts, model, when, contact_id)
        if is_current and mql_admissions.is_deferred(tx, contact_id):
            explained = replace(explained, verdicts=explained.verdicts.defer_mqls(except_ids=pl.Series([], dtype=pl.Int64)))
        lists, sharing = memberships.load_list_keys(tx, contact_id), emails.find_sharing_contacts(tx, contact_id)
        read, starts = set(scan_state.load_read_properties(tx)), load_starts(tx)
    verdict = explained.verdicts.get_single()
    since, reasons = starts.get(contact_id, ("", "")) if verdict.mql else ("", "")
    if since and int(since) > to_ms(when):
        since, reasons = "", ""
    if at is not None and at > now:
        gaps = (f"The state ends now: what happens until {at:%Y-%m-%d} is not known and does not count.",)
    is_present = at is None or to_ms(at) == row.evaluated_at  # what HubSpot shows now says nothing about another time
    desired = crm_schema.desired_json(explained.verdicts.table, starts)[0]
    differences = diff_properties(row.observed, desired) if is_present else {}
    return ContactExplanation(
        verdict=next(build_contact_verdicts(explained.verdicts)),
        evaluation=explained,
        at=when,
        model=crm_schema.model_label,
        maximum=float(model.maximum),
        mql_blockers=tuple(verdict.mql_blockers.split(SEPARATOR)) if verdict.mql_blockers else (),
        mql_since=from_ms(int(since)) if since else None,
        mql_reasons=tuple(reasons.splitlines()),
        evaluated_at=from_ms(row.evaluated_at) if row.evaluated_at is not None else None,
        differences={name: {"shown": shown, "should": should} for name, (shown, should) in differences.items()},
        unread_properties=sorted({*model.contact_properties, *(f"company.{name}" for name in model.company_properties)} - read),
        lists=[crm_schema.list_names.get(key, key) for key in lists] if is_present else [],
        stage=row.stage if is_present else None,
        start_letter=model.document.grade.start,
        time_zone=model.document.time_zone,
        sharing_contacts=sharing,
        frozen=frozen,
        gaps=gaps,
    )


def _load_known(
    tx: Connection,
    model: Model,
    hidden: frozenset[str],
    contact_id: int,
    *,
    now: datetime,
    at: datetime,
    retention: Retention,
    state_models: Sequence[Model],
) -> PortalHistory:
    history = load_state_history(
        tx,
        [model],
        hidden,
        now,
        only_ids=[contact_id],
        complete_since=retention.complete_since([model], state_models, now),
        deleted_before=retention.find_cutoffs(state_models, now),
    )
    if history.gaps.deleted_before:  # else the contact is younger
        raise_if_deleted(history, at, hint="or keep events for longer")
    return as_of(history, at, keep_undated=True)


def find_contact(tx: Connection, email_or_id: str) -> ContactWithVerdict:
    """Return the contact with this email or id. Raises ConfigurationError if the state does not contain it."""
    contact_id = contacts.find_id(tx, email_or_id)
    row = verdicts.load(tx, contact_id) if contact_id is not None else None
    if row is None:
        raise ConfigurationError(
            f"The contact {email_or_id!r} is not in the state.",
            hint="Use the email address or the id from HubSpot. If the contact is new, run `sync-worker sync` first.",
        )
    return row


def _decay_json(decay: Decay) -> dict[str, Any]:
    return {
        "last_engagement": to_iso(decay.last_engagement),
        "grace_ends": to_iso(decay.grace_ends),
        "full_periods": decay.full_periods,
        "earned": float(decay.earned),
        "loss": float(decay.loss),
        "decayed": float(decay.decayed),
    }


def _events_json(line: ScoreLine) -> dict[str, Any]:
    return {"looked_at": [_event_json(event) for event in line.looked_at[:MAX_EVENTS_PER_LINE]]} if line.looked_at else {}


def _event_json(event: CountedEvent) -> dict[str, Any]:
    details = {"url": event.url, "form": event.form, "campaign": event.campaign, "name": event.name, "quarantine": event.quarantine}
    limits = {"outside_window": not event.inside_window, "above_daily_limit": event.above_daily_limit}
    shown = {name: value for name, value in details.items() if value is not None}
    return {"at": to_iso(event.at), **shown, **{name: True for name, holds in limits.items() if holds}}


def _change_json(change: VerdictChange | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {"at": to_iso(change.at), "score": change.score, "band": change.band, "mql": change.mql}
