"""Comparison of HubSpot's totals with the events in the state, after every full scan.

HubSpot counts the clicked emails, page views and submissions of each contact. A contact with another number of events in the state is read
again: by its id or addresses, or with all forms, because HubSpot lists submissions by form only. What still differs is reported. A
difference that two full scans in a row have confirmed is not read again until a number changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from sync_worker.batched import batched
from sync_worker.model.compiled.facts import COUNTER_PROPERTIES
from sync_worker.store.facts import contacts, counter_checks, events
from sync_worker.store.facts.counter_checks import CounterCheck
from sync_worker.sync.pull.context import PullContext

CHUNK_SIZE: Final = 5_000  # contacts in one query
CONFIRMATIONS: Final = 2  # full scans that find the same difference; the first one may have got a wrong reply again
MAX_CONTACTS: Final = 2_000  # contacts of a kind that one full scan reads again; the others are left to the next one

log = structlog.get_logger()

#: Reads the events of a kind and of some contacts again.
Reread = Callable[[PullContext, str, Sequence[int]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The comparison of one kind of events."""

    context: PullContext
    kind: str
    reread: Reread

    def execute(self) -> int:
        """Read the events again where the numbers differ; return for how many contacts they still differ."""
        suspects, known = self._find_differences(), self.context.transact(partial(counter_checks.load, kind=self.kind))
        confirmed = {id_: known[id_] for id_, check in suspects.items() if _is_confirmed(known.get(id_), check)}
        open_ids = [id_ for id_ in suspects if id_ not in confirmed]
        # The totals of the scan may be older than the newest events.
        totals = self._read_totals(open_ids)
        differing = [id_ for id_ in open_ids if id_ in totals and totals[id_] != suspects[id_].counted]
        chosen = sorted(differing, key=lambda id_: known[id_].times if id_ in known else 0)[:MAX_CONTACTS]
        if chosen:
            self.reread(self.context, self.kind, chosen)
        remaining = self._count_again(differing, totals, read=frozenset(chosen), known=known)
        self.context.transact(partial(counter_checks.replace, kind=self.kind, checks=confirmed | remaining))
        if differing:
            log.info("events.reconciled", kind=self.kind, read=len(chosen), differing=len(remaining))
        return len(confirmed) + len(remaining)

    @property
    def _counter(self) -> str:
        return COUNTER_PROPERTIES[self.kind][0]

    def _find_differences(self) -> dict[int, CounterCheck]:
        found: dict[int, CounterCheck] = {}
        after = 0
        while True:
            totals = self.context.transact(partial(contacts.load_counter, name=self._counter, after=after, limit=CHUNK_SIZE))
            if not totals:
                return found
            counted = self.context.transact(partial(events.count_by_contact, kind=self.kind, ids=[*totals]))
            for id_, total in totals.items():
                if total is not None and total != counted.get(id_, 0):
                    found[id_] = CounterCheck(total=total, counted=counted.get(id_, 0), times=0)
            after = max(totals)

    def _read_totals(self, ids: Sequence[int]) -> dict[int, int]:
        read = self.context.hubspot.contacts.read(ids, (self._counter,)).items if ids else ()
        totals = {contact.id: contacts.parse_counter(contact.properties.get(self._counter)) for contact in read}
        return {id_: total for id_, total in totals.items() if total is not None}

    def _count_again(
        self, ids: Sequence[int], totals: Mapping[int, int], *, read: frozenset[int], known: Mapping[int, CounterCheck]
    ) -> dict[int, CounterCheck]:
        checks: dict[int, CounterCheck] = {}
        for chunk in batched(ids, CHUNK_SIZE):
            counted = self.context.transact(partial(events.count_by_contact, kind=self.kind, ids=chunk))
            for id_ in chunk:
                if (number := counted.get(id_, 0)) != totals[id_]:
                    before = known.get(id_)
                    same = before is not None and before[:2] == (totals[id_], number)
                    times = (before.times if before and same else 0) + (id_ in read)
                    checks[id_] = CounterCheck(total=totals[id_], counted=number, times=times)
        return checks


def _is_confirmed(before: CounterCheck | None, now: CounterCheck) -> bool:
    return before is not None and before.times >= CONFIRMATIONS and before[:2] == now[:2]
