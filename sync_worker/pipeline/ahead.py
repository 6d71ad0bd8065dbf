"""Work that goes on beside other work: a chunk beside the reading of the next, an answer that is waited for beside what there is to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LULL: Final = 0.05  # seconds without an answer after which it is not to be expected at once
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


def asked(question: Callable[[], Result]) -> Generator[tuple[()], None, Result]:
    """Ask in a thread of its own and return the answer; nothing is yielded, again and again, while it has to be waited for."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(question)
        while not wait([answer], LULL).done:
            yield ()
    return answer.result()


def finished(work: Generator[object, None, Result]) -> Result:
    """Do work that yields while it has to wait, to its end; return its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
