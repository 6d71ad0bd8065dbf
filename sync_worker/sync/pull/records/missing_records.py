"""Records that a full read has missed, found by HubSpot's counts of id ranges.

Search counts the records of an id range in one request. Where it counts more than were read, the range is halved until one page of search
shows its ids; these are requested by id, because search may be out of date. Equal counts cost no request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic

from sync_worker.hubspot.api.crm.crm_objects import SEARCH_PAGE_SIZE, Objects
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.models import RecordT, ResultPage
from sync_worker.intervals import Interval

MAX_COUNTS: Final = 100  # requests; for a lost page of a large portal, about 30 suffice


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRecords(Generic[RecordT]):
    """The search for missing records: `count_read` returns how many records of an id range were read."""

    objects: Objects[RecordT]
    properties: Sequence[str]
    count_read: Callable[[Interval], int]
    save: Callable[[Sequence[RecordT]], None]

    def fetch(self, ids: Interval, total: int) -> int:
        """Read and save the missing records of an id range in which HubSpot counts `total`; return how many are still missing."""
        pending, counts = [(ids, total)], 0
        while pending and counts < MAX_COUNTS:
            part, expected = pending.pop()
            if self.count_read(part) >= expected:
                continue
            if expected <= SEARCH_PAGE_SIZE or part.high - part.low < 2:
                self._read(part)
                continue
            middle = (part.low + part.high) // 2
            low, high = Interval(part.low, middle), Interval(middle, part.high)
            in_low, counts = self.objects.count_ids(low), counts + 1
            pending += [(low, in_low), (high, expected - in_low)]
        return max(0, total - self.count_read(ids))

    def _read(self, ids: Interval) -> None:
        def fetch_page(low: int | None) -> ResultPage[RecordT, int]:
            return self.objects.search_id_ranges([(low or ids.low, ids.high)], ())

        for page in follow_pages(fetch_page, operation="search for missing records"):
            self.save(self.objects.read([record.id for record in page.items], self.properties).items)
