"""The steps of a run: pull → evaluate → plan → check → apply."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sync_worker.batched import batched
from sync_worker.errors import BadRequest, ConfigurationError, FatalError, Forbidden, UnsafePlan
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.facts import repairs
from sync_worker.store.saved_state import hand_off_pauses
from sync_worker.store.writes import differences, held_back, memberships, rejections
from sync_worker.sync.apply.apply import Applier
from sync_worker.sync.apply.imports import Importer
from sync_worker.sync.evaluate.evaluate import Evaluator
from sync_worker.sync.evaluate.shadow import ShadowEvaluator
from sync_worker.sync.handoff.hand_off import HandOff
from sync_worker.sync.plan.contact_names import ContactName
from sync_worker.sync.plan.mql_quota import MqlQuota
from sync_worker.sync.plan.mql_starts import MqlStarts
from sync_worker.sync.plan.named_mqls import load_named_mqls
from sync_worker.sync.plan.plan import PAGE_SIZE, ContactChange, ListChange, Scope, contact_changes, count_list_changes, list_changes
from sync_worker.sync.plan.safety import Guard
from sync_worker.sync.pull.pull import Pull
from sync_worker.sync.pull.records.gdpr_deletions import purge_gdpr_deleted
from sync_worker.sync.retention import Retention
from sync_worker.sync.run_report import RunReport
from sync_worker.sync.settlement import Settlement

EARLY_CHUNK_SIZE: Final = 5_000  # contacts; small enough that writes overlap with most of the reads
BUSY_CHUNK_FACTOR: Final = 4  # chunks that are evaluated at once while contacts still come in
IDLE_SECONDS: Final = 0.05  # seconds without a saved record after which the reads are idle


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run; run_factory.py builds its parts. A dry run has no applier.

    With `write_early`, contacts are evaluated and written in chunks of `chunk_size` while others are still read.
    """

    store: Store
    pull: Pull
    evaluator: Evaluator
    shadow: ShadowEvaluator | None
    scope: Scope
    mql_quota: MqlQuota
    mql_starts: MqlStarts
    hand_off: HandOff
    guard: Guard
    settlement: Settlement
    retention: Retention
    applier: Applier | None
    report: RunReport
    importer: Importer | None = None  # writes all contacts in bulk once all are evaluated
    chunk_size: int = EARLY_CHUNK_SIZE
    write_early: bool = False
    confirm_plan: Callable[[], None] = lambda: None  # called before the first write of a safe plan; may refuse it
    verify_plan: Callable[[], None] = lambda: None  # called before an MQL is admitted; refuses a saved plan that does not hold

    def full(self) -> None:
        """Evaluate all contacts. In the first backfill, each chunk except its new MQLs is written while the next is read.

        What HubSpot has rejected is tried again, unless the value itself was invalid.
        """
        self._read_full()
        self.from_state()

    def _read_full(self) -> None:
        with self.store.transaction() as tx:
            rejections.release(tx)
            if self.applier:
                hand_off_pauses.clear(tx)
        with self.report.steps.measure("read"):
            self._read_everything()

    def _read_everything(self) -> None:
        self._read_all()
        self.pull.changes_since_scan()
        self.pull.contacts_to_read_again()
        self.pull.page_view_history(self.evaluator.hidden_kinds)
        self.pull.reconcile(self.evaluator.hidden_kinds)
        if self.scope.approved:
            self.pull.list_members()
        if erased := purge_gdpr_deleted(self.pull.context.hubspot, self.store):
            self.report.pulled["erased"] = erased
            self.store.vacuum()

    def incremental(self) -> None:
        """Evaluate the contacts that changed since the last run, or all contacts if there is no run to resume from."""
        self.read()
        self.from_state(repeat=False)

    def read(self) -> None:
        """Read what changed since the last run, or everything if there is no run to resume from."""
        if self.pull.can_resume():
            self.read_changes()
        else:
            self._read_full()

    def read_changes(self) -> None:
        """Read the events and contacts that changed since the last run."""
        with self.report.steps.measure("read"):
            self.pull.events(self.evaluator.hidden_kinds)
            self.report.has_backlog = self.pull.recent_contacts()
            self.pull.contacts_to_read_again()
            self.pull.page_view_history(self.evaluator.hidden_kinds)
            self.pull.reconcile(self.evaluator.hidden_kinds)

    def from_state(self, *, repeat: bool = True) -> None:
        """Evaluate the contacts in the state, and write the differences, without a read from HubSpot.

        Without `repeat`, no plan is made if it would be the same as an earlier one that has left nothing to write.
        """
        self.retention.purge(self.store, self.scope.crm_schema.models, self.evaluator.now)
        failures: Sequence[FatalError] = ()
        if self.applier and not repeat and (settled := self.settlement.find(self.store)):
            self.report.withheld |= settled.withheld
        else:
            failures = self._carry_out_plan()
        if self.applier:
            self.report.hand_offs = self.hand_off.deliver(self.store, self.report.notes)
        self._report_held_back()
        self._name_samples()
        if failures:
            raise failures[0]
        if self.applier and self.scope.only_ids is None:  # otherwise, repairs wait for the next run
            with self.store.transaction() as tx:
                repairs.clear(tx)

    def _carry_out_plan(self) -> Sequence[FatalError]:
        """Evaluate, plan and write; return the errors of the lists that could not be changed."""
        changes = self.settlement.load_changes(self.store)
        self.evaluate()
        self._evaluate_shadow()
        self.verify_plan()
        self.report.waiting = self.mql_quota.admit(self.store)
        self.mql_starts.update(self.store)
        with self.report.steps.measure("write"):
            self._apply_contact_changes()
            failures = self._apply_list_changes()
        if self.applier and self.scope.only_ids is None and self.report.plan.is_empty:
            self.settlement.save(self.store, changes, self.report.withheld)
        return failures

    def _read_all(self) -> None:
        saved: list[int] = []
        pending_changes: deque[Iterator[ContactChange]] = deque()
        with self.pull.start_full_read(self.evaluator.hidden_kinds, saved.extend, interleave_writes=self.write_early) as read:
            for is_busy in read.threads.run_calls(IDLE_SECONDS):
                # No contact is evaluated before all events are read. Evaluation keeps incoming contacts waiting.
                if read.has_all_events and len(saved) >= (BUSY_CHUNK_FACTOR if is_busy else 1) * self.chunk_size:
                    self._evaluate_early(saved, pending_changes)
                self._send_ready(pending_changes)
        if len(saved) >= self.chunk_size:
            self._evaluate_early(saved, pending_changes)

    def _evaluate_early(self, saved: list[int], pending_changes: deque[Iterator[ContactChange]]) -> None:
        contact_ids = [*saved]
        saved.clear()
        for some in batched(contact_ids, BUSY_CHUNK_FACTOR * self.chunk_size):
            self.evaluate(some)
            # New MQLs are written last: the safety check and the daily MQL quota need all of them.
            if self.write_early:
                pending_changes.append(self._count_changes(self._contact_changes(exclude_mqls=True, only_ids=some)))
            elif not self.applier:
                self._count_preview(some)
            self._send_ready(pending_changes)

    def _send_ready(self, pending_changes: deque[Iterator[ContactChange]]) -> None:
        # Rate-limited writes wait in this queue while reads continue.
        with self.report.steps.measure("write"):
            while pending_changes and self.applier and not self.applier.submit(pending_changes[0]):
                pending_changes.popleft()

    def evaluate(self, only_ids: Sequence[int] | None = None) -> None:
        """Evaluate the contacts that are due, of all or of `only_ids`."""
        with self.report.steps.measure("evaluate"):
            self.report.evaluated += self.evaluator.evaluate_due(self.store, self.pull.context.progress, only_ids=only_ids)

    def _evaluate_shadow(self) -> None:
        if self.shadow and self.applier:  # a dry run shows only what would be written
            with self.report.steps.measure("evaluate"):
                self.shadow.evaluate_due(self.store, self.pull.context.progress)

    def _count_preview(self, contact_ids: Sequence[int]) -> None:
        # A preview counts changes while contacts are read; counting all of them at the end would take longer.
        deque(self._count_changes(self._contact_changes(exclude_mqls=True, only_ids=contact_ids)), maxlen=0)
        with self.store.transaction() as tx:
            differences.mark_previewed(tx, contact_ids)

    def _apply_contact_changes(self) -> None:
        written_before = self.report.plan.contacts
        counted = self._count_changes(self._contact_changes())
        first_changes = list(islice(counted, PAGE_SIZE))
        deque(counted, maxlen=0)
        self._check_safety(partially_written=written_before > 0)
        if self.applier:
            self.confirm_plan()
        # Finding the changes scans all contacts. Few changes are kept, so that no second scan is needed.
        if first_changes and (writer := self.importer or self.applier):
            writer.send(first_changes if len(first_changes) < PAGE_SIZE else self._contact_changes())

    def _contact_changes(self, *, exclude_mqls: bool = False, only_ids: Collection[int] | None = None) -> Iterator[ContactChange]:
        # A dry run acknowledges no change, so changes that were counted before are excluded.
        in_flight = self.applier.in_flight_ids if self.applier else ()
        return contact_changes(
            self.store,
            self.scope,
            exclude_mqls=exclude_mqls,
            exclude_counted=self.applier is None,
            exclude_ids=in_flight,
            only_ids=only_ids,
        )

    def _count_changes(self, changes: Iterable[ContactChange]) -> Iterator[ContactChange]:
        with self.store.transaction() as tx:
            repaired = repairs.load(tx)
        for change in changes:
            self.report.plan.add_contact_change(change, is_repair=change.id in repaired)
            yield change

    def _check_safety(self, *, partially_written: bool) -> None:
        # All contacts are evaluated by now, so the whole plan is known before its first write.
        plan = self.report.plan
        with self.store.transaction() as tx:
            new_members, unexpected_members = (
                memberships.count_to_add(tx, "mql", now=self.scope.now_ms, exclude_repairs=exclude) if self.scope.approved else 0
                for exclude in (False, True)
            )
            if not (plan.substantive or plan.new_mqls or new_members):
                return  # no limit applies
            contacts = contact_store.count(tx)
        weight = {
            "contacts": contacts,
            "changed": plan.substantive,
            "new_mqls": max(plan.new_mqls, new_members),
            "unexpected_mqls": max(plan.unexpected_mqls, unexpected_members),
        }
        if not self.applier:
            self.report.unsafe = self.guard.violation(**weight)
            return
        try:
            self.guard.check(**weight, partially_written=partially_written)
        except UnsafePlan:
            if partially_written:  # the refusal promises that all other changes are written
                self.applier.send(self._contact_changes(exclude_mqls=True))
                self.applier.finish()
            raise

    def _apply_list_changes(self) -> Sequence[FatalError]:
        """Apply the changes of all lists; return the errors of the lists that could not be changed."""
        if self.applier:
            self.applier.finish()
        if not self.scope.approved:
            self._report_pending_approval()
            return ()
        with self.store.transaction() as tx:
            ids = memberships.load_list_ids(tx)
        failures: list[FatalError] = []
        for change in list_changes(self.store, self.scope):
            self.report.plan.add_list_change(change)
            if change.key == "mql":
                self._name_new_mqls(change)
            if self.applier:
                try:
                    self.applier.apply_list_change(ids[change.key], change)
                except (
                    ConfigurationError,
                    BadRequest,
                    Forbidden,
                ) as error:  # deleted, dynamic or protected; the other lists can be changed
                    failures.append(error)
        return failures

    def _report_held_back(self) -> None:
        with self.store.transaction() as tx:
            lists = memberships.load_list_ids(tx) if self.scope.approved else ()
            self.report.held_back = held_back.load(tx, self.scope.active_stage_rule, lists)

    def _name_samples(self) -> None:
        with self.store.transaction() as tx:
            emails = contact_store.load_emails(tx, [change.id for change in self.report.plan.samples])
        self.report.plan.names = {id_: ContactName(email=email) for id_, email in emails.items()}

    def _name_new_mqls(self, change: ListChange) -> None:
        with self.store.transaction() as tx:
            self.report.new_mqls = load_named_mqls(tx, self.scope.crm_schema.prefix, only_ids=change.add)

    def _report_pending_approval(self) -> None:
        # Changes that wait for the approval are only counted: before the first approval they concern all contacts in every run.
        self.report.withheld |= {name: sum(counts.values()) for name, counts in count_list_changes(self.store, self.scope).items()}
        if self.scope.stage_rule:
            with self.store.transaction() as tx:
                moves = differences.count_stage_changes(tx, self.scope.stage_rule)
            self.report.withheld |= {"stages": moves} if moves else {}
