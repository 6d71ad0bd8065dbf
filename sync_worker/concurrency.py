"""Work in threads: streams that are read at the same time for one thread that owns the store, and a prefetching map."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Condition, Thread, current_thread
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_WORKERS: Final = 2  # Polars releases Python's lock; a third worker would only hold more in memory


class StreamsStopped(Exception):
    """The stream threads were stopped."""


class StreamThreads:
    """Threads that read one stream each, and the calls that they send to the thread that owns the store.

    The owner is the thread that creates this object. It runs the calls with `run_calls`. The error of one stream stops the others and is
    raised there. The end of the `with` block stops and joins all threads. Each object is used for one `with` block.
    """

    def __init__(self) -> None:
        self._owner = current_thread()
        self._changed = Condition()
        self._calls = deque[_QueuedCall[Any]]()
        self._threads: list[Thread] = []
        self._running = 0
        self._error: BaseException | None = None
        self._stopped = False
        self._stop_callbacks: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Stop the streams, and wait for the end of their threads."""
        self._stop()
        for thread in self._threads:
            thread.join()

    def start(self, name: str, function: Callable[[], Result]) -> Future[Result]:
        """Read a stream in a thread; the thread logs with the context of the caller. Any thread may wait for the result but the owner."""
        result = Future[Result]()
        thread = Thread(target=copy_context().run, args=(self._run_stream, function, result), name=name, daemon=True)
        with self._changed:
            self._raise_if_stopped()
            self._threads.append(thread)
            self._running += 1
            thread.start()
        return result

    def call(self, function: Callable[[], Result]) -> Result:
        """Run a function in the owner's thread; return its result or raise its error."""
        if current_thread() is self._owner:
            return function()
        call = _QueuedCall(function)
        with self._changed:
            self._raise_if_stopped()
            self._calls.append(call)
            self._changed.notify_all()
        try:
            return call.result.result()
        except CancelledError:
            raise StreamsStopped from None

    def run_calls(self, idle_seconds: float | None = None) -> Iterator[bool]:
        """Run the calls of the streams until all streams have finished. Yield True after each call, and False after idle seconds."""
        while self._wait(idle_seconds):
            call = self._take_call()
            if call:
                call.run()
            yield call is not None

    @contextmanager
    def on_stop(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call back from another thread when the streams are stopped during the block."""
        with self._changed:
            self._raise_if_stopped()
            self._stop_callbacks.append(callback)
        try:
            yield
        finally:
            with self._changed:
                self._stop_callbacks.remove(callback)

    def _wait(self, seconds: float | None) -> bool:
        """Wait for a call, an error or the end of all streams; return whether there is more to come."""
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._stopped or not self._running, seconds)
            if self._error:
                raise self._error
            return bool(self._calls or self._running)

    def _take_call(self) -> _QueuedCall[Any] | None:
        with self._changed:
            return self._calls.popleft() if self._calls else None

    def _run_stream(self, function: Callable[[], Result], result: Future[Result]) -> None:
        try:
            result.set_result(function())
        except BaseException as error:  # noqa: BLE001 -- raised in the owner's thread
            self._stop(error)
            result.set_exception(error)
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def _stop(self, error: BaseException | None = None) -> None:
        with self._changed:
            if not self._stopped:
                self._stopped, self._error = True, error
            calls, callbacks = [*self._calls], [*self._stop_callbacks]
            self._calls.clear()
            self._changed.notify_all()
        for call in calls:
            call.result.cancel()
        for callback in callbacks:
            callback()

    def _raise_if_stopped(self) -> None:
        if self._stopped:
            raise StreamsStopped


@dataclass(frozen=True, slots=True)
class _QueuedCall(Generic[Result]):
    function: Callable[[], Result]
    result: Future[Result] = field(default_factory=Future)

    def run(self) -> None:
        """Run the function, and hand its result or error to the waiting thread."""
        try:
            self.result.set_result(self.function())
        except Exception as error:  # noqa: BLE001 -- raised in the waiting thread
            self.result.set_exception(error)
        except BaseException:
            self.result.cancel()  # an interrupt concerns the owner
            raise


def map_prefetch(items: Iterable[Item], function: Callable[[Item], Result], *, workers: int = _WORKERS) -> Iterator[Result]:
    """Yield the results in the order of the items; while the caller uses one, the workers compute the next.

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
