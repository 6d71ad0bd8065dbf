"""The story of a run: pull → evaluate → plan → apply → remember."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from sync_worker.batched import batches
from sync_worker.concurrency import finished
from sync_worker.errors import BadRequest, ConfigurationError, Stop, UnsafePlan
from sync_worker.store import contacts as contact_store
from sync_worker.store import differences
from sync_worker.store.database import Store
from sync_worker.sync.apply.apply import Applier
from sync_worker.sync.apply.imports import Importer
from sync_worker.sync.evaluate.evaluate import Judge
from sync_worker.sync.plan.mql_quota import Doorkeeper
from sync_worker.sync.plan.plan import PAGE, ContactChange, Scope, contact_changes, list_changes, list_counts
from sync_worker.sync.plan.safety import Guard
from sync_worker.sync.pull.gdpr_deletions import forget_erased
from sync_worker.sync.pull.pull import Pull, Reading
from sync_worker.sync.report import RunReport
from sync_worker.sync.retention import Retention

EARLY: Final = 5_000  # contacts: soon enough that writing goes on beside most of the reading
BUSY: Final = 4  # times as many are read before they are judged, while others still come in


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything that one run needs, put together by `app`. A dry run has no applier.

    `early` lets contacts be judged and written while others are still being read; `chunk` are read first. `reading` is the reading of
    everybody where it is under way already.
    """

    store: Store
    pull: Pull
    judge: Judge
    scope: Scope
    doorkeeper: Doorkeeper
    guard: Guard
    retention: Retention
    applier: Applier | None
    report: RunReport
    importer: Importer | None = None  # where contacts are written in bulk: all at once, when all are known
    chunk: int = EARLY
    early: bool = False
    reading: Reading | None = None

    def everything(self) -> None:
        """Judge every contact; the first time, each chunk but for its MQLs is written while the next is being read."""
        judged: deque[Iterator[ContactChange]] = deque()
        happening = self.pull.what_they_did(self.judge.hidden, every_company=True)
        with closing(self.reading or self.pull.every_contact(written=self.early)) as everybody, closing(happening) as happened:
            # Nobody is judged before all that they did is known; until then contacts are read beside it, on the line before.
            read = [contact for _ in chain([()], happened) for contact in _ready(everybody)]
            for contacts in chain([()], everybody):
                read += contacts
                # While others come in they are stored: whoever is judged then keeps them waiting.
                if len(read) >= (BUSY if contacts else 1) * self.chunk:
                    self._judge_early(read, judged)
                    read = []
                self._offer(judged)
        self.pull.past(self.judge.hidden)
        if self.scope.approved:
            self.pull.members()
        if erased := forget_erased(self.pull.hubspot, self.store):
            self.report.pulled["erased"] = erased
            self.store.vacuum()
        self.known()

    def changes(self) -> None:
        """Judge who changed since the last run; everybody where there is no run to go on from."""
        if self.pull.go_on():
            finished(self.pull.what_they_did(self.judge.hidden, every_company=False))
            self.pull.changed_contacts()
            self.pull.past(self.judge.hidden)
            self.known()
        else:
            self.everything()

    def known(self) -> None:
        """Judge on what is known, and change what differs; nothing is read."""
        self.retention.tidy(self.store, self.judge.model, self.judge.now)
        self._judge()
        self.report.waiting = self.doorkeeper.admit(self.store)
        self._change_contacts()
        self._change_lists()

    def _judge_early(self, read: Sequence[int], judged: deque[Iterator[ContactChange]]) -> None:
        for some in batches(read, BUSY * self.chunk):
            self._judge(some)
            # Who becomes an MQL waits until all are: only then are they weighed, and is it known who is the best of the day.
            if self.early:
                judged.append(self._counted(self._changes(but_mqls=True, among=some)))
            elif not self.applier:
                self._count_off(some)
            self._offer(judged)

    def _offer(self, judged: deque[Iterator[ContactChange]]) -> None:
        # What has to wait for the pace waits here: the reading goes on meanwhile.
        while judged and self.applier and not self.applier.offer(judged[0]):
            judged.popleft()

    def _judge(self, among: Sequence[int] | None = None) -> None:
        self.report.evaluated += self.judge.judge_due(self.store, self.pull.progress, among=among)

    def _count_off(self, read: Sequence[int]) -> None:
        # Nobody waits for what is only counted; counting it in the end would keep everybody waiting.
        deque(self._counted(self._changes(but_mqls=True, among=read)), maxlen=0)
        with self.store.transaction() as tx:
            differences.mark_previewed(tx, read)

    def _change_contacts(self) -> None:
        begun = self.report.plan.contacts
        counted = self._counted(self._changes())
        few = list(islice(counted, PAGE))
        deque(counted, maxlen=0)
        self._weigh(begun=begun > 0)
        # Who differs is found by a look at everybody: few are kept, so that there is no second one.
        if few and (writer := self.importer or self.applier):
            writer.send(few if len(few) < PAGE else self._changes())

    def _changes(self, *, but_mqls: bool = False, among: Collection[int] | None = None) -> Iterator[ContactChange]:
        # What is only counted is never acknowledged, so what was counted is left out.
        underway = self.applier.underway if self.applier else ()
        return contact_changes(self.store, self.scope, but_mqls=but_mqls, but_counted=self.applier is None, but=underway, among=among)

    def _counted(self, changes: Iterable[ContactChange]) -> Iterator[ContactChange]:
        for change in changes:
            self.report.plan.count(change)
            yield change

    def _weigh(self, *, begun: bool) -> None:
        # All that is written follows from what has been judged by now, so all of it is known before the first call.
        plan = self.report.plan
        with self.store.transaction() as tx:
            joining = differences.count_to_add(tx, "mql") if self.scope.approved else 0
            if not (plan.mattering or plan.new_mqls or joining):
                return  # weighs nothing, of however many
            contacts = contact_store.count(tx)
        weight = {"contacts": contacts, "changed": plan.mattering, "new_mqls": max(plan.new_mqls, joining)}
        if not self.applier:
            self.report.unsafe = self.guard.objection(**weight)
            return
        try:
            self.guard.check(**weight, begun=begun)
        except UnsafePlan:
            if begun:  # as the refusal says: the others are written, also those whose turn had not come yet
                self.applier.send(self._changes(but_mqls=True))
                self.applier.finish()
            raise

    def _change_lists(self) -> None:
        if self.applier:
            self.applier.finish()
        if not self.scope.approved:
            self._withhold()
            return
        with self.store.transaction() as tx:
            ids = differences.load_list_ids(tx)
        failures: list[Stop] = []
        for change in list_changes(self.store, self.scope):
            self.report.plan.count_list(change)
            if self.applier:
                try:
                    self.applier.change_list(ids[change.key], change)
                except (ConfigurationError, BadRequest) as error:  # deleted or made dynamic: the other lists are in order
                    failures.append(error)
        if failures:
            raise failures[0]

    def _withhold(self) -> None:
        # What waits for the approval is counted alone: before the first one it is everybody, in every cycle.
        self.report.withheld |= {name: sum(counts.values()) for name, counts in list_counts(self.store, self.scope).items()}
        if self.scope.rule:
            with self.store.transaction() as tx:
                moves = differences.count_stage_changes(tx, self.scope.rule)
            self.report.withheld |= {"stages": moves} if moves else {}


def _ready(everybody: Iterator[Sequence[int]]) -> Iterator[int]:
    """Yield the contacts that have come in, until HubSpot has to be waited for."""
    for contacts in everybody:
        if not contacts:
            return
        yield from contacts
