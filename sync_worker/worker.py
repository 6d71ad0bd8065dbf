"""The composition root: builds a `Worker` from the settings, with one method per command. `run_factory.py` builds the parts of a run."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final, Self, TypeVar

import structlog
from pydantic import SecretStr

from sync_worker.errors import ConfigurationError, ModelError, StateBusy, StateError, SyncWorkerError
from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.rest import clock_skew, rate_limiter
from sync_worker.hubspot.rest.retry import RetryPolicy
from sync_worker.hubspot.rest.transport import Timeouts
from sync_worker.insight.live_verdicts import LiveVerdicts, load_live_verdicts
from sync_worker.insight.mqls.conversion import OutcomeReport, build_outcome_report
from sync_worker.insight.mqls.mql_cohort import MQL
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.insight.state_history import load_state_history, raise_if_unread
from sync_worker.model.compiled.loader import load
from sync_worker.model.compiled.model import Model
from sync_worker.model.diff import describe_changes
from sync_worker.output_file import check_output_file
from sync_worker.progress import Progress
from sync_worker.reports.audit import AuditSummary, export_audit
from sync_worker.reports.explain_contact import ContactExplanation, explain, find_contact
from sync_worker.reports.model_comparison import ModelComparison, compare, comparison_table
from sync_worker.reports.model_summary import ModelSummary, summarize_model
from sync_worker.reports.person_report import PersonReport, build_person_report
from sync_worker.reports.revision_log import RevisionLog, build_log
from sync_worker.reports.score_changes import ScoreChanges, build_score_changes
from sync_worker.reports.score_report import ScoreReport, build_report, save_report
from sync_worker.reports.state_figures import StateFigures, load_figures
from sync_worker.reports.status import RunSummary, WorkerStatus, build_status, load_runs
from sync_worker.run_factory import RunFactory
from sync_worker.settings import Settings
from sync_worker.store import database, erasure, leases, model_revisions
from sync_worker.store.backup import BackupSummary, create_backup, restore_backup, verify_backup
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts, coverage, stage_dates
from sync_worker.store.facts import feedback as feedback_store
from sync_worker.store.model_revisions import ModelRevision, RevisionKind
from sync_worker.store.reader import open_reader
from sync_worker.store.saved_state import (
    forgotten_contacts,
    hand_off_pauses,
    scan_state,
    service_control,
    service_cycle,
    service_health,
    unreadable,
)
from sync_worker.store.saved_state.service_cycle import CycleUsage, ServiceCycle
from sync_worker.store.saved_state.service_health import ServiceHealth
from sync_worker.store.writes import rejections
from sync_worker.sync import freshness
from sync_worker.sync.apply import pending_import
from sync_worker.sync.approval import Approval, find_report
from sync_worker.sync.evaluate.evaluate import Evaluator, evaluate_all
from sync_worker.sync.evaluate.shadow import build_shadow_evaluator
from sync_worker.sync.handoff.channels import Channel, open_channels
from sync_worker.sync.lease import Heartbeat, Lease, Process, acquire, raise_if_used
from sync_worker.sync.plan.contact_names import ContactName, ContactReport, read_names
from sync_worker.sync.plan.named_mqls import NamedMql, load_named_mqls
from sync_worker.sync.plan.plan import build_scope
from sync_worker.sync.plan.plan_file import read_plan, write_plan
from sync_worker.sync.plan.waiting_plan import WaitingPlan, load_waiting_plan
from sync_worker.sync.portal import portal
from sync_worker.sync.portal.draft_workflows import create_drafts, plan_drafts
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.portal.model_check import ModelCheck, check_model
from sync_worker.sync.portal.ownership import load_feedback, load_ownership, load_workflow_ids
from sync_worker.sync.portal.portal import PortalInfo
from sync_worker.sync.portal.portal_catalog import fetch_catalog
from sync_worker.sync.portal.preflight import PreflightReport, run_preflight
from sync_worker.sync.portal.setup import SetupPlan, apply_plan, plan_setup
from sync_worker.sync.pull.exports import MIN_BULK_SIZE
from sync_worker.sync.pull.records.cursors import last_full_scan
from sync_worker.sync.pull.records.outcomes import OutcomeReader, load_read_at
from sync_worker.sync.pull.resync import apply_resyncs, request_resync
from sync_worker.sync.retention import Retention
from sync_worker.sync.run import EARLY_CHUNK_SIZE
from sync_worker.sync.run_record import record_run
from sync_worker.sync.run_report import ErasureReport, RunReport
from sync_worker.timestamps import from_ms, to_ms, uptime

SERVICE_LEASE: Final = timedelta(minutes=2)  # the service renews it every 30 s
MAX_PAGE_NAMES: Final = 100  # contacts in one call
PAGE_TIMEOUTS: Final = Timeouts(connect=1, read=2, total=2)

log = structlog.get_logger()
ReportT = TypeVar("ReportT", bound=ContactReport)


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Worker:
    """The worker of one portal. Model, state and HubSpot client are created on first use."""

    settings: Settings
    clock: Callable[[], datetime] = utc_now
    progress: Progress = field(default_factory=Progress)
    connect_hubspot: Callable[..., HubSpot] = connect
    load_model: Callable[[Path], Model] = load
    min_bulk_records: int = MIN_BULK_SIZE
    early_chunk_size: int = EARLY_CHUNK_SIZE
    max_backlog_pages: int | None = None  # of changed contacts that one run reads; None: all
    uptime: Callable[[], float] = uptime
    open_channels: Callable[[Sequence[SecretStr]], Sequence[Channel]] = open_channels
    on_report: Callable[[RunReport], None] = lambda _: None  # gets the report of each run when it ends
    open_state: Callable[[str], Store] = database.open_store
    _exit_stack: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def model(self) -> Model:
        """Return the model; raises ModelError."""
        return self.load_model(self.settings.model)

    @cached_property
    def shadow(self) -> Model | None:
        """Return the shadow model, or None if none is set; raises ModelError."""
        if self.settings.shadow is None:
            return None
        try:
            return self.load_model(self.settings.shadow)
        except ModelError as error:
            raise ModelError(
                f"Shadow model: {error.message}", hint="Correct the file, or remove the setting `shadow` (SYNC_WORKER_SHADOW)."
            ) from error

    @cached_property
    def outputs(self) -> CrmSchema:
        """Return the properties and lists of the model in HubSpot, without those for feedback, and what the shadow model reads."""
        return replace(self._build_crm_schema(self.model), shadow=self.shadow)

    def _load_outputs(self) -> CrmSchema:
        """Return `outputs` with the properties for feedback, if `setup` was asked for them, maybe by another process."""
        return replace(self.outputs, feedback=load_feedback(self.store))

    @cached_property
    def channels(self) -> Sequence[Channel]:
        """Return the channels of hand-offs outside HubSpot; raises ConfigurationError if one cannot be used."""
        return self.open_channels(self.settings.hand_off_channels)

    @cached_property
    def store(self) -> Store:
        """Return the state; raises StateError."""
        store = self.open_state(self.settings.state_url)
        self._exit_stack.callback(store.close)
        return store

    @cached_property
    def hubspot(self) -> HubSpot:
        """Return the HubSpot client; raises ConfigurationError if no token is set."""
        hubspot = self._connect(Timeouts(total=self.settings.reply_seconds), RetryPolicy())
        self._exit_stack.callback(hubspot.close)
        return hubspot

    @property
    def is_connected(self) -> bool:
        """Return whether the HubSpot client was created."""
        return "hubspot" in vars(self)

    def _connect(self, timeouts: Timeouts, retry_policy: RetryPolicy) -> HubSpot:
        return self.connect_hubspot(
            token=self.settings.token,
            base_url=self.settings.base_url,
            api_version=self.settings.api_version,
            limits=rate_limiter.RateLimitSettings(reserve=self.settings.reserve),
            timeouts=timeouts,
            retry_policy=retry_policy,
            max_reply_bytes=self.settings.max_reply_megabytes << 20,
            tolerance=self._clock_tolerance,
        )

    @property
    def _clock_tolerance(self) -> timedelta:
        # The overlap behind every cursor compensates for a clock that is ahead; a wrong clock may use at most half of it.
        overlap = timedelta(minutes=self.settings.overlap_minutes)
        return max(min(overlap / 2, clock_skew.DEFAULT_TOLERANCE), timedelta(seconds=30))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._exit_stack.close()

    def close(self) -> None:
        """Close the state and the connections."""
        self._exit_stack.close()

    def copy(self, *, read_only: bool) -> Worker:
        """Return a worker with the same settings and models and its own connection to the state, for another thread."""
        models = {self.settings.model: self.model, self.settings.shadow: self.shadow}

        def find_model(path: Path) -> Model:
            return models.get(path) or self.load_model(path)

        open_state = open_reader if read_only else self.open_state
        return replace(self, progress=Progress(), load_model=find_model, open_state=open_state, _exit_stack=ExitStack())

    def interrupt(self) -> None:
        """Stop all waits for HubSpot; requests in flight are still acknowledged. Callable from any thread."""
        with suppress(ConfigurationError):  # without a token, there is no connection
            self.hubspot.close()

    # The service.

    @contextmanager
    def hold_service(self) -> Iterator[Lease]:
        """Check model, token, channels and state, and hold the lease of the service; any thread may renew it.

        Raises PortalBusy with the holder if another service runs on this state.
        """
        _ = self.outputs, self.hubspot, self.channels, self.store
        with ExitStack() as stack:
            store = database.open_store(self.settings.state_url)  # a connection for the threads that renew and release the lease
            stack.callback(store.close)
            run_id = secrets.token_hex(4)
            yield stack.enter_context(
                acquire(store, run_id, clock=self.clock, duration=SERVICE_LEASE, name=leases.SERVICE, uptime=self.uptime)
            )

    def release_leases(self) -> None:
        """Release the leases of this process, which is about to end. Callable from any thread."""
        with self.store.separate_transaction() as tx:
            leases.release_process(tx, Process.current().text)

    def save_health(self, error: str | None) -> None:
        """Save the last error of the service for `status`, with the time since when it has been degraded; None: it is healthy."""
        with suppress(StateError, StateBusy), self.store.transaction() as tx:
            known = service_health.load(tx)
            since = known.degraded_since if known else to_ms(self.clock())
            service_health.save(tx, ServiceHealth(degraded_since=since, error=error) if error else None)

    def save_cycle(self, seconds: int, reason: str, usage: CycleUsage) -> None:
        """Save the interval between the cycles of the service for `status`, and the calls that it is computed from."""
        with suppress(StateError, StateBusy), self.store.transaction() as tx:
            service_cycle.save(tx, ServiceCycle(seconds=seconds, reason=reason, usage=usage))

    def load_cycle_usage(self) -> CycleUsage:
        """Return the calls that the service has saved with its last interval."""
        with self.store.transaction() as tx:
            cycle = service_cycle.load(tx)
        return cycle.usage if cycle else CycleUsage()

    def daily_limit(self) -> int | None:
        """Return HubSpot's daily limit of calls, or None if no reply has shown it."""
        level = self.hubspot.budgets.levels().get("daily")
        return level.limit if level else None

    def pause_service(self) -> datetime:
        """Let the service on this state run no cycle until `resume_service`; return since when it is paused."""
        with self.store.transaction() as tx:
            since = service_control.load_pause(tx) or to_ms(self.clock())
            service_control.save_pause(tx, since)
        log.info("service.pause_requested")
        return from_ms(since)

    def resume_service(self) -> None:
        """End the pause of the service on this state."""
        with self.store.transaction() as tx:
            service_control.save_pause(tx, None)
        log.info("service.resume_requested")

    def load_pause(self) -> datetime | None:
        """Return since when the service on this state is paused, or None."""
        with self.store.transaction() as tx:
            since = service_control.load_pause(tx)
        return None if since is None else from_ms(since)

    def request_resync(self, stream: str, since: datetime) -> None:
        """Let the next run read a stream again from an instant. Raises ConfigurationError if the model does not read the stream."""
        with self.store.transaction() as tx:
            request_resync(tx, stream, to_ms(since), event_kinds=self.outputs.inputs.event_kinds)
        log.info("stream.resync_requested", stream=stream, since=since.isoformat())

    # Read-only commands.

    def check(self, *, draft_workflows: bool = False) -> PreflightReport:
        """Check token, scopes, plan, limits, model and setup of the portal; with `draft_workflows`, also the scope of workflows.

        Raises ConfigurationError if the state belongs to another portal: no other command would run.
        """
        _ = self.channels
        account = self.hubspot.account.read_details()
        portal.check_portal_id(self.store, account)
        with self.store.transaction() as tx:
            items = unreadable.load(tx)
        return run_preflight(
            self.hubspot,
            self._load_outputs(),
            self.clock(),
            account=account,
            own=load_ownership(self.store),
            unreadable=items,
            hand_off_tasks=self.settings.hand_off_tasks,
            draft_workflows=draft_workflows,
        )

    def read_portal(self) -> PortalInfo:
        """Read the facts of the portal from HubSpot; raises an error if the token is wrong or `setup` is missing."""
        return portal.load_or_fetch(self.store, self.hubspot, self._load_outputs(), self.clock(), force_refresh=True)

    def last_full_scan(self) -> datetime | None:
        """Return when the last complete full scan started."""
        with self.store.transaction() as tx:
            at = last_full_scan(tx)
        return None if at is None else from_ms(at)

    def figures(self) -> StateFigures:
        """Return the figures of the state for the metrics of the service."""
        return load_figures(self.store, self.outputs, self.clock())

    def status(self, *, max_age: timedelta | None = None) -> WorkerStatus:
        """Return the status from the state; with `max_age`, it is stale if no run has finished within that time and none is active."""
        return build_status(self.store, self.outputs, self.clock(), max_age=max_age)

    def load_runs(self, limit: int) -> list[RunSummary]:
        """Return the last runs, newest first."""
        return load_runs(self.store, limit)

    def read_names(self, contact_ids: Sequence[int]) -> Mapping[int, ContactName]:
        """Return the names of contacts for a page, by one call: as HubSpot shows them now, or addresses only if it does not answer soon.

        Contacts beyond the first `MAX_PAGE_NAMES` have addresses only.
        """
        with self.store.transaction() as tx:
            emails = contacts.load_emails(tx, contact_ids)
        addresses = {contact_id: ContactName(email=email) for contact_id, email in emails.items()}
        try:
            with self._connect(PAGE_TIMEOUTS, RetryPolicy(max_attempts=1, max_attempts_before_first_response=1)) as hubspot:
                return {**addresses, **read_names(hubspot, contact_ids[:MAX_PAGE_NAMES])}
        except SyncWorkerError as error:
            log.warning("names.not_read", reason=str(error))
            return addresses

    def find_contact(self, email_or_id: str) -> int:
        """Return the id of a contact. Raises ConfigurationError if the state does not contain it."""
        with self.store.transaction() as tx:
            return find_contact(tx, email_or_id).id

    def load_mqls(self) -> list[NamedMql]:
        """Return the MQLs of the state with their addresses, the highest score first."""
        with self.store.transaction() as tx:
            return load_named_mqls(tx, self.outputs.prefix)

    def load_waiting_plan(self) -> WaitingPlan:
        """Return what waits to be written, from the state alone; before the approval of the model, also what it would change."""
        portal_info = portal.load(self.store)
        scope = build_scope(self.outputs, portal_info.stages if portal_info else (), self.clock(), approved=True)
        return load_waiting_plan(self.store, scope)

    def load_scores(self) -> ScoreReport:
        """Return a report on the verdicts that the state has. It is not kept, so no approval can be based on it."""
        return build_report(self.store, self.outputs, portal.load(self.store), self.clock(), newly_evaluated=0)

    def report(self, *, with_details: bool = False) -> ScoreReport:
        """Report the scores of all contacts under the model, and keep the report. Contacts that are due are evaluated for it only.

        The details need an evaluation of all contacts.
        """
        now, portal_info = self.clock(), portal.load(self.store)
        with ExitStack() as stack:
            store, evaluated = self.store, 0
            evaluator = self._build_evaluator(portal_info, now) if portal_info else None
            shadow = build_shadow_evaluator(evaluator, self.shadow) if evaluator else None
            if evaluator and (evaluator.has_due(store) or (shadow and shadow.has_due(store))):
                store = self._open_dry_run_store(stack)
                evaluated = evaluator.evaluate_due(store, self.progress)
                if shadow:
                    shadow.evaluate_due(store, self.progress)
            report = build_report(store, self.outputs, portal_info, now, newly_evaluated=evaluated, with_details=with_details)
        if with_details:
            report = replace(report, outcomes=self._find_known_outcomes())
        if self.store.is_read_only:
            log.warning("report.not_kept", report=report.id, reason="the state is read-only; `approve` needs a report that is kept")
        else:
            save_report(self.store, report)
        log.info("report.made", report=report.id, model=report.model_hash, contacts=report.distribution.contacts)
        return report

    def add_names(self, report: ReportT) -> ReportT:
        """Return a report with the names of its contacts as HubSpot shows them now; with addresses only if HubSpot does not show them."""
        if not (ids := report.listed_ids):
            return report
        try:
            portal.check_portal_id(self.store, self.hubspot.account.read_details())
            return report.with_names(read_names(self.hubspot, ids))
        except SyncWorkerError as error:
            log.warning("names.not_read", reason=str(error))
            return report

    def outcomes(self, *, capacity: int | None = None, offline: bool = False) -> OutcomeReport:
        """Return what became of MQLs. Reads deals, lifecycle stages and earlier values of properties first, unless `offline`.

        Raises ConfigurationError if the state has no contacts, or if no contact has become an MQL.
        """
        self._raise_if_empty()
        notes: list[str] = []
        if not offline:
            reader = self._build_outcome_reader([self.model])
            notes = reader.read_outcomes()
            with self.store.transaction() as tx:
                mqls = stage_dates.find_contacts(tx, MQL)
            reader.read_histories(mqls)
        with self.store.transaction() as tx:
            answers = feedback_store.load_all(tx)
        return build_outcome_report(self.load_history([self.model]), self.model, capacity=capacity, notes=notes, answers=answers)

    def _find_known_outcomes(self) -> OutcomeReport | None:
        """Return what became of MQLs if `outcomes` has read it before."""
        with self.store.transaction() as tx:
            has_mqls = bool(stage_dates.find_contacts(tx, MQL))
        with suppress(ConfigurationError):  # the MQLs were deleted since
            return self.outcomes(offline=True) if has_mqls else None
        return None

    def read_history(self, models: Sequence[Model]) -> PortalHistory:
        """Read the outcomes and the earlier values of all contacts that changed from HubSpot; return the history of the portal."""
        reader = self._build_outcome_reader(models)
        reader.read_outcomes()
        reader.read_histories()
        return self.load_history(models)

    def load_history(self, models: Sequence[Model]) -> PortalHistory:
        """Return what the state knows of the portal, with the times at which it became known."""
        portal_info = portal.load(self.store)
        kinds = frozenset().union(*(model.source_kinds for model in models))
        hidden = portal_info.select_hidden_kinds(kinds) if portal_info else frozenset[str]()
        now = self.clock()
        with self.store.transaction() as tx:
            return load_state_history(
                tx,
                models,
                hidden,
                now,
                outcomes_read_at=load_read_at(tx),
                complete_since=self._retention.complete_since(models, self.outputs.models, now),
                deleted_before=self._retention.find_cutoffs(self.outputs.models, now),
            )

    @property
    def _retention(self) -> Retention:
        days = self.settings.keep_events_days
        return Retention(keep_events=timedelta(days=days) if days else None)

    def load_past(self, models: Sequence[Model], survey: Model | None = None) -> PortalHistory:
        """Return what the state knows of the past. `survey` names what else is loaded, if the state has it.

        Raises ConfigurationError if contacts, outcomes, or something that the models use have not been read.
        """
        self._raise_if_empty()
        for model in models:
            self._raise_if_unread(model)
        history = self.load_history([*models, survey] if survey else models)
        raise_if_unread(history)
        return history

    def _raise_if_empty(self) -> None:
        with self.store.transaction() as tx:
            if not contacts.count(tx):
                raise ConfigurationError("The state has no contacts.", hint="Run `sync-worker backfill` first.")

    def _raise_if_unread(self, model: Model) -> None:
        """Raise ConfigurationError if no run has read what a model uses: its criteria would count for no contact."""
        portal_info, kinds = portal.load(self.store), model.event_kinds - self.outputs.inputs.event_kinds
        with self.store.transaction() as tx:
            read, streams = scan_state.load_read_properties(tx), coverage.load_all(tx).keys()
        hidden = portal_info.select_hidden_kinds(kinds) if portal_info else frozenset()
        names = {*model.contact_properties, *(f"company.{name}" for name in model.company_properties)}.difference(read)
        if missing := sorted({*names, *(kinds - hidden - streams)}):
            raise ConfigurationError(
                f"{model.source}: no run has read what this model uses: {', '.join(missing)}.",
                hint="Set `shadow` to this file, so that the next run reads it; or use a portal folder (--portal).",
            )

    def compare_live(self, history: PortalHistory, horizon: timedelta) -> LiveVerdicts | None:
        """Compare the MQLs of the model with those of the shadow model as time went by; None without a shadow model or its MQLs."""
        if self.shadow is None:
            return None
        with self.store.transaction() as tx:
            return load_live_verdicts(tx, history, self.shadow.hash, horizon)

    def _build_outcome_reader(self, models: Sequence[Model]) -> OutcomeReader:
        portal.check_portal_id(self.store, self.hubspot.account.read_details())
        overlap = timedelta(minutes=self.settings.overlap_minutes)
        return OutcomeReader(
            hubspot=self.hubspot,
            store=self.store,
            models=models,
            now=self.clock(),
            overlap=overlap,
            progress=self.progress,
        )

    def _build_evaluator(self, portal_info: PortalInfo, now: datetime) -> Evaluator:
        return Evaluator(
            model=self.model,
            crm_schema=self.outputs,
            hidden_kinds=portal_info.select_hidden_kinds(self.outputs.inputs.source_kinds),
            now=now,
            valid_since=portal_info.day_start(now, self.settings.reevaluate_at),
        )

    def revision_log(self) -> RevisionLog:
        """Return the log of the model's revisions."""
        with self.store.transaction() as tx:
            return build_log(model_revisions.load_all(tx), feedback_store.load_all(tx))

    def explain(self, email_or_id: str, *, at: datetime | None = None, model_file: Path | None = None) -> ContactExplanation:
        """Explain the score and grade of a contact; optionally at another time or with another model."""
        outputs = self._build_crm_schema(self.load_model(model_file)) if model_file else self.outputs
        return explain(
            self.store,
            outputs,
            portal.load(self.store),
            email_or_id,
            now=self.clock(),
            at=at,
            retention=self._retention,
            state_models=self.outputs.models,
        )

    def trace_score(
        self, email_or_id: str, *, since: datetime, until: datetime | None = None, model_file: Path | None = None
    ) -> ScoreChanges:
        """Return what changed the score of a contact since a time, by default until now; optionally with another model."""
        outputs = self._build_crm_schema(self.load_model(model_file)) if model_file else self.outputs
        until = until or self.clock()
        return build_score_changes(self.store, outputs, portal.load(self.store), email_or_id, since=since, until=until)

    def audit(self, out: Path, *, since: datetime | None = None, run: str | None = None, email_or_id: str | None = None) -> AuditSummary:
        """Write every write to HubSpot to a .csv or .parquet file, from a time on, of one run or of one contact.

        Raises ConfigurationError for another file name, and if the run or the contact is not in the state.
        """
        with self.store.transaction() as tx:
            return export_audit(tx, out, since=since, run=run, email_or_id=email_or_id)

    def report_to_person(self, email_or_id: str, *, language: str | None = None) -> PersonReport:
        """Return what is known about a contact, how it was evaluated and what would change that; default language: that of the model."""
        return build_person_report(self.store, self.outputs, portal.load(self.store), email_or_id, now=self.clock(), language=language)

    def summarize_model(self, file: Path | None = None, *, check_portal: bool = False) -> ModelSummary:
        """Summarize a model file, by default the one of the settings; with `check_portal`, also how it fits the portal.

        Raises ModelError if the model is invalid, or if the portal lacks an object that the model names.
        """
        path = file or self.settings.model
        model = self.load_model(path)
        if not check_portal:
            return summarize_model(model, path)
        check = self._check_model(model)
        outputs = replace(self._build_crm_schema(model), feedback=load_feedback(self.store))
        plan = SetupPlan() if check.errors else plan_setup(self.hubspot, outputs, load_ownership(self.store))
        return summarize_model(model, path, check=check, setup_steps=plan.steps)

    def _build_crm_schema(self, model: Model) -> CrmSchema:
        return CrmSchema(model=model, prefix=self.settings.property_prefix)

    def _check_model(self, model: Model) -> ModelCheck:
        shows_occurrences = self.hubspot.event_occurrences.is_available()
        hidden = portal.read_hidden_kinds(self.hubspot, model, shows_occurrences=shows_occurrences)
        return check_model(model, hidden, fetch_catalog(self.hubspot, model, hidden))

    def compare(self, old: Path, new: Path) -> ModelComparison:
        """Compare two models: their changes in words, and their effect on the contacts in the state."""
        models = self.load_model(old), self.load_model(new)
        portal_info, at = portal.load(self.store), self.clock()
        hidden = [portal_info.select_hidden_kinds(model.source_kinds) if portal_info else frozenset() for model in models]
        tables = (comparison_table(evaluate_all(self.store, model, kinds, at)) for model, kinds in zip(models, hidden, strict=True))
        comparison = compare(describe_changes(*models), *tables)
        with self.store.transaction() as tx:
            return replace(comparison, emails=contacts.load_emails(tx, comparison.sample_ids))

    # Commands that write.

    def setup(
        self, *, dry_run: bool = False, take_over: bool = False, feedback: bool | None = None, draft_workflows: bool = False
    ) -> SetupPlan:
        """Create or update property group, properties and lists; return the changes.

        `feedback`: also the properties that sales reps fill in; None: as the last time. False keeps them in HubSpot and reads them no more.
        `draft_workflows`: also a workflow for each list, switched off, where HubSpot allows it.

        Raises ConfigurationError if the portal has objects of others with our names, unless `take_over`; a dry run returns them.
        """
        portal.check_portal_id(self.store, self.hubspot.account.read_details())
        outputs = self._load_outputs() if feedback is None else replace(self.outputs, feedback=feedback)
        plan = plan_setup(self.hubspot, outputs, load_ownership(self.store), take_over=take_over)
        if draft_workflows:
            plan = replace(plan, drafts=plan_drafts(self.hubspot, outputs, load_workflow_ids(self.store)))
        if not dry_run:
            apply_plan(plan, self.store, self.hubspot, outputs)
            now = self.clock()
            portal.load_or_fetch(self.store, self.hubspot, outputs, now, force_refresh=True, accept_downgrade=True)
            with self.store.transaction() as tx:
                rejections.clear(tx)  # an administrator may have fixed the cause by hand
                hand_off_pauses.clear(tx)
            if plan.drafts:
                plan = replace(plan, drafts=create_drafts(plan.drafts, self.store, self.hubspot))
        return plan

    def backfill(self, *, dry_run: bool = False, allow_large: bool = False, bulk: bool = False) -> RunReport:
        """Read, evaluate and write every contact once; resumes an interrupted backfill. `bulk` uses exports and imports.

        Raises UnsafePlan if the plan changes too much, unless `allow_large`.
        """
        return self._run("backfill", dry_run=dry_run, allow_large=allow_large, bulk=bulk)

    def sync(self, *, dry_run: bool = False, allow_large: bool = False) -> RunReport:
        """Read the changes since the last run, evaluate, write the differences. The first run is a full scan. Raises like `backfill`."""
        return self._run("sync", dry_run=dry_run, allow_large=allow_large)

    def plan(self, *, out: Path | None = None, names: bool = True) -> RunReport:
        """Return what the next `sync` would change; with `out`, save exactly these changes in a file, without addresses unless `names`.

        Raises ConfigurationError if the file cannot be written.
        """
        check_output_file(out)
        with self._start_run("sync", dry_run=True) as parts:
            run = parts.build_run()
            if out:
                write_plan(out, parts.record_plan(run, names=names))
            else:
                run.incremental()
            parts.report.unreadable = run.evaluator.parse_warnings.summarize()
        return parts.report

    def apply(self, file: Path, *, allow_large: bool = False, dry_run: bool = False) -> RunReport:
        """Carry out a saved plan, exactly and whole; if it was interrupted, its rest.

        Raises ConfigurationError if the file cannot be used, StalePlan if anything that the plan rests on has changed, and UnsafePlan if
        the plan changes too much, unless `allow_large`. This run then writes nothing.
        """
        plan = read_plan(file)
        with self._start_run("apply", dry_run=dry_run) as parts:
            parts.build_saved_plan_run(plan, allow_large=allow_large).execute()
        return parts.report

    def approve(
        self,
        note: str,
        *,
        author: str = "unknown",
        report_id: str | None = None,
        allow_large: bool = False,
        dry_run: bool = False,
        hand_off_existing: bool = False,
    ) -> RunReport:
        """Approve the model on the basis of a score report, and apply the pending changes of lists and lifecycle stages.

        Raises like `backfill`, and ReportRequired if there is no recent report of the model; the model is then not approved.
        """
        max_age = timedelta(days=self.settings.max_report_age_days)
        basis = find_report(self.store, self.model.hash, report_id, now=self.clock(), max_age=max_age)
        approval = Approval(author=author, note=note, report=basis, hand_off_existing=hand_off_existing)
        report = self._run("approve", allow_large=allow_large, approval=approval, dry_run=dry_run)
        if not dry_run:
            log.info("model.approved", model=self.model.hash, report=basis.id)
        return report

    def add_to_log(self, kind: RevisionKind, note: str, *, author: str) -> RevisionLog:
        """Add a note or a review to the log of the model, and return the log."""
        with self.store.transaction() as tx:
            model_revisions.append(tx, ModelRevision(at=to_ms(self.clock()), kind=kind, model=self.model.hash, author=author, note=note))
        log.info("model.review_recorded" if kind == "review" else "model.note_added", model=self.model.hash)
        return self.revision_log()

    def undo(self, run: str, *, dry_run: bool = False) -> RunReport:
        """Restore the values and list members that a run replaced, except where they have changed since.

        Raises ConfigurationError if the run does not exist.
        """
        with self._start_run("undo", dry_run=dry_run) as parts:
            parts.build_undo(run).execute()
        return parts.report

    def back_up(self, target: Path) -> BackupSummary:
        """Write a copy of the state to a new file; raises StateError."""
        return create_backup(self.settings.state_url, target)

    def verify_backup(self, file: Path) -> BackupSummary:
        """Check a backup; raises StateError if it is damaged."""
        return verify_backup(file)

    def restore(self, file: Path) -> BackupSummary:
        """Replace the state by a backup. Raises StateError, or PortalBusy if a run or the service uses the state."""
        verify_backup(file)
        with suppress(StateError), closing(database.open_store(self.settings.state_url)) as store:  # a damaged state has no holder
            raise_if_used(store, self.clock())
        summary = restore_backup(self.settings.state_url, file)
        log.info("state.restored", contacts=summary.contacts)
        return summary

    def forget(self, email_or_id: str) -> ErasureReport:
        """Delete all data of a contact from the state, also from the free pages of its file. HubSpot is not changed."""
        with acquire(self.store, secrets.token_hex(4), clock=self.clock, duration=timedelta(minutes=self.settings.lease_minutes)):
            with self.store.transaction() as tx:
                contact_id = contacts.find_id(tx, email_or_id)
                ids = erasure.find_merged_ids(tx, contact_id) if contact_id is not None else []
                emails = [] if email_or_id.isdecimal() else [email_or_id.strip().lower()]
                events = erasure.purge(tx, ids, emails)
                forgotten_contacts.add(tx, ids)
            self.store.vacuum()
        log.info("contact.forgotten", contacts=len(ids), events=events)
        return ErasureReport(contact_ids=ids, events=events)

    def _run(
        self, command: str, *, dry_run: bool = False, allow_large: bool = False, bulk: bool = False, approval: Approval | None = None
    ) -> RunReport:
        with self._start_run(command, dry_run=dry_run) as parts:
            if command != "approve" and not dry_run:
                self._apply_resyncs()
            run = parts.build_run(allow_large=allow_large, bulk=bulk, approval=approval)
            {"backfill": run.full, "sync": run.incremental, "approve": run.from_state}[command]()
            parts.report.unreadable = run.evaluator.parse_warnings.summarize()
            if command != "approve" and not dry_run:
                self._measure_freshness(parts.report)
        return parts.report

    def _apply_resyncs(self) -> None:
        with self.store.transaction() as tx:
            starts = apply_resyncs(tx)
        for stream, since in starts.items():
            log.info("stream.resync_begun", stream=stream, since=from_ms(since).isoformat())

    def _measure_freshness(self, report: RunReport) -> None:
        new_mqls, overlap = [mql.contact_id for mql in report.new_mqls], timedelta(minutes=self.settings.overlap_minutes)
        with self.store.transaction() as tx:
            report.freshness = freshness.measure(tx, new_mqls, overlap=overlap, now=self.clock())

    @contextmanager
    def _start_run(self, command: str, *, dry_run: bool) -> Iterator[RunFactory]:
        """Start a run with the lease of the portal; it leaves a row in `runs` and a log line, also after an error."""
        channels = self.channels
        with ExitStack() as stack:
            store = self._open_dry_run_store(stack) if dry_run else self.store
            report = RunReport(run_id=secrets.token_hex(4), command=command, dry_run=dry_run, model=self.model.hash)
            stack.callback(self.on_report, report)  # also after an error
            stack.enter_context(structlog.contextvars.bound_contextvars(run=report.run_id))
            with record_run(report, store, self.clock, self.hubspot.metrics), ExitStack() as run_stack:
                duration = timedelta(minutes=self.settings.lease_minutes)
                lease = run_stack.enter_context(acquire(store, report.run_id, clock=self.clock, duration=duration, uptime=self.uptime))
                run_stack.enter_context(self.hubspot.require_permit(lease.ensure))
                parts = RunFactory(
                    settings=self.settings,
                    hubspot=self.hubspot,
                    outputs=self._load_outputs(),
                    store=store,
                    report=report,
                    progress=Heartbeat(inner=self.progress, lease=lease),
                    clock=self.clock,
                    min_bulk_records=self.min_bulk_records,
                    early_chunk_size=self.early_chunk_size,
                    max_backlog_pages=self.max_backlog_pages,
                    exit_stack=run_stack,
                    channels=channels,
                )
                if not dry_run:
                    pending_import.wait_for_previous(self.hubspot.imports, store, parts.build_poller(), self.clock())
                yield parts

    def _open_dry_run_store(self, stack: ExitStack) -> Store:
        store = database.open_store(self.settings.state_url)
        stack.callback(store.close)
        store.begin_dry_run()
        return store


def build_worker(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    progress: Progress | None = None,
    connect_hubspot: Callable[..., HubSpot] = connect,
    load_model: Callable[[Path], Model] = load,
    min_bulk_records: int = MIN_BULK_SIZE,
    early_chunk_size: int = EARLY_CHUNK_SIZE,
    uptime: Callable[[], float] = uptime,
    open_channels: Callable[[Sequence[SecretStr]], Sequence[Channel]] = open_channels,
) -> Worker:
    """Return a worker; it opens no file and sends no request yet.

    `connect_hubspot`, `load_model` and `open_channels` replace the functions that they have as defaults in tests. With fewer than
    `min_bulk_records` records, `backfill --via bulk` uses the regular API. A first backfill writes in chunks of `early_chunk_size`
    contacts while it reads. `uptime` returns the seconds since the machine started.
    """
    return Worker(
        settings=settings,
        clock=clock,
        progress=progress or Progress(),
        connect_hubspot=connect_hubspot,
        load_model=load_model,
        min_bulk_records=min_bulk_records,
        early_chunk_size=early_chunk_size,
        uptime=uptime,
        open_channels=open_channels,
    )
