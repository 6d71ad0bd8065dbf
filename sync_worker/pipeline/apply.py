"""Carry a plan out in batches, and remember batch by batch what HubSpot acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final, Self

import orjson

from sync_worker.errors import ConfigurationError, NotFound
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records import Acknowledged
from sync_worker.instants import to_ms
from sync_worker.pipeline.outputs import Outputs
from sync_worker.pipeline.plan import STAGE, ContactChange, ListChange
from sync_worker.pipeline.progress import Progress
from sync_worker.pipeline.writing import Sent, write
from sync_worker.store import people, replaced, standing
from sync_worker.store.database import Store

BATCH: Final = 100  # HubSpot's own bound for contacts in one call
MEMBERS: Final = 1_000  # ids in one membership call
MAKE_ANEW: Final = "Run `sync-worker setup`: it makes the list anew, and the next run fills it."
ALTERED: Final = "HubSpot took the values and shows others; they are not sent again until they change."


@dataclass(slots=True)
class Outcome:
    """What came of the changes."""

    written: int = 0
    stages: int = 0
    lists: dict[str, dict[str, int]] = field(default_factory=dict)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    gone: int = 0  # deleted or merged away between the reading and the writing


class Applier:
    """Sends batches side by side while the caller goes on; the caller's thread alone touches the store.

    What the run `run` replaces is kept before it is sent. With `hold`, the contacts are not written again until something else
    is desired of them, for that reason.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        store: Store,
        outputs: Outputs,
        now: datetime,
        *,
        run: str,
        in_flight: int,
        progress: Progress,
        hold: str | None = None,
    ) -> None:
        self._hubspot = hubspot
        self._store = store
        self._outputs = outputs
        self._now = now
        self._run = run
        self._hold = hold
        self._in_flight = in_flight
        self._progress = progress
        self._pool = ThreadPoolExecutor(in_flight, thread_name_prefix="writer")
        self._sent: deque[tuple[Sequence[ContactChange], Future[Sent]]] = deque()
        self._underway: set[int] = set()
        self.outcome = Outcome()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # What was sent is acknowledged even when the run ends early: HubSpot may have done it.
        self._pool.shutdown(wait=True, cancel_futures=True)
        while self._sent:
            batch, future = self._sent.popleft()
            if future.done() and not future.cancelled() and future.exception() is None:
                self.remember(batch, future.result())

    def send(self, changes: Iterable[ContactChange]) -> None:
        """Send changes in batches; waits while enough are under way."""
        new = iter(changes)
        while batch := tuple(islice(new, BATCH)):
            while len(self._sent) >= 2 * self._in_flight:
                self._take()
            self._underway.update(change.id for change in batch)
            self.announce(batch)
            self._sent.append((batch, self._pool.submit(write, self._hubspot.contacts, batch)))
            self.collect()

    def offer(self, changes: Iterator[ContactChange]) -> bool:
        """Send of the changes what can be sent without waiting; tell whether there may be more."""
        self.collect()
        while len(self._sent) < 2 * self._in_flight:
            if not (batch := tuple(islice(changes, BATCH))):
                return False
            self.send(batch)
        return True

    def announce(self, changes: Sequence[ContactChange]) -> None:
        """Keep what changes replace, before they are sent."""
        with self._store.transaction() as tx:
            replaced.remember(tx, self._run, {change.id: change.ends for change in changes})

    def is_underway(self, contact_id: int) -> bool:
        """Tell whether a contact's change was sent and is not acknowledged yet."""
        return contact_id in self._underway

    def collect(self) -> None:
        """Remember what has been acknowledged by now, without waiting."""
        while self._sent and self._sent[0][1].done():
            self._take()

    def finish(self) -> None:
        """Wait for every batch."""
        while self._sent:
            self._take()

    def change_list(self, list_id: str, change: ListChange) -> None:
        """Bring a list's members to what they should be."""
        counted = self.outcome.lists.setdefault(change.name, {"added": 0, "removed": 0})
        for add, remove in _chunks(change):
            with self._store.transaction() as tx:
                replaced.remember_members(tx, self._run, change.key, added=add, removed=remove)
                standing.announce_members(tx, change.key, add)
            try:
                answer = self._hubspot.lists.change(list_id, add=add, remove=remove)
            except NotFound as error:
                if change.key not in self._outputs.lists:  # of a band that is no more: deleted is as good as empty
                    with self._store.transaction() as tx:
                        standing.forget_list(tx, change.key)
                    return
                raise ConfigurationError(f"The list “{change.name}” is no longer in the portal.", hint=MAKE_ANEW) from error
            missing = answer.missing.intersection(add)
            with self._store.transaction() as tx:
                people.mark_gone(tx, missing)
                standing.change_members(tx, change.key, added=[id_ for id_ in add if id_ not in missing], removed=[*remove, *missing])
            counted["added"] += len(add) - len(missing)
            counted["removed"] += len(remove)
            self._progress.advance("list members", len(add) + len(remove))

    def _take(self) -> None:
        batch, future = self._sent.popleft()
        self.remember(batch, future.result())

    def remember(self, batch: Sequence[ContactChange], answered: Sent) -> None:
        """Remember what became of changes that were sent; every one of them is accounted for in the answer."""
        sent, written = {change.id: change for change in batch}, answered.written
        done = [self._acknowledged(sent[id_], answer, answered.stages.get(id_)) for id_, answer in written.acknowledged.items()]
        altered = {row["id"]: ALTERED for row in done if row["shown"] != sent[row["id"]].desired}
        refused = {id_: "; ".join(sorted(set(answer.refused.values()))) for id_, answer in written.acknowledged.items() if answer.refused}
        gone = [*written.gone, *written.moved]
        rejected = {id_: reason for id_, reason in {**written.rejected, **altered, **refused}.items() if id_ not in written.gone}
        with self._store.transaction() as tx:
            people.mark_gone(tx, gone)
            standing.acknowledge(tx, done)
            if self._hold:
                standing.hold(tx, list(sent), reason=self._hold, at=to_ms(self._now))
            standing.reject(tx, [self._rejection(sent[id_], reason) for id_, reason in rejected.items()])
        self._underway.difference_update(sent)
        self.outcome.written += len(done)
        self.outcome.stages += sum(row["stage_given"] is not None for row in done)
        self.outcome.rejected.extend(rejected.items())
        self.outcome.gone += len(gone)
        self._progress.advance("written", len(batch))

    def _rejection(self, change: ContactChange, reason: str) -> Mapping[str, Any]:
        return {"contact_id": change.id, "desired": change.desired, "reason": reason, "at": to_ms(self._now)}

    def _acknowledged(self, change: ContactChange, answer: Acknowledged, kept_stage: str | None) -> Mapping[str, Any]:
        # A reply names what it wrote; what it leaves out stands as it was sent, and what was refused as it was.
        answered = {**answer.properties, **{name: change.properties[name][0] for name in answer.refused}}
        ours = {name: answered.get(name, after) or "" for name, (_, after) in change.properties.items() if name != STAGE}
        before = {name: value for name, value in orjson.loads(change.desired).items() if name not in ours}
        given = None if kept_stage or STAGE in answer.refused else change.stage
        return {
            "id": change.id,
            "shown": self._outputs.shown({**before, **ours}),
            "stage": kept_stage or ((answered.get(STAGE) or given) if given else None),
            "stage_given": given,
            "updated_at": to_ms(answer.updated_at),
        }


def _chunks(change: ListChange) -> Iterable[tuple[Sequence[int], Sequence[int]]]:
    for start in range(0, len(change.add), MEMBERS):
        yield change.add[start : start + MEMBERS], ()
    for start in range(0, len(change.remove), MEMBERS):
        yield (), change.remove[start : start + MEMBERS]
