"""The first partitions of a read of all ids, cut so that all of them hold the same number of whole pages."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final

from sync_worker.hubspot.api.crm.crm_objects import SEARCH_PAGE_SIZE
from sync_worker.hubspot.records.models import IdRange
from sync_worker.intervals import Interval
from sync_worker.sync.reader.partitions import split_at

MAX_PARTITIONS: Final = 300  # at the start; each page looks through all of them
PARTITION_MARGIN: Final = 0.7  # times the square root of its rows, by which a partition is shorter: no two hold quite the same number


def split_id_range(readers: int, gaps: Sequence[Interval], id_range: IdRange, *, high_latency: bool = False) -> list[Interval]:
    """Cut the gaps into one partition for each reader, or more and shorter ones if the latency is high, where that saves time.

    If ids are spread evenly, all partitions hold the same number of rows.
    """
    low, high, total = id_range.lowest_id or 0, id_range.highest_id or 0, id_range.total
    ranges = MAX_PARTITIONS if high_latency else readers
    pages = max(1 if high_latency else 2, round(total / (ranges * SEARCH_PAGE_SIZE)))
    # A little less than whole pages of either source: a partition that holds a little more costs a page for a few rows.
    rows = pages * SEARCH_PAGE_SIZE - PARTITION_MARGIN * sqrt(pages * SEARCH_PAGE_SIZE)
    if total < 2 * pages * SEARCH_PAGE_SIZE or high - low < total:
        return list(gaps)
    return split_at(gaps, low=low, high=high, width=int((high - low) * rows / total))
