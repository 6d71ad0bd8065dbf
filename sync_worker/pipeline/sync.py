"""The story of a run: pull → evaluate → plan → apply → remember."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sync_worker.pipeline.apply import Applier, Outcome
from sync_worker.pipeline.evaluate import CHUNK, Judge
from sync_worker.pipeline.plan import ContactChange, Scope, contact_changes, list_changes
from sync_worker.pipeline.pull import Pull
from sync_worker.pipeline.report import RunReport
from sync_worker.store import standing
from sync_worker.store.database import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything that one run needs, put together by `app`. A dry run has no applier."""

    store: Store
    pull: Pull
    judge: Judge
    scope: Scope
    applier: Applier | None
    report: RunReport

    def everything(self) -> None:
        """Judge every contact; each chunk is written while the next is being read."""
        self.pull.events(self.judge.hidden)
        self.pull.companies(everything=True)
        waiting = 0
        for contacts in self.pull.every_contact():
            waiting += contacts
            if waiting >= CHUNK:
                waiting = 0
                self._judge()
                if self.applier:
                    self._change_contacts()
        if self.scope.approved:
            self.pull.members()
        self.known()

    def changes(self) -> None:
        """Judge who changed since the last run; everybody where there is no run to go on from."""
        if self.pull.can_go_on():
            self.pull.events(self.judge.hidden)
            self.pull.companies(everything=False)
            self.pull.changed_contacts()
            self.known()
        else:
            self.everything()

    def known(self) -> None:
        """Judge on what is known, and change what differs; nothing is read."""
        self._judge()
        self._change_contacts()
        self._change_lists()
        self.report.take_outcome(self.applier.outcome if self.applier else Outcome())

    def _judge(self) -> None:
        self.report.evaluated += self.judge.judge_due(self.store, self.pull.progress)

    def _change_contacts(self) -> None:
        changes = self._counted(contact_changes(self.store, self.scope))
        if self.applier:
            self.applier.send(changes)
        else:
            for _ in changes:
                pass

    def _counted(self, changes: Iterable[ContactChange]) -> Iterable[ContactChange]:
        for change in changes:
            if not (self.applier and self.applier.is_underway(change.id)):
                self.report.plan.count(change)
                yield change

    def _change_lists(self) -> None:
        if self.applier:
            self.applier.finish()
        with self.store.transaction() as tx:
            ids = standing.known_lists(tx)
        for change in list_changes(self.store, self.scope):
            if not self.scope.approved:
                self.report.withhold(change)
                continue
            self.report.plan.count_list(change)
            if self.applier:
                self.applier.change_list(ids[change.key], change)
        if self.scope.rule and not self.scope.approved:
            with self.store.transaction() as tx:
                moves = standing.count_moves(tx, self.scope.rule)
            self.report.withheld |= {"stages": moves} if moves else {}
