"""Work that goes on beside other work: a chunk beside the reading of the next, an answer that is waited for beside what there is to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from typing import Final, TypeAlias, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Waiting: TypeAlias = Generator[tuple[()], None, Result]  # work that yields nothing, again and again, while it has to wait

LULL: Final = 0.05  # seconds without an answer after which it is not to be expected at once
_GLANCE: Final = 0.01  # seconds between two looks at one answer, between which other work goes on
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


def beside(question: Callable[[], Result]) -> Future[Result]:
    """Ask in a thread of its own; the answer comes in beside other work."""
    pool = ThreadPoolExecutor(1)
    answer = pool.submit(question)
    pool.shutdown(wait=False)
    return answer


def awaited(answer: Future[Result]) -> Waiting[Result]:
    """Return the answer; nothing is yielded, again and again, while it has to be waited for."""
    while not wait([answer], _GLANCE).done:
        yield ()
    return answer.result()


def asked(question: Callable[[], Result]) -> Waiting[Result]:
    """Ask, and return the answer as `awaited` does."""
    return (yield from awaited(beside(question)))


def together(*works: Generator[tuple[()], None, object]) -> Generator[tuple[()], None, None]:
    """Do works that yield while they have to wait, one while the other waits; nothing is yielded where all have to."""
    with ExitStack() as stack:
        left = [stack.enter_context(closing(work)) for work in works]
        while left:
            left = [work for work in left if next(work, None) is not None]
            if left:
                yield ()


def finished(work: Generator[object, None, Result]) -> Result:
    """Do work that yields while it has to wait, to its end; return its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
