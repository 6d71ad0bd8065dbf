"""Work that goes on beside the reading of what comes next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_HANDS: Final = 2  # Polars' work lets go of Python's lock; a third pair of hands would only hold more in memory


def ahead(items: Iterable[Item], work: Callable[[Item], Result], *, hands: int = _HANDS) -> Iterator[Result]:
    """Yield the work's results in the order of the items; while one is used, the next are worked on, `hands` at a time.

    Items are taken in the caller's thread, so they may come from a connection that belongs to it.
    """
    with ThreadPoolExecutor(hands) as pool:
        under_way: deque[Future[Result]] = deque()
        try:
            for item in items:
                under_way.append(pool.submit(work, item))
                if len(under_way) > hands:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for rest in under_way:
                rest.cancel()
