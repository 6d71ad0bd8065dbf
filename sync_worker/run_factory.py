"""Builds the parts of a run from the settings, the state and the portal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from sync_worker.concurrency import StreamThreads
from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.api.bulk.polling import Poller
from sync_worker.hubspot.client import HubSpot
from sync_worker.model.compiled.facts import SUBSCRIPTIONS
from sync_worker.model.compiled.model import Model
from sync_worker.progress import Progress
from sync_worker.settings import Settings
from sync_worker.store import model_revisions, runs
from sync_worker.store.database import Store
from sync_worker.store.writes.hand_offs import TASK
from sync_worker.sync.apply.apply import Applier
from sync_worker.sync.apply.imports import Importer
from sync_worker.sync.approval import Approval
from sync_worker.sync.evaluate.evaluate import Evaluator
from sync_worker.sync.evaluate.shadow import build_shadow_evaluator
from sync_worker.sync.handoff.channel_delivery import DIGEST_AT, ChannelDelivery
from sync_worker.sync.handoff.channels import Channel
from sync_worker.sync.handoff.hand_off import HandOff
from sync_worker.sync.handoff.mql_message import MqlMessage
from sync_worker.sync.handoff.task_delivery import TaskDelivery
from sync_worker.sync.plan.mql_quota import MqlQuota
from sync_worker.sync.plan.mql_starts import MqlStarts
from sync_worker.sync.plan.plan import Scope, build_scope
from sync_worker.sync.plan.safety import Guard, SafetyLimits
from sync_worker.sync.plan.saved_plan import SavedPlan
from sync_worker.sync.portal import portal
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.portal.portal import PortalInfo
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.exports import BulkContext, ExportReader, Fallback
from sync_worker.sync.pull.pull import Pull
from sync_worker.sync.pull.row_mapper import RowMapper
from sync_worker.sync.retention import Retention
from sync_worker.sync.run import Run
from sync_worker.sync.run_report import RunReport
from sync_worker.sync.saved_plan_run import SavedPlanRun, record_plan
from sync_worker.sync.settlement import Settlement
from sync_worker.sync.undo import Undo, undo_skip_reason
from sync_worker.timestamps import to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFactory:
    """Builds the parts of a started run. `exit_stack` closes them when the run ends."""

    settings: Settings
    hubspot: HubSpot
    outputs: CrmSchema
    store: Store
    report: RunReport
    progress: Progress
    clock: Callable[[], datetime]
    min_bulk_records: int
    early_chunk_size: int
    max_backlog_pages: int | None
    exit_stack: ExitStack
    channels: Sequence[Channel] = ()  # of hand-offs, outside HubSpot
    threads: StreamThreads = field(default_factory=StreamThreads)  # created by the thread that owns the store

    def build_run(
        self,
        *,
        allow_large: bool = False,
        bulk: bool = False,
        approval: Approval | None = None,
        only_ids: frozenset[int] | None = None,
    ) -> Run:
        """Return the run; with an approval, it may change lists and stages; with `only_ids`, it changes only these contacts."""
        report, now = self.report, self.clock()
        bulk_context = self._build_bulk_context() if bulk else None
        guard = self._build_guard(disabled=allow_large)
        early = guard.allows_early_writes and not report.dry_run and not bulk
        portal_info = portal.load_or_fetch(self.store, self.hubspot, self.outputs, now, force_refresh=report.command == "backfill")
        hidden = portal_info.select_hidden_kinds(self.outputs.inputs.source_kinds)
        if portal_info.shows_occurrences and (unknown := portal.find_unknown_kinds(self.hubspot, self.outputs)):
            hidden |= unknown
            report.notes.append(f"The portal lacks events of the shadow model: {', '.join(sorted(unknown))}.")
        if portal_info.shows_occurrences and not portal_info.shows_page_views:
            report.notes.append("HubSpot counts page views and shows none of them, so its counters count instead.")
        report.not_visible = self._model.invisible_names(hidden)
        day_start = portal_info.day_start(now, self.settings.reevaluate_at)
        applier = None if report.dry_run else self._build_applier(now)
        scope = replace(self._build_scope(portal_info, now, approve=approval is not None), only_ids=only_ids)
        evaluator = Evaluator(
            model=self._model,
            crm_schema=self.outputs,
            hidden_kinds=hidden,
            now=now,
            valid_since=day_start,
            raise_if_stopped=self.hubspot.raise_if_closed,
        )
        shadow = build_shadow_evaluator(evaluator, self.outputs.shadow)
        mql_quota = MqlQuota(crm_schema=self.outputs, now=now, day_start=day_start)
        return Run(
            store=self.store,
            pull=self._build_pull(now, bulk_context, hidden),
            evaluator=evaluator,
            shadow=shadow,
            scope=scope,
            settlement=Settlement(evaluator=evaluator, shadow=shadow, mql_quota=mql_quota, scope=scope),
            retention=self._build_retention(),
            mql_quota=mql_quota,
            mql_starts=self._build_mql_starts(now, scope, approval),
            hand_off=self._build_hand_off(portal_info.day_start(now, DIGEST_AT)),
            guard=guard,
            applier=applier,
            importer=self._build_importer(bulk_context, applier) if bulk_context and applier else None,
            report=report,
            chunk_size=self.early_chunk_size,
            write_early=early,
            confirm_plan=partial(approval.save, self.store, scope, now) if approval else lambda: None,
        )

    def build_saved_plan_run(self, plan: SavedPlan, *, allow_large: bool) -> SavedPlanRun:
        """Return the run of a saved plan; raises ConfigurationError if the plan is of another portal."""
        run = self.build_run(allow_large=allow_large, only_ids=plan.contact_ids)
        if plan.portal != (portal_id := self._load_portal_id()):
            raise ConfigurationError(
                f"The plan is of portal {plan.portal}, and the token opens portal {portal_id}.",
                hint=f"Use the token of portal {plan.portal}.",
            )
        return SavedPlanRun(run=run, plan=plan, portal_id=portal_id)

    def record_plan(self, run: Run, *, names: bool) -> SavedPlan:
        """Execute a dry run and return its plan; with `names`, it has addresses."""
        return record_plan(run, portal_id=self._load_portal_id(), names=names)

    def _load_portal_id(self) -> int:
        known = portal.load(self.store)
        assert known is not None  # noqa: S101 -- the run has read the portal
        return known.id

    def build_undo(self, run: str) -> Undo:
        """Return the undo of a run."""
        now = self.clock()
        portal.load_or_fetch(self.store, self.hubspot, self.outputs, now, force_refresh=True)
        return Undo(
            hubspot=self.hubspot,
            store=self.store,
            crm_schema=self.outputs,
            applier=None if self.report.dry_run else self._build_applier(now, skip_reason=undo_skip_reason(run)),
            report=self.report,
            run_id=run,
            now_ms=to_ms(now),
        )

    def build_poller(self) -> Poller:
        """Return the poller for exports and imports; it renews the lease while it waits."""
        return Poller(timeout=timedelta(minutes=self.settings.bulk_minutes), heartbeat=self._renew_lease)

    def _renew_lease(self) -> None:
        self.threads.call(lambda: self.progress.advance("in bulk", 0))

    @property
    def _model(self) -> Model:
        return self.outputs.model

    def _build_applier(self, now: datetime, *, skip_reason: str | None = None) -> Applier:
        applier = Applier(
            self.hubspot,
            self.store,
            self.outputs,
            now,
            run_id=self.report.run_id,
            in_flight=self.settings.requests_in_flight,
            progress=self.progress,
            clock=self.clock,
            skip_reason=skip_reason,
        )
        # A callback, so that the report of a failed run also contains what was written.
        self.exit_stack.callback(self.report.add_outcome, applier.outcome)
        return self.exit_stack.enter_context(applier)

    def _build_importer(self, bulk_context: BulkContext, applier: Applier) -> Importer:
        return Importer(context=bulk_context, store=self.store, crm_schema=self.outputs, applier=applier, clock=self.clock)

    def _build_bulk_context(self) -> BulkContext:
        fallback = Fallback(notes=self.report.notes)
        return BulkContext(hubspot=self.hubspot, poller=self.build_poller(), fallback=fallback, min_size=self.min_bulk_records)

    def _build_mql_starts(self, now: datetime, scope: Scope, approval: Approval | None) -> MqlStarts:
        with self.store.transaction() as tx:
            is_first = approval is not None and not model_revisions.load_approved_models(tx)
        everyone = approval is not None and approval.hand_off_existing
        return MqlStarts(
            crm_schema=self.outputs,
            now=now,
            approved=scope.approved,
            channels=(*((TASK,) if self.settings.hand_off_tasks else ()), *(channel.id for channel in self.channels)),
            # The contacts that are MQLs at the first approval may be thousands.
            hand_off="all" if everyone else "none" if is_first else "new",
        )

    def _build_hand_off(self, digest_start: datetime) -> HandOff:
        settings, message = self.settings, MqlMessage(crm_schema=self.outputs, with_names=self.settings.hand_off_names)
        tasks = TaskDelivery(hubspot=self.hubspot, message=message, default_owner=settings.hand_off_owner, clock=self.clock)
        outside = [
            ChannelDelivery(
                hubspot=self.hubspot,
                message=message,
                channel=channel,
                digest_start=digest_start if settings.hand_off_digest == "daily" else None,
                clock=self.clock,
            )
            for channel in self.channels
        ]
        return HandOff(deliveries=(*((tasks,) if settings.hand_off_tasks else ()), *outside), clock=self.clock)

    def _build_retention(self) -> Retention:
        days, writes = self.settings.keep_events_days, max(self.settings.keep_undo_days, self.settings.keep_audit_days)
        return Retention(
            keep_events=timedelta(days=days) if days else None,
            keep_writes=timedelta(days=writes),
            keep_runs=timedelta(days=self.settings.keep_runs_days),
        )

    def _build_guard(self, *, disabled: bool) -> Guard:
        settings = self.settings
        with self.store.transaction() as tx:
            is_first = not runs.has_completed(tx, "backfill", "sync")
        limits = SafetyLimits(
            max_changed_share=settings.max_changed_share,
            max_new_mqls_share=settings.max_new_mqls_share,
            max_new_mqls=settings.max_new_mqls,
            min_contacts=settings.judged_from_contacts,
        )
        return Guard(limits=limits, is_first_run=is_first, disabled=disabled)

    def _build_pull(self, now: datetime, bulk_context: BulkContext | None, hidden_kinds: frozenset[str]) -> Pull:
        context = PullContext(
            hubspot=self.hubspot,
            store=self.store,
            row_mapper=RowMapper(crm_schema=self.outputs),
            now=now,
            overlap=timedelta(minutes=self.settings.overlap_minutes),
            late=timedelta(hours=self.settings.late_hours),
            readers=self.settings.requests_in_flight,
            progress=self.progress,
            clock=self.clock,
            threads=self.threads,
            keeps_all_events=self.settings.keep_events_days is None,
            event_cutoff=partial(self._build_retention().cutoff, models=self.outputs.models, now=now),
            notes=self.report.notes,
            counts=self.report.pulled,
            max_backlog_pages=self.max_backlog_pages,
            reads_subscriptions=SUBSCRIPTIONS in self.outputs.inputs.source_kinds - hidden_kinds,
        )
        export_reader = ExportReader(context=bulk_context, run_id=self.report.run_id) if bulk_context else None
        return Pull(context=context, export_reader=export_reader)

    def _build_scope(self, portal_facts: PortalInfo, now: datetime, *, approve: bool) -> Scope:
        with self.store.transaction() as tx:
            self.report.approved = approve or model_revisions.load_approval(tx, self._model.hash) is not None
        if self.report.approved:
            portal.locate_lists(self.store, self.hubspot, self.outputs)
        return build_scope(self.outputs, portal_facts.stages, now, approved=self.report.approved)
