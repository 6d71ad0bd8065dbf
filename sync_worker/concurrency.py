"""Helpers for concurrent work: prefetch, background calls, interleaved generators."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from typing import Final, TypeAlias, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Pollable: TypeAlias = Generator[tuple[()], None, Result]  # yields () while it waits, then returns its result

IDLE_SECONDS: Final = 0.05  # seconds without a response after which a reader does other work
_POLL_SECONDS: Final = 0.01  # seconds between two polls of a future
_WORKERS: Final = 2  # Polars releases the GIL; a third worker would only need more memory


def map_prefetch(items: Iterable[Item], function: Callable[[Item], Result], *, workers: int = _WORKERS) -> Iterator[Result]:
    """Yield the results in the order of the items; while the caller uses one, the next `workers` are computed.

    Items are read in the caller's thread, so they may come from a connection that belongs to it.
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
    """Call the function in its own thread and return the future."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(function)
    pool.shutdown(wait=False)
    return future


def poll(future: Future[Result]) -> Pollable[Result]:
    """Return the result of the future; yield () while it is not done."""
    while not wait([future], _POLL_SECONDS).done:
        yield ()
    return future.result()


def submit_and_poll(function: Callable[[], Result]) -> Pollable[Result]:
    """Call the function in its own thread and poll its result."""
    return (yield from poll(run_in_thread(function)))


def interleave(*tasks: Generator[tuple[()], None, object]) -> Generator[tuple[()], None, None]:
    """Run the tasks in turns: one runs while another waits. Yield () when all wait."""
    with ExitStack() as stack:
        unfinished = [stack.enter_context(closing(task)) for task in tasks]
        while unfinished:
            unfinished = [task for task in unfinished if next(task, None) is not None]
            if unfinished:
                yield ()


def drain(task: Generator[object, None, Result]) -> Result:
    """Run a task to its end and return its result."""
    while True:
        try:
            next(task)
        except StopIteration as end:
            result: Result = end.value
            return result
