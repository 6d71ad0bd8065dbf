"""A keyed stream: rows that are read page by page in ascending order of a key, such as an object id or a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar

from sync_worker.intervals import Interval

RowT = TypeVar("RowT")
#: Leads to the next page. The bounds of a partition move while it is read, so a token that needs its original bounds carries them.
PageToken = str | int | tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPage(Generic[RowT]):
    """Rows in order of their key. All rows below `read_up_to` have been read; without a token, this is the last page."""

    rows: Sequence[RowT]
    read_up_to: int
    token: PageToken | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamBatch(Generic[RowT]):
    """Rows, and the interval of keys that is complete with them."""

    rows: Sequence[RowT]
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondarySource(Generic[RowT]):
    """A second source of a stream with its own number of readers; `acquire_slot` waits until a request may be sent.

    `read` returns one page of the rows in at most `partitions_per_request` intervals.
    """

    read: Callable[[Sequence[Interval]], StreamPage[RowT]]
    readers: int
    partitions_per_request: int = 1
    acquire_slot: Callable[[], AbstractContextManager[object]] = nullcontext


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Generic[RowT]):
    """How to read a stream: `read(start, stop, token)` returns one page of the rows from `start` on, or after `token`.

    With `open_ended`, the last partition extends to the current end of the stream.
    `secondary` is for streams with unique keys: it reads partitions with an end, and resumes from a key, without a token.
    `is_enough` returns, for the number of pages that the primary source has read, whether it leaves the rest to the secondary one.
    `density` is the number of rows for each key, if it is known and the gaps were partitioned by it. With `high_latency`, waiting for a
    page costs more than a request, so the rest is split into single pages.
    """

    read: Callable[[int, int, PageToken | None], StreamPage[RowT]]
    key: Callable[[RowT], int]
    open_ended: bool = False
    acquire_slot: Callable[[], AbstractContextManager[object]] = nullcontext
    secondary: SecondarySource[RowT] | None = None
    is_enough: Callable[[int], bool] = lambda _pages: False
    density: float | None = None
    high_latency: bool = False
