"""Apply a plan in batches, and save the acknowledgments of HubSpot batch by batch."""

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
from sync_worker.progress import Progress
from sync_worker.store import contacts, differences, memberships, rejections, undo_log
from sync_worker.store.database import Store
from sync_worker.store.differences import AcknowledgedContact
from sync_worker.store.rejections import Rejection
from sync_worker.sync.apply.contact_batch import ContactBatchResult, write_batch
from sync_worker.sync.plan.plan import STAGE_PROPERTY, ContactChange, ListChange
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.timestamps import to_ms

BATCH_SIZE: Final = 100  # HubSpot's limit of contacts per call
MAX_WRITERS: Final = 64
MEMBERSHIP_BATCH_SIZE: Final = 1_000
RECREATE_LIST_HINT: Final = "Run `sync-worker setup`; it recreates the list, and the next run fills it."
VALUE_ALTERED_REASON: Final = "HubSpot accepted the values and shows others; they are not sent again until they change."


@dataclass(slots=True)
class Outcome:
    """The result of the applied changes."""

    written: int = 0
    stages: int = 0
    lists: dict[str, dict[str, int]] = field(default_factory=dict)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    deleted: int = 0  # contacts that were deleted or merged between read and write

    def add(self, other: Outcome) -> None:
        """Add the result of other contacts."""
        self.written += other.written
        self.stages += other.stages
        self.rejected += other.rejected
        self.deleted += other.deleted


class Applier:
    """Sends batches in parallel while the caller continues. Only the caller's thread uses the store.

    At least `in_flight` batches are in flight at a time, more at a high latency. The values that the run replaces are saved before it
    sends the new ones. With `skip_reason`, the contacts are not written again, for that reason, until their desired values change.
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
        self._max_in_flight = hubspot.budgets.burst.concurrency(minimum=in_flight, maximum=MAX_WRITERS)
        self._progress = progress
        self._pool = ThreadPoolExecutor(self._max_in_flight, thread_name_prefix="writer")
        self._pending_batches: deque[tuple[Sequence[ContactChange], Future[ContactBatchResult]]] = deque()
        self._in_flight_ids: set[int] = set()
        self.outcome = Outcome()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Save acknowledgments even if the run ends early: HubSpot may have written the values.
        self._pool.shutdown(wait=True, cancel_futures=True)
        finished = [pending for pending in self._pending_batches if not pending[1].cancelled() and pending[1].exception() is None]
        self._pending_batches.clear()
        self.save_results((batch, future.result()) for batch, future in finished)

    def send(self, changes: Iterable[ContactChange]) -> None:
        """Send changes in batches. Waits while too many batches are in flight."""
        rest = iter(changes)
        while self.submit(rest):
            self._wait_for_oldest()

    def submit(self, changes: Iterator[ContactChange]) -> bool:
        """Send as many changes as possible without a wait. Return whether there may be more."""
        self._collect_results()
        free = 2 * self._max_in_flight - len(self._pending_batches)
        new = list(islice(batched(changes, BATCH_SIZE), free))
        self.save_undo([change for batch in new for change in batch])
        for batch in new:
            self._in_flight_ids.update(change.id for change in batch)
            self._pending_batches.append((batch, self._pool.submit(write_batch, self._hubspot.contacts, batch)))
        return len(new) == free

    def save_undo(self, changes: Sequence[ContactChange]) -> None:
        """Save the values that the changes replace."""
        if changes:
            with self._store.transaction() as tx:
                undo_log.save(tx, self._run_id, {change.id: change.before_after for change in changes})

    @property
    def in_flight_ids(self) -> Container[int]:
        """The contacts with changes in flight. A live view."""
        return self._in_flight_ids

    def finish(self) -> None:
        """Wait for all batches."""
        while self._pending_batches:
            self._wait_for_oldest()
            self._collect_results()

    def apply_list_change(self, list_id: str, change: ListChange) -> None:
        """Add and remove the members of a list."""
        counted = self.outcome.lists.setdefault(change.name, {"added": 0, "removed": 0})
        for add, remove in _member_batches(change):
            with self._store.transaction() as tx:
                undo_log.save_members(tx, self._run_id, change.key, added=add, removed=remove)
                memberships.save_pending(tx, change.key, add)
            try:
                result = self._hubspot.lists.change_members(list_id, add=add, remove=remove)
            except NotFound as error:
                if change.key not in self._crm_schema.list_names:  # the list of a removed band: deleted equals empty
                    with self._store.transaction() as tx:
                        memberships.delete_list(tx, change.key)
                    return
                raise ConfigurationError(f"The list “{change.name}” is no longer in the portal.", hint=RECREATE_LIST_HINT) from error
            missing = result.missing.intersection(add)
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
        """Save the results that have arrived, without a wait."""
        finished: list[tuple[Sequence[ContactChange], ContactBatchResult]] = []
        try:
            while self._pending_batches and self._pending_batches[0][1].done():
                batch, future = self._pending_batches.popleft()
                finished.append((batch, future.result()))
        finally:
            self.save_results(finished)

    def save_results(self, results: Iterable[tuple[Sequence[ContactChange], ContactBatchResult]]) -> None:
        """Save the results of changes that were sent. Each result covers all changes of its batch."""
        batches = list(results)
        if not batches:
            return
        sent = {change.id: change for batch, _ in batches for change in batch}
        with self._store.transaction() as tx:
            outcome = self._save_outcome(tx, sent, [result for _, result in batches])
        self._in_flight_ids -= sent.keys()
        self.outcome.add(outcome)
        self._progress.advance("written", len(sent))

    def _save_outcome(self, tx: Connection, sent: Mapping[int, ContactChange], results: Sequence[ContactBatchResult]) -> Outcome:
        acknowledged: list[AcknowledgedContact] = []
        deleted: list[int] = []
        rejected: dict[int, str] = {}
        for batch in results:
            written = batch.result
            rows = [self._acknowledgment_row(sent[id_], ack, batch.kept_stages.get(id_)) for id_, ack in written.acknowledged.items()]
            altered = {row.id: VALUE_ALTERED_REASON for row in rows if row.observed != sent[row.id].desired}
            incomplete = {
                id_: "; ".join(sorted(set(ack.rejected_properties.values())))
                for id_, ack in written.acknowledged.items()
                if ack.rejected_properties
            }
            acknowledged += rows
            deleted += [*written.deleted, *written.merged_into]
            rejected |= {id_: reason for id_, reason in {**written.rejected, **altered, **incomplete}.items() if id_ not in written.deleted}
        contacts.mark_deleted(tx, deleted)
        differences.save_acknowledged(tx, acknowledged)
        if self._skip_reason:
            rejections.suspend(tx, list(sent), reason=self._skip_reason, at=to_ms(self._now))
        rejections.save(tx, [self._rejection_row(sent[id_], reason) for id_, reason in rejected.items()])
        stages = sum(row.stage_given is not None for row in acknowledged)
        return Outcome(written=len(acknowledged), stages=stages, rejected=list(rejected.items()), deleted=len(deleted))

    def _rejection_row(self, change: ContactChange, reason: str) -> Rejection:
        return Rejection(change.id, change.desired, reason, to_ms(self._now))

    def _acknowledgment_row(self, change: ContactChange, ack: WriteAck, kept_stage: str | None) -> AcknowledgedContact:
        if change.new_stage is None and ack.properties.items() <= change.values.items() and not ack.rejected_properties:  # the usual case
            return AcknowledgedContact(change.id, change.desired, None, None, to_ms(ack.updated_at))
        # Properties that the reply omits have the sent value; rejected ones have the old value.
        returned = {**ack.properties, **{name: change.properties[name][0] for name in ack.rejected_properties}}
        ours = {name: returned.get(name, after) or "" for name, (_, after) in change.properties.items() if name != STAGE_PROPERTY}
        unchanged = {name: value for name, value in orjson.loads(change.desired).items() if name not in ours}
        given = None if kept_stage or STAGE_PROPERTY in ack.rejected_properties else change.new_stage
        stage = kept_stage or ((returned.get(STAGE_PROPERTY) or given) if given else None)
        return AcknowledgedContact(change.id, self._crm_schema.observed_json({**unchanged, **ours}), stage, given, to_ms(ack.updated_at))


def _member_batches(change: ListChange) -> Iterable[tuple[Sequence[int], Sequence[int]]]:
    yield from ((batch, ()) for batch in batched(change.add, MEMBERSHIP_BATCH_SIZE))
    yield from (((), batch) for batch in batched(change.remove, MEMBERSHIP_BATCH_SIZE))
