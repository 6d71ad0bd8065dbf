"""The reading of every contact: by two lanes at once where HubSpot's order allows it, page after page where it does not; in bulk if asked.

The list is consistent, at 100 contacts a page; the search index lags behind, at 200 a page and on a budget of its own. What the
search lane read is right all the same:

- Who was changed shortly before the reading began, and shown as before, is read again once search has settled, and once more by the
  next sync, whose cursor is the beginning of this reading less the overlap. An older showing never replaces a newer one.
- Who was created since stands above the highest id, and there the list alone is read.
- Whom the index does not show at all is not taken for gone: everybody who was known and not seen is asked for by id.

A file of everybody is a copy of an earlier moment, and is put right in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from math import sqrt
from typing import Any, Final, Protocol

import structlog

from sync_worker.concurrency import awaited, beside
from sync_worker.errors import Unavailable
from sync_worker.hubspot.api.crm_objects import SEARCH_PAGE_SIZE, UnorderedResponse
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Contact, IdRange, ResultPage
from sync_worker.hubspot.rest.rate_limiter import Budget
from sync_worker.store import bulk_load, contacts, coverage, key_value
from sync_worker.store.coverage import Interval
from sync_worker.store.database import Store
from sync_worker.sync.pull import scan_hints, streams
from sync_worker.sync.pull.exports import Files
from sync_worker.sync.reader.budget_split import Pace, share
from sync_worker.sync.reader.parallel_reader import sweep_in_batches
from sync_worker.sync.reader.partitions import divided
from sync_worker.timestamps import from_ms, to_ms

CONTACTS: Final = "contacts"  # the stream of all contacts by id, and the cursor of the search for changed ones
SWEEP: Final = "sweep"  # the last reading of every contact: which, since when, whether it came to its end
STORED: Final = 4  # pages for each reader, at most, in one transaction
WORTH_TWO_LANES: Final = 1_000  # contacts; fewer are read in a moment
MOST_READERS: Final = 250  # as many as the largest plan lets ask at once
FAR: Final = 0.3  # seconds to HubSpot and back, from which on a page more costs less than waiting for one
SETTLED: Final = timedelta(seconds=30)  # after which search shows what was changed; HubSpot says "a few moments"
FEW: Final = 2_000  # contacts that are read again at once; more are left to the next sync
MOST: Final = 0.75  # of all contacts: when they have come in, the next lull is used to make the indices of a new state
NEARLY_ALL: Final = 0.97  # of all contacts: what search showed late is asked for beside the last pages
TOGETHER: Final = 1_000  # contacts that are asked for by id at a time
MOST_RANGES: Final = 300  # that a reading begins with: all of them are looked through for each page
SHORT_OF: Final = 0.7  # times the square root of what its pages hold, by which each is shorter: no two hold quite the same

log = structlog.get_logger()


class Keep(Protocol):
    """How contacts are remembered, with the ranges of ids that are complete with them."""

    def __call__(self, rows: Sequence[Contact], *, sweep: int, intervals: Sequence[Interval] = ()) -> None:
        """Remember them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Everyone:
    """One reading of every contact. `asked` are the properties that it must have been begun with to go on.

    `extent` returns how much there is to read where that is known or has been asked for already; it need not be quite right.
    """

    hubspot: HubSpot
    store: Store
    properties: Sequence[str]
    asked: Sequence[str]
    now: datetime
    readers: int
    keep: Keep
    expect: Callable[[int], None]
    extent: Callable[[], IdRange] | None = None
    files: Files | None = None
    written: bool = False  # each is written while others are still being read

    def read(self) -> Iterator[Sequence[int]]:
        """Read, keep, and yield the ids that were kept, some at a time; in the end let go who is not there any more.

        Nothing is yielded where HubSpot has to be waited for, first of all when the first pages have just been asked for. Until then the
        state is only looked at.
        """
        last = self._last()
        with ExitStack() as stack:
            file = self._file(last, stack) if self.files else None
            yield from self._one_by_one(last) if file is None else self._from_file(last, file)
        with self.store.transaction() as tx:
            bulk_load.create_indices(tx)
            contacts.mark_unseen_deleted(tx, scan_id=last["number"])
            key_value.put(tx, SWEEP, {"number": last["number"], "started": last["started"], "done": True})
            total, highest, lowest = contacts.count_and_id_range(tx)
        scan_hints.remember(self.store, self.hubspot, IdRange(total=total, highest_id=highest, lowest_id=lowest), self.now)

    def _last(self) -> dict[str, Any]:
        with self.store.transaction() as tx:
            last: dict[str, Any] = key_value.get(tx, SWEEP) or {"number": 0, "done": True}
        if last["done"] or last["asked"] != self.asked:
            return {"number": last["number"] + 1, "started": to_ms(self.now), "done": False, "asked": self.asked, "new": True}
        return last

    def _begin(self, last: dict[str, Any]) -> None:
        if last.pop("new", False):
            with self.store.transaction() as tx:
                bulk_load.drop_indices(tx)
                coverage.remove(tx, CONTACTS, 0, streams.FOR_EVER)
                key_value.put(tx, SWEEP, last)

    def _noted(self, last: dict[str, Any]) -> dict[str, Any]:
        with self.store.transaction() as tx:
            key_value.put(tx, SWEEP, last)
        return last

    def _one_by_one(self, last: dict[str, Any]) -> Iterator[Sequence[int]]:
        if "token" not in last:
            try:
                yield from self._in_ranges(last)
            except UnorderedResponse as error:
                log.warning("contacts.order_lost", reason=str(error), next="the list is followed page after page")
                self._begin(last)
                last = self._noted({**last, "token": None})
        if "token" in last:
            yield from self._in_their_order(last)

    def _file(self, last: dict[str, Any], stack: ExitStack) -> Iterator[Sequence[Contact]] | None:
        if self.files is None:
            return None
        self._begin(last)
        total = self.hubspot.contacts.count()
        self.expect(total)

        def begun(export: str) -> None:
            self._noted({**last, "export": export})

        return self.files.contacts(stack, self.properties, total, export=last.get("export"), begun=begun)

    def _from_file(self, last: dict[str, Any], file: Iterator[Sequence[Contact]]) -> Iterator[Sequence[int]]:
        for rows in file:
            self.keep(rows, sweep=last["number"])
            yield [row.id for row in rows]
        yield from self._read_late(last, to_the_end=True)
        yield from self._asked_for(last)

    def _in_ranges(self, last: dict[str, Any]) -> Iterator[Sequence[int]]:
        extent = self.extent() if self.extent else self.hubspot.contacts.read_id_range()
        self.expect(extent.total)
        searched = extent.total > WORTH_TWO_LANES and self.hubspot.contacts.max_ranges_per_search(self.properties) > 0
        stream = streams.contacts(self.hubspot, self.properties, searched=searched)
        lane, elapsed = self.hubspot.transport.rate_limiter.limiter(Budget.BURST), self._elapsed()
        stream = replace(stream, far=(lane.window.latency or 0) > FAR)
        if searched and self.written:
            stream = replace(stream, enough=share(extent.total, self._pace()).enough(elapsed))
        readers = lane.optimal_concurrency(minimum=self.readers, maximum=MOST_READERS)
        searchers = stream.aside.readers if stream.aside else 0
        gaps = self._gaps(last, extent, searched=searched)
        if not self.written:  # else the calls are short, and each range more costs about one
            parts = divided_among(readers + searchers, gaps, extent, far=stream.far)
            stream = replace(stream, density=extent.density if len(parts) > len(gaps) else None)
            gaps = parts
        late: Future[ResultPage[Contact, int]] | None = None
        settling, kept = (SETTLED - (self.now - from_ms(last["started"]))).total_seconds(), 0
        for pieces in sweep_in_batches(stream, gaps, readers=readers, most=STORED * self.readers, pausing=True):
            rows = [row for piece in pieces for row in piece.rows]
            if pieces:
                self._begin(last)
                self.keep(rows, sweep=last["number"], intervals=[piece.interval for piece in pieces])
                kept += len(rows)
            elif kept > MOST * extent.total:
                with self.store.transaction() as tx:
                    bulk_load.create_indices(tx)
            if late is None and searched and (elapsed() > settling or kept > NEARLY_ALL * extent.total):
                late = beside(self._changed_late(last))
            yield [row.id for row in rows]
        self._begin(last)
        if searched:
            yield from self._read_late(last, late)
            yield from self._asked_for(last)

    def _pace(self) -> Pace:
        burst, search = (self.hubspot.transport.rate_limiter.limiter(budget).window for budget in (Budget.BURST, Budget.SEARCH))
        return Pace(burst=burst.capacity, window=burst.seconds, searches=search.capacity / search.seconds)

    def _elapsed(self) -> Callable[[], float]:
        clock = self.hubspot.transport.clock
        began = clock.monotonic()
        return lambda: clock.monotonic() - began

    def _gaps(self, last: dict[str, Any], extent: IdRange, *, searched: bool) -> list[Interval]:
        with self.store.transaction() as tx:
            known = [] if "new" in last else coverage.load(tx, CONTACTS)
        # The last range has an open end, so it begins behind all that was read.
        high = max(extent.highest_id or 0, *[interval.high for interval in known], 0) + 1
        gaps = coverage.complement(known, 0, high)
        # Search must not be left with what has no end.
        return [*gaps, Interval(high, high + 1)] if searched else gaps

    def _changed_late(self, last: dict[str, Any], after: int = 0, *, to_the_end: bool = False) -> Callable[[], ResultPage[Contact, int]]:
        started = from_ms(last["started"])
        until = None if to_the_end else started
        return partial(self.hubspot.contacts.search_modified, started - SETTLED, after, self.properties, until=until)

    def _read_late(
        self, last: dict[str, Any], first: Future[ResultPage[Contact, int]] | None = None, *, to_the_end: bool = False
    ) -> Iterator[Sequence[int]]:
        answer = first or beside(self._changed_late(last, to_the_end=to_the_end))
        while True:
            page = yield from awaited(answer)
            if (page.total or 0) > FEW:
                return
            self.keep(page.items, sweep=last["number"])
            yield [row.id for row in page.items]
            if page.next is None:
                return
            answer = beside(self._changed_late(last, page.next, to_the_end=to_the_end))

    def _asked_for(self, last: dict[str, Any]) -> Iterator[Sequence[int]]:
        with self.store.transaction() as tx:
            unseen = contacts.unseen_ids(tx, scan_id=last["number"])
        for start in range(0, len(unseen), TOGETHER):
            found = self.hubspot.contacts.read(unseen[start : start + TOGETHER], self.properties)
            self.keep(found.items, sweep=last["number"])
            yield [row.id for row in found.items]

    def _in_their_order(self, last: dict[str, Any]) -> Iterator[Sequence[int]]:
        self._begin(last)
        token, seen = last["token"], set[str]()
        while True:
            page = self.hubspot.contacts.list_from_token(token, self.properties)
            self.keep(page.items, sweep=last["number"])
            yield [row.id for row in page.items]
            token = page.next
            if token is None:
                return
            if token in seen:
                raise Unavailable("HubSpot's list of contacts goes round in a circle.", operation="read contacts")
            seen.add(token)
            self._noted({**last, "token": token})


def divided_among(readers: int, gaps: Sequence[Interval], extent: IdRange, *, far: bool = False) -> list[Interval]:
    """Cut the gaps into a range for each reader, `far` away into more and shorter ones, as far as they are worth it.

    Where ids are spread evenly, all have as much to read.
    """
    low, high, total = extent.lowest_id or 0, extent.highest_id or 0, extent.total
    ranges = MOST_RANGES if far else readers
    pages = max(1 if far else 2, round(total / (ranges * SEARCH_PAGE_SIZE)))
    # A little less than whole pages, of either lane: a range that holds a little more costs one page for next to nothing.
    rows = pages * SEARCH_PAGE_SIZE - SHORT_OF * sqrt(pages * SEARCH_PAGE_SIZE)
    if total < 2 * pages * SEARCH_PAGE_SIZE or high - low < total:
        return list(gaps)
    return divided(gaps, low=low, high=high, width=int((high - low) * rows / total))
