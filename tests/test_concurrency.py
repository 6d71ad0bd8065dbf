"""Stream threads, whose calls run in the owner's thread, and the prefetching map. The tests wait for events, never for real time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Barrier, Event, Thread, current_thread, main_thread

import pytest
import structlog

from sync_worker.concurrency import StreamsStopped, StreamThreads, map_prefetch

TIMEOUT = 20  # seconds after which a test that hangs fails


@pytest.fixture
def threads() -> Iterator[StreamThreads]:
    with StreamThreads() as threads:
        yield threads


def run_all(threads: StreamThreads) -> None:
    for _ in threads.run_calls():
        pass


def wait_for(event: Event) -> None:
    assert event.wait(TIMEOUT)


class TestCalls:
    def test_a_call_runs_in_the_thread_of_the_owner_and_its_result_returns_to_the_stream(self, threads: StreamThreads) -> None:
        def stream() -> tuple[Thread, Thread]:
            return current_thread(), threads.call(current_thread)

        result = threads.start("stream", stream)
        run_all(threads)

        stream_thread, call_thread = result.result()
        assert call_thread is main_thread()
        assert (stream_thread is main_thread(), stream_thread.name) == (False, "stream")

    def test_an_error_of_a_call_is_raised_in_the_stream_which_may_continue(self, threads: StreamThreads) -> None:
        def stream() -> str:
            with suppress(ZeroDivisionError):
                threads.call(lambda: 1 // 0)
            return "continued"

        result = threads.start("stream", stream)
        run_all(threads)

        assert result.result() == "continued"

    def test_a_call_of_the_owner_runs_at_once(self, threads: StreamThreads) -> None:
        assert threads.call(lambda: 7) == 7

    def test_two_streams_are_read_at_the_same_time(self, threads: StreamThreads) -> None:
        both = Barrier(2, timeout=TIMEOUT)
        results = [threads.start(name, both.wait) for name in ("first", "second")]
        run_all(threads)
        assert sorted(result.result() for result in results) == [0, 1]

    def test_a_stream_can_start_another_and_wait_for_its_result(self, threads: StreamThreads) -> None:
        def inner() -> int:
            return threads.call(lambda: 7)

        result = threads.start("outer", lambda: threads.start("inner", inner).result())
        run_all(threads)
        assert result.result() == 7

    def test_the_owner_distinguishes_calls_from_idle_time(self, threads: StreamThreads) -> None:
        may_call = Event()

        def stream() -> None:
            wait_for(may_call)
            threads.call(lambda: None)

        threads.start("stream", stream)
        steps = threads.run_calls(idle_seconds=0)
        assert next(steps) is False
        may_call.set()
        assert True in steps

    def test_a_stream_logs_with_the_context_of_the_thread_that_started_it(self, threads: StreamThreads) -> None:
        with structlog.contextvars.bound_contextvars(run="r1"):
            result = threads.start("stream", structlog.contextvars.get_contextvars)
        run_all(threads)
        assert result.result()["run"] == "r1"


class TestStop:
    def test_an_error_of_a_stream_stops_the_others_and_is_raised_in_the_owner(self, threads: StreamThreads) -> None:
        may_fail = Event()

        def fail() -> None:
            wait_for(may_fail)
            raise ZeroDivisionError

        def call_forever() -> None:
            while True:
                threads.call(may_fail.set)

        other = threads.start("other", call_forever)
        threads.start("failing", fail)
        with pytest.raises(ZeroDivisionError):
            run_all(threads)
        assert isinstance(other.exception(TIMEOUT), StreamsStopped)

    def test_an_error_of_a_call_that_a_stream_does_not_handle_is_raised_in_the_owner(self, threads: StreamThreads) -> None:
        threads.start("stream", lambda: threads.call(lambda: 1 // 0))
        with pytest.raises(ZeroDivisionError):
            run_all(threads)

    def test_an_interrupt_during_a_call_is_raised_in_the_owner_and_stops_the_stream(self) -> None:
        def interrupt() -> None:
            raise KeyboardInterrupt

        with StreamThreads() as threads:
            stream = threads.start("stream", lambda: threads.call(interrupt))
            with pytest.raises(KeyboardInterrupt):
                run_all(threads)
        assert isinstance(stream.exception(TIMEOUT), StreamsStopped)

    def test_leaving_the_block_stops_waiting_calls_and_joins_the_threads(self) -> None:
        called: list[bool] = []
        started: list[Thread] = []

        def stream() -> None:
            started.append(current_thread())
            threads.call(lambda: called.append(True))

        with StreamThreads() as threads:
            result = threads.start("stream", stream)
        assert isinstance(result.exception(TIMEOUT), StreamsStopped)
        assert (called, started[0].is_alive()) == ([], False)

    def test_a_stop_wakes_a_stream_that_waits_for_something_else(self) -> None:
        waiting, stopped = Event(), Event()

        def stream() -> None:
            with threads.on_stop(stopped.set):
                waiting.set()
                wait_for(stopped)

        with StreamThreads() as threads:
            threads.start("stream", stream)
            wait_for(waiting)
        assert stopped.is_set()

    @pytest.mark.parametrize("use", [lambda threads: threads.start("late", str), lambda threads: threads.on_stop(str).__enter__()])
    def test_stopped_threads_start_nothing(self, use: Callable[[StreamThreads], object]) -> None:
        with StreamThreads() as threads:
            pass
        with pytest.raises(StreamsStopped):
            use(threads)


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(map_prefetch(range(50), lambda number: number * 2)) == [number * 2 for number in range(50)]


def test_no_items_have_no_results() -> None:
    assert list(map_prefetch([], str)) == []


def test_two_items_are_processed_at_once_while_the_caller_iterates() -> None:
    together = Barrier(2, timeout=10)  # neither item passes alone
    readers = set()

    def items() -> Iterator[int]:
        for number in range(4):
            readers.add(current_thread())
            yield number

    def work(number: int) -> int:
        together.wait()
        return number

    assert list(map_prefetch(items(), work)) == [0, 1, 2, 3]
    assert readers == {current_thread()}


def test_no_more_items_are_read_than_the_workers_can_hold() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            read.append(number)
            yield number

    results = map_prefetch(items(), lambda number: number, workers=2)
    assert next(results) == 0
    assert len(read) == 3


def test_an_error_is_raised_where_its_result_is_read() -> None:
    def work(number: int) -> int:
        return 10 // (2 - number)

    results = map_prefetch(range(5), work)
    assert [next(results), next(results)] == [5, 10]
    with pytest.raises(ZeroDivisionError):
        next(results)
