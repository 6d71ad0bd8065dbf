"""A keyed stream: rows that can be read a page at a time, in the order of a key that grows along it, an object id or a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar

from sync_worker.intervals import Interval

Row = TypeVar("Row")
#: Leads on from a page. The bounds of a range move while it is read: a token that is good for its own bounds alone carries them.
PageToken = str | int | tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPage(Generic[Row]):
    """Rows in order of their key. Everything below `reached` has been read; without `token` nothing lies beyond the page."""

    rows: Sequence[Row]
    read_up_to: int
    token: PageToken | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamBatch(Generic[Row]):
    """Rows that were read, and the interval of keys that is complete with them."""

    rows: Sequence[Row]
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondarySource(Generic[Row]):
    """A second way to read a stream, by some readers at once; `turn` waits until a request may be sent.

    `read` gives one page of the rows in some intervals, `together` of them at most.
    """

    read: Callable[[Sequence[Interval]], StreamPage[Row]]
    readers: int
    partitions_per_request: int = 1
    acquire_slot: Callable[[], AbstractContextManager[object]] = nullcontext


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Generic[Row]):
    """How to read a stream: `read(start, stop, token)` gives one page of the rows from `start` on, or after `token`.

    With `open_ended`, the last range goes on to the end of the stream, wherever that is by then.
    `aside` is a second lane, for streams whose keys are unique: it reads what has an end, and goes on from a key without a token.
    `enough` tells from the number of pages that the first lane has read whether it is to leave the rest to the second.
    `density` is the number of rows for each key, where that is known beforehand and the gaps have been divided by it. With `far`, waiting
    for a page costs more than asking for one: what is left in the end is cut into single pages.
    """

    read: Callable[[int, int, PageToken | None], StreamPage[Row]]
    key: Callable[[Row], int]
    open_ended: bool = False
    acquire_slot: Callable[[], AbstractContextManager[object]] = nullcontext
    secondary: SecondarySource[Row] | None = None
    is_enough: Callable[[int], bool] = lambda _pages: False
    density: float | None = None
    high_latency: bool = False
