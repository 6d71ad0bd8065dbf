"""Carry a plan out in batches, and remember batch by batch what HubSpot acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, Self

import orjson
from sqlalchemy import Connection

from sync_worker.batched import batched
from sync_worker.errors import ConfigurationError, NotFound
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import WriteAck
from sync_worker.hubspot.rest.rate_limiter import Budget
from sync_worker.progress import Progress
from sync_worker.store import contacts, differences, memberships, rejections, undo_log
from sync_worker.store.database import Store
from sync_worker.store.differences import AcknowledgedContact
from sync_worker.store.rejections import Rejection
from sync_worker.sync.apply.contact_batch import ContactBatchResult, write_batch
from sync_worker.sync.plan.plan import STAGE_PROPERTY, ContactChange, ListChange
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.timestamps import to_ms

BATCH_SIZE: Final = 100  # HubSpot's own bound for contacts in one call
MAX_WRITERS: Final = 64
MEMBERSHIP_BATCH_SIZE: Final = 1_000  # ids in one membership call
RECREATE_LIST_HINT: Final = "Run `sync-worker setup`: it makes the list anew, and the next run fills it."
VALUE_ALTERED_REASON: Final = "HubSpot took the values and shows others; they are not sent again until they change."


@dataclass(slots=True)
class Outcome:
    """What came of the changes."""

    written: int = 0
    stages: int = 0
    lists: dict[str, dict[str, int]] = field(default_factory=dict)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    deleted: int = 0  # deleted or merged away between the reading and the writing

    def add(self, other: Outcome) -> None:
        """Add what came of other contacts."""
        self.written += other.written
        self.stages += other.stages
        self.rejected += other.rejected
        self.deleted += other.deleted


class Applier:
    """Sends batches side by side while the caller goes on; the caller's thread alone touches the store.

    At least `in_flight` batches are on the line at a time, more where HubSpot is far away. What the run `run` replaces is kept before it
    is sent. With `hold`, the contacts are not written again until something else
    is desired of them, for that reason.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        store: Store,
        crm_schema: CrmSchema,
        now: datetime,
        *,
        run_id: str,
        in_flight: int,
        progress: Progress,
        skip_reason: str | None = None,
    ) -> None:
        self._hubspot = hubspot
        self._store = store
        self._crm_schema = crm_schema
        self._now = now
        self._run_id = run_id
        self._skip_reason = skip_reason
        self._max_in_flight = hubspot.transport.rate_limiter.limiter(Budget.BURST).optimal_concurrency(
            minimum=in_flight, maximum=MAX_WRITERS
        )
        self._progress = progress
        self._pool = ThreadPoolExecutor(self._max_in_flight, thread_name_prefix="writer")
        self._pending_batches: deque[tuple[Sequence[ContactChange], Future[ContactBatchResult]]] = deque()
        self._in_flight_ids: set[int] = set()
        self.outcome = Outcome()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # What was sent is acknowledged even when the run ends early: HubSpot may have done it.
        self._pool.shutdown(wait=True, cancel_futures=True)
        answered = [sent for sent in self._pending_batches if not sent[1].cancelled() and sent[1].exception() is None]
        self._pending_batches.clear()
        self.save_results((batch, future.result()) for batch, future in answered)

    def send(self, changes: Iterable[ContactChange]) -> None:
        """Send changes in batches; waits while enough are under way."""
        rest = iter(changes)
        while self.submit(rest):
            self._wait_for_oldest()

    def submit(self, changes: Iterator[ContactChange]) -> bool:
        """Send of the changes what can be sent without waiting; tell whether there may be more."""
        self._collect_results()
        free = 2 * self._max_in_flight - len(self._pending_batches)
        new = list(islice(batched(changes, BATCH_SIZE), free))
        self.save_undo([change for batch in new for change in batch])
        for batch in new:
            self._in_flight_ids.update(change.id for change in batch)
            self._pending_batches.append((batch, self._pool.submit(write_batch, self._hubspot.contacts, batch)))
        return len(new) == free

    def save_undo(self, changes: Sequence[ContactChange]) -> None:
        """Keep what changes replace, before they are sent."""
        if changes:
            with self._store.transaction() as tx:
                undo_log.save(tx, self._run_id, {change.id: change.before_after for change in changes})

    @property
    def in_flight_ids(self) -> Container[int]:
        """The contacts whose changes were sent and are not acknowledged yet, at any time that it is looked into."""
        return self._in_flight_ids

    def finish(self) -> None:
        """Wait for every batch."""
        while self._pending_batches:
            self._wait_for_oldest()
            self._collect_results()

    def apply_list_change(self, list_id: str, change: ListChange) -> None:
        """Bring a list's members to what they should be."""
        counted = self.outcome.lists.setdefault(change.name, {"added": 0, "removed": 0})
        for add, remove in _member_batches(change):
            with self._store.transaction() as tx:
                undo_log.save_members(tx, self._run_id, change.key, added=add, removed=remove)
                memberships.save_pending(tx, change.key, add)
            try:
                answer = self._hubspot.lists.change_members(list_id, add=add, remove=remove)
            except NotFound as error:
                if change.key not in self._crm_schema.list_names:  # of a band that is no more: deleted is as good as empty
                    with self._store.transaction() as tx:
                        memberships.delete_list(tx, change.key)
                    return
                raise ConfigurationError(f"The list “{change.name}” is no longer in the portal.", hint=RECREATE_LIST_HINT) from error
            missing = answer.missing.intersection(add)
            with self._store.transaction() as tx:
                contacts.mark_deleted(tx, missing)
                memberships.save_changes(tx, change.key, added=[id_ for id_ in add if id_ not in missing], removed=[*remove, *missing])
            counted["added"] += len(add) - len(missing)
            counted["removed"] += len(remove)
            self._progress.advance("list members", len(add) + len(remove))

    def _wait_for_oldest(self) -> None:
        if self._pending_batches:
            wait([self._pending_batches[0][1]])

    def _collect_results(self) -> None:
        """Remember what has been answered by now, without waiting."""
        answered: list[tuple[Sequence[ContactChange], ContactBatchResult]] = []
        try:
            while self._pending_batches and self._pending_batches[0][1].done():
                batch, future = self._pending_batches.popleft()
                answered.append((batch, future.result()))
        finally:
            self.save_results(answered)

    def save_results(self, results: Iterable[tuple[Sequence[ContactChange], ContactBatchResult]]) -> None:
        """Remember what became of changes that were sent; every one of them is accounted for in its answer."""
        together = list(results)
        if not together:
            return
        sent = {change.id: change for batch, _ in together for change in batch}
        with self._store.transaction() as tx:
            outcome = self._save_outcome(tx, sent, [answer for _, answer in together])
        self._in_flight_ids -= sent.keys()
        self.outcome.add(outcome)
        self._progress.advance("written", len(sent))

    def _save_outcome(self, tx: Connection, sent: Mapping[int, ContactChange], results: Sequence[ContactBatchResult]) -> Outcome:
        done: list[AcknowledgedContact] = []
        gone: list[int] = []
        rejected: dict[int, str] = {}
        for answer in results:
            written = answer.result
            shown = [
                self._acknowledgement_row(sent[id_], taken, answer.kept_stages.get(id_)) for id_, taken in written.acknowledged.items()
            ]
            altered = {row.id: VALUE_ALTERED_REASON for row in shown if row.observed != sent[row.id].desired}
            refused = {
                id_: "; ".join(sorted(set(taken.rejected_properties.values())))
                for id_, taken in written.acknowledged.items()
                if taken.rejected_properties
            }
            done += shown
            gone += [*written.deleted, *written.merged_into]
            rejected |= {id_: reason for id_, reason in {**written.rejected, **altered, **refused}.items() if id_ not in written.deleted}
        contacts.mark_deleted(tx, gone)
        differences.save_acknowledged(tx, done)
        if self._skip_reason:
            rejections.suspend(tx, list(sent), reason=self._skip_reason, at=to_ms(self._now))
        rejections.save(tx, [self._rejection_row(sent[id_], reason) for id_, reason in rejected.items()])
        stages = sum(row.stage_given is not None for row in done)
        return Outcome(written=len(done), stages=stages, rejected=list(rejected.items()), deleted=len(gone))

    def _rejection_row(self, change: ContactChange, reason: str) -> Rejection:
        return Rejection(change.id, change.desired, reason, to_ms(self._now))

    def _acknowledgement_row(self, change: ContactChange, ack: WriteAck, kept_stage: str | None) -> AcknowledgedContact:
        if change.new_stage is None and ack.properties.items() <= change.values.items() and not ack.rejected_properties:  # nearly always
            return self._contact_row(change.id, change.desired, ack)
        # A reply names what it wrote; what it leaves out stands as it was sent, and what was refused as it was.
        answered = {**ack.properties, **{name: change.properties[name][0] for name in ack.rejected_properties}}
        ours = {name: answered.get(name, after) or "" for name, (_, after) in change.properties.items() if name != STAGE_PROPERTY}
        before = {name: value for name, value in orjson.loads(change.desired).items() if name not in ours}
        given = None if kept_stage or STAGE_PROPERTY in ack.rejected_properties else change.new_stage
        stage = kept_stage or ((answered.get(STAGE_PROPERTY) or given) if given else None)
        return self._contact_row(change.id, self._crm_schema.observed_json({**before, **ours}), ack, stage=stage, stage_given=given)

    def _contact_row(
        self, id_: int, observed: str, ack: WriteAck, *, stage: str | None = None, stage_given: str | None = None
    ) -> AcknowledgedContact:
        return AcknowledgedContact(id_, observed, stage, stage_given, to_ms(ack.updated_at))


def _member_batches(change: ListChange) -> Iterable[tuple[Sequence[int], Sequence[int]]]:
    yield from ((some, ()) for some in batched(change.add, MEMBERSHIP_BATCH_SIZE))
    yield from (((), some) for some in batched(change.remove, MEMBERSHIP_BATCH_SIZE))
