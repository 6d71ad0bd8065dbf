"""Preflight check: token, portal, scopes, plan, limits, model. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.errors import ExitCode, Forbidden
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import AccountDetails, DailyUsage
from sync_worker.model.compiled.model import Model
from sync_worker.store.saved_state.unreadable import UnreadableItem
from sync_worker.sync.portal.hidden_kinds import PAGE_VIEW
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.portal.model_check import check_model
from sync_worker.sync.portal.ownership import Ownership, SetupConflict
from sync_worker.sync.portal.portal import read_hidden_kinds
from sync_worker.sync.portal.portal_catalog import fetch_catalog
from sync_worker.sync.portal.setup import SetupPlan, SetupStep, plan_setup

WRITE_SCOPES: Final = {
    "write contacts": "crm.objects.contacts.write",
    "write contact properties": "crm.schemas.contacts.write",
    "write lists": "crm.lists.write",
}
STARTER_BURST_LIMIT: Final = 100  # requests in ten seconds; Professional and Enterprise allow more


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessCheck:
    """Whether the token may read a resource that the worker needs."""

    resource: str
    granted: bool
    reason: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it for `--json`."""
        return {"what": self.resource, "granted": self.granted, "why": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSummary:
    """The rate limits of the portal, and the use of the daily one where HubSpot shows it."""

    per_10_seconds: int
    daily: DailyUsage | None

    def as_json(self) -> dict[str, object]:
        """Return the limits for `--json`."""
        usage = self.daily
        return {
            "per_10_seconds": self.per_10_seconds,
            "daily": usage.limit if usage else None,
            "used_today": usage.used if usage else None,
            "resets_at": usage.resets_at.isoformat() if usage and usage.resets_at else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFit:
    """The model and its fit with the portal. `maximum` and `reachable` are points."""

    name: str
    hash: str
    maximum: float
    reachable: float
    not_visible: tuple[str, ...]
    unreachable_criteria: tuple[str, ...]
    warnings: tuple[str, ...]
    errors: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return the summary for `--json`."""
        return {
            "name": self.name,
            "hash": self.hash,
            "maximum": self.maximum,
            "reachable": self.reachable,
            "not_visible": list(self.not_visible),
            "unmet": list(self.unreachable_criteria),
            "warnings": list(self.warnings),
            "misfits": list(self.errors),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightReport:
    """The findings of a check."""

    portal: AccountDetails
    tier: str
    limits: LimitsSummary
    access: tuple[AccessCheck, ...]
    bulk: tuple[AccessCheck, ...]  # optional, for `backfill --via bulk`
    outcomes: AccessCheck  # optional, for `outcomes` and backtests on the state
    subscriptions: AccessCheck | None  # optional: without it, criteria on subscriptions are not visible; None if the model has none
    workflows: AccessCheck | None  # optional: for `setup --draft-workflows`; None if it was not asked for
    model: ModelFit
    shadow: ModelFit | None  # of the shadow model; None: no shadow model is set
    setup: tuple[SetupStep, ...]
    conflicts: tuple[SetupConflict, ...] = ()  # objects of others, which `setup` would refuse to change

    @property
    def exit_code(self) -> ExitCode:
        """Return REFUSED if a required resource cannot be read, and USAGE if `setup` would refuse."""
        if not all(access.granted for access in self.access):
            return ExitCode.REFUSED
        return ExitCode.USAGE if self.conflicts else ExitCode.DONE

    def as_json(self) -> dict[str, object]:
        """Return the findings for `--json`."""
        portal = self.portal
        return {
            "portal": {"id": portal.portal_id, "name": portal.name, "kind": portal.account_type, "time_zone": portal.time_zone},
            "tier": self.tier,
            "limits": self.limits.as_json(),
            "access": [access.as_json() for access in self.access],
            "bulk": [access.as_json() for access in self.bulk],
            "outcomes": self.outcomes.as_json(),
            "subscriptions": self.subscriptions.as_json() if self.subscriptions else None,
            "workflows": self.workflows.as_json() if self.workflows else None,
            "model": self.model.as_json(),
            "shadow": self.shadow.as_json() if self.shadow else None,
            "setup": [step.as_json() for step in self.setup],
            "conflicts": [conflict.as_json() for conflict in self.conflicts],
            "exit_code": int(self.exit_code),
        }


def run_preflight(
    hubspot: HubSpot,
    crm_schema: CrmSchema,
    now: datetime,
    *,
    account: AccountDetails,
    own: Ownership,
    unreadable: Sequence[UnreadableItem] = (),
    hand_off_tasks: bool = False,
    draft_workflows: bool = False,
) -> PreflightReport:
    """Read a little of every resource that the worker needs. `unreadable` are the items that the last run could not read."""
    model = crm_schema.model
    probes = _access_probes(hubspot, crm_schema, now)
    if hand_off_tasks:
        probes += [("owners", hubspot.owners.list_active), ("tasks", hubspot.tasks.check_access)]
    access = tuple(_probe(resource, request) for resource, request in probes)
    writes = _check_write_scopes(hubspot.access_token.read_scopes())
    occurrences = hubspot.event_occurrences.is_available()
    hidden = read_hidden_kinds(hubspot, model, shows_occurrences=occurrences)
    is_enterprise = occurrences and PAGE_VIEW not in hidden
    burst = hubspot.budgets.burst.limit
    readable = all(each.granted for each in access)
    setup = plan_setup(hubspot, crm_schema, own) if readable else SetupPlan()
    return PreflightReport(
        portal=account,
        tier="enterprise" if is_enterprise else "starter or free" if burst <= STARTER_BURST_LIMIT else "professional",
        limits=LimitsSummary(per_10_seconds=burst, daily=hubspot.account.read_daily_usage()),
        access=(*access, *writes),
        bulk=(_probe("exports", hubspot.exports.check_access), _probe("imports", hubspot.imports.check_access)),
        outcomes=_probe("deals", lambda: hubspot.deals.list_from_id(0, (), limit=1)),
        subscriptions=_probe("subscriptions", hubspot.subscriptions.check_access) if crm_schema.inputs.uses_subscriptions else None,
        workflows=_probe("workflows", hubspot.workflows.check_access) if draft_workflows else None,
        model=_check_fit(hubspot, model, hidden, unreadable, readable=readable),
        shadow=_check_shadow(hubspot, crm_schema.shadow, occurrences=occurrences, readable=readable) if crm_schema.shadow else None,
        setup=tuple(setup.steps),
        conflicts=tuple(setup.conflicts),
    )


def _check_shadow(hubspot: HubSpot, shadow: Model, *, occurrences: bool, readable: bool) -> ModelFit:
    hidden = read_hidden_kinds(hubspot, shadow, shows_occurrences=occurrences)
    return _check_fit(hubspot, shadow, hidden, (), readable=readable)


def _check_fit(hubspot: HubSpot, model: Model, hidden: frozenset[str], unreadable: Sequence[UnreadableItem], *, readable: bool) -> ModelFit:
    model_check = check_model(model, hidden, fetch_catalog(hubspot, model, hidden) if readable else None)
    return ModelFit(
        name=model.document.name,
        hash=model.hash,
        maximum=float(model.maximum),
        reachable=float(model_check.reachable_score),
        not_visible=(*model_check.not_visible, *map(str, unreadable)),
        unreachable_criteria=model_check.unreachable_criteria,
        warnings=(*model.warnings, *model_check.warnings),
        errors=model_check.errors,
    )


def _access_probes(hubspot: HubSpot, crm_schema: CrmSchema, now: datetime) -> list[tuple[str, Callable[[], object]]]:
    kinds = crm_schema.inputs.event_kinds
    start = now - timedelta(minutes=1)
    probes: list[tuple[str, Callable[[], object]]] = [
        ("contacts", lambda: hubspot.contacts.list_from_id(0, (), limit=1)),
        ("contact properties", lambda: hubspot.properties.list_all("contacts")),
        ("lists", lambda: hubspot.lists.find_by_name(crm_schema.list_names["mql"])),
    ]
    if crm_schema.inputs.company_properties:
        probes.append(("companies", lambda: hubspot.companies.list_from_id(0, (), limit=1)))
    if kinds & {"email_click", "email_open"}:
        probes.append(("email events", lambda: hubspot.email_events.read_page("CLICK", start, now, limit=1)))
    if "form_submission" in kinds:
        probes.append(("forms", hubspot.forms.list_all))
    if "webinar" in kinds:
        probes.append(("marketing events", lambda: hubspot.marketing_events.read_page(limit=1)))
    return probes


def _check_write_scopes(scopes: Collection[str] | None) -> tuple[AccessCheck, ...]:
    """Return whether the token may write; nothing if HubSpot does not show its scopes."""
    if scopes is None:
        return ()
    missing = {scope: f"The token lacks the scope {scope}. Add it to the private app or service key." for scope in WRITE_SCOPES.values()}
    return tuple(
        AccessCheck(resource=resource, granted=scope in scopes, reason="" if scope in scopes else missing[scope])
        for resource, scope in WRITE_SCOPES.items()
    )


def _probe(resource: str, request: Callable[[], object]) -> AccessCheck:
    try:
        request()
    except Forbidden as error:
        return AccessCheck(resource=resource, granted=False, reason=str(error))
    return AccessCheck(resource=resource, granted=True)
