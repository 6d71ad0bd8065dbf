"""Work that goes on beside other work: a chunk beside the reading of the next, an answer that is waited for beside what there is to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from typing import Final, TypeAlias, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Pollable: TypeAlias = Generator[tuple[()], None, Result]  # work that yields nothing, again and again, while it has to wait

IDLE_SECONDS: Final = 0.05  # seconds without an answer after which it is not to be expected at once
_POLL_SECONDS: Final = 0.01  # seconds between two looks at one answer, between which other work goes on
_WORKERS: Final = 2  # Polars' work lets go of Python's lock; a third pair of hands would only hold more in memory


def map_prefetch(items: Iterable[Item], function: Callable[[Item], Result], *, workers: int = _WORKERS) -> Iterator[Result]:
    """Yield the work's results in the order of the items; while one is used, the next are worked on, `hands` at a time.

    Items are taken in the caller's thread, so they may come from a connection that belongs to it.
    """
    with ThreadPoolExecutor(workers) as pool:
        under_way: deque[Future[Result]] = deque()
        try:
            for item in items:
                under_way.append(pool.submit(function, item))
                if len(under_way) > workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for rest in under_way:
                rest.cancel()


def run_in_thread(function: Callable[[], Result]) -> Future[Result]:
    """Ask in a thread of its own; the answer comes in beside other work."""
    pool = ThreadPoolExecutor(1)
    answer = pool.submit(function)
    pool.shutdown(wait=False)
    return answer


def poll(future: Future[Result]) -> Pollable[Result]:
    """Return the answer; nothing is yielded, again and again, while it has to be waited for."""
    while not wait([future], _POLL_SECONDS).done:
        yield ()
    return future.result()


def submit_and_poll(function: Callable[[], Result]) -> Pollable[Result]:
    """Ask, and return the answer as `awaited` does."""
    return (yield from poll(run_in_thread(function)))


def interleave(*tasks: Generator[tuple[()], None, object]) -> Generator[tuple[()], None, None]:
    """Do works that yield while they have to wait, one while the other waits; nothing is yielded where all have to."""
    with ExitStack() as stack:
        left = [stack.enter_context(closing(work)) for work in tasks]
        while left:
            left = [work for work in left if next(work, None) is not None]
            if left:
                yield ()


def drain(task: Generator[object, None, Result]) -> Result:
    """Do work that yields while it has to wait, to its end; return its result."""
    while True:
        try:
            next(task)
        except StopIteration as end:
            result: Result = end.value
            return result
