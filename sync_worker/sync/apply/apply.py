"""Apply a plan in batches, and save the acknowledgments of HubSpot batch by batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, Self

from sqlalchemy import Connection

from sync_worker.batched import batched
from sync_worker.errors import NotFound
from sync_worker.hubspot.api.crm.write_session import WriteSession
from sync_worker.hubspot.client import HubSpot
from sync_worker.progress import Progress
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts
from sync_worker.store.writes import differences, memberships, rejections, undo_log
from sync_worker.store.writes.rejections import PROPERTIES, STAGE, Rejection, list_part
from sync_worker.store.writes.undo_log import Answer
from sync_worker.sync.apply.contact_batch import ContactBatchResult, write_batch
from sync_worker.sync.apply.contact_results import ContactResult, build_result
from sync_worker.sync.apply.list_members import ListMembers, build_missing_list_error
from sync_worker.sync.plan.plan import ContactChange, ListChange
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.timestamps import to_ms

BATCH_SIZE: Final = 100  # HubSpot's limit of contacts per call
MAX_WRITERS: Final = 64
DELETED_ANSWER: Final = Answer("the contact was deleted or merged", None)
RETRY_SECONDS: Final = (2.0, 4.0, 8.0)  # between the tries of a run


@dataclass(slots=True)
class Outcome:
    """The result of the applied changes."""

    written: int = 0
    stages: int = 0
    lists: dict[str, dict[str, int]] = field(default_factory=dict)
    rejections: dict[tuple[int, str], str] = field(default_factory=dict)  # (contact id, part) → reason
    deleted: int = 0  # contacts that were deleted or merged between read and write

    @property
    def rejected(self) -> list[tuple[int, str]]:
        """The rejected contacts with the reason; a contact is in it once for each rejected part."""
        return [(id_, reason) for (id_, _), reason in self.rejections.items()]


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
        clock: Callable[[], datetime],
        skip_reason: str | None = None,
    ) -> None:
        self._hubspot = hubspot
        self._store = store
        self._crm_schema = crm_schema
        self._now = now
        self._clock = clock
        self._run_id = run_id
        self._skip_reason = skip_reason
        self._max_in_flight = hubspot.budgets.burst.concurrency(minimum=in_flight, maximum=MAX_WRITERS)
        self._progress = progress
        self._pool = ThreadPoolExecutor(self._max_in_flight, thread_name_prefix="writer")
        self._pending_batches: deque[tuple[Sequence[ContactChange], Future[ContactBatchResult]]] = deque()
        self._in_flight_ids: set[int] = set()
        self._session = WriteSession()
        self._list_members = ListMembers(hubspot=hubspot, store=store, run_id=run_id, now=to_ms(now), session=self._session, clock=clock)
        self._retries: dict[int, ContactChange] = {}  # rejected for a temporary reason
        self._partly_written: set[int] = set()  # of these contacts
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
            self._pending_batches.append((batch, self._pool.submit(write_batch, self._hubspot.contacts, batch, self._session)))
        return len(new) == free

    def save_undo(self, changes: Sequence[ContactChange]) -> None:
        """Save the values that the changes replace."""
        if changes:
            with self._store.transaction() as tx:
                undo_log.save(tx, self._run_id, {change.id: change.before_after for change in changes}, at=to_ms(self._clock()))

    @property
    def in_flight_ids(self) -> Container[int]:
        """The contacts with changes in flight. A live view."""
        return self._in_flight_ids

    def finish(self) -> None:
        """Wait for all batches, and send again what was rejected for a temporary reason."""
        self._wait_for_all()
        for seconds in RETRY_SECONDS:
            changes = list(self._retries.values())
            self._retries.clear()
            if not changes or not self._session.take(-(-len(changes) // BATCH_SIZE)):
                return
            self._hubspot.pause(seconds)
            self.send(changes)
            self._wait_for_all()

    def _wait_for_all(self) -> None:
        while self._pending_batches:
            self._wait_for_oldest()
            self._collect_results()

    def apply_list_change(self, list_id: str, change: ListChange) -> None:
        """Add and remove the members of a list."""
        counted = self.outcome.lists.setdefault(change.name, {"added": 0, "removed": 0})
        part = list_part(change.key)
        try:
            for members in self._list_members.apply(list_id, change):
                counted["added"] += members.added
                counted["removed"] += members.removed
                self.outcome.rejections |= {(id_, part): reason for id_, reason in members.rejected.items()}
                self._progress.advance("list members", members.added + members.removed)
        except NotFound as error:
            if change.key in self._crm_schema.list_names:
                raise build_missing_list_error(change) from error
            with self._store.transaction() as tx:
                memberships.delete_list(tx, change.key)  # the list of a removed band: deleted equals empty

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
            self._save_outcome(tx, sent, [result for _, result in batches])
        self._in_flight_ids -= sent.keys()
        self._progress.advance("written", len(sent))

    def _save_outcome(self, tx: Connection, sent: Mapping[int, ContactChange], results: Sequence[ContactBatchResult]) -> None:
        deleted = [id_ for each in results for id_ in (*each.result.deleted, *each.result.merged_into)]
        found = [result for each in results for result in self._build_results(sent, each)]
        rows = [result.row for result in found if result.row]
        contacts.mark_deleted(tx, deleted)
        differences.save_acknowledged(tx, rows)
        for part in (PROPERTIES, STAGE):
            rejections.delete_part(tx, part, [result.change.id for result in found if part in result.accepted_parts])
        if self._skip_reason:
            rejections.suspend(tx, list(sent), reason=self._skip_reason, at=to_ms(self._now))
        rejected = [rejection for result in found for rejection in result.rejections]
        rejections.save(tx, rejected, at=to_ms(self._now))
        answers = {result.change.id: result.answers for result in found}
        answers |= {id_: dict.fromkeys(sent[id_].properties, DELETED_ANSWER) for id_ in deleted if id_ in sent}
        undo_log.save_answers(tx, self._run_id, answers, at=to_ms(self._clock()))
        self._count(found, rejected, deleted=len(deleted))

    def _build_results(self, sent: Mapping[int, ContactChange], batch: ContactBatchResult) -> Iterator[ContactResult]:
        written = batch.result
        for id_ in {**written.acknowledged, **written.rejected}:
            ack, causes = written.acknowledged.get(id_), written.rejected.get(id_, {})
            yield build_result(self._crm_schema, sent[id_], ack, causes, kept_stage=batch.kept_stages.get(id_))

    def _count(self, results: Sequence[ContactResult], rejected: Sequence[Rejection], *, deleted: int) -> None:
        """Add results to the outcome; a contact that is sent in parts counts once."""
        acknowledged = [result for result in results if result.row]
        self.outcome.written += sum(result.change.id not in self._partly_written for result in acknowledged)
        self.outcome.stages += sum(result.row is not None and result.row.stage_given is not None for result in acknowledged)
        self.outcome.deleted += deleted
        if self.outcome.rejections:
            for result in results:
                for part in result.accepted_parts:
                    self.outcome.rejections.pop((result.change.id, part), None)
        self.outcome.rejections |= {(rejection.contact_id, rejection.part): rejection.reason for rejection in rejected}
        for result in results:
            if retry := result.retry:
                self._retries[retry.id] = retry
                self._partly_written |= {retry.id} if result.row else set()
