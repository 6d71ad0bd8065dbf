"""Concurrent work: no result is lost or out of order, and the number of pending results is limited."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

import pytest

from sync_worker.concurrency import drain, interleave, map_prefetch, submit_and_poll


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(map_prefetch(range(50), lambda number: number * 2)) == [number * 2 for number in range(50)]


def test_no_items_give_no_results() -> None:
    assert list(map_prefetch([], str)) == []


def test_two_items_are_processed_at_once_while_the_caller_iterates() -> None:
    together = threading.Barrier(2, timeout=10)  # blocks until both threads arrive
    readers = set()

    def items() -> Iterator[int]:
        for number in range(4):
            readers.add(threading.current_thread())
            yield number

    def work(number: int) -> int:
        together.wait()
        return number

    assert list(map_prefetch(items(), work)) == [0, 1, 2, 3]
    assert readers == {threading.current_thread()}


def test_at_most_one_item_more_than_workers_is_read_ahead() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            read.append(number)
            yield number

    results = map_prefetch(items(), lambda number: number, workers=2)
    assert next(results) == 0
    assert len(read) == 3


def test_an_error_is_raised_when_its_result_is_read() -> None:
    def work(number: int) -> int:
        return 10 // (2 - number)

    results = map_prefetch(range(5), work)
    assert [next(results), next(results)] == [5, 10]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_polling_yields_until_the_result_is_there() -> None:
    may_answer = threading.Event()

    def question() -> str:
        assert may_answer.wait(timeout=20)
        return "answer"

    def work() -> Generator[tuple[()], None, str]:
        return (yield from submit_and_poll(question))

    task = work()
    assert next(task) == ()
    may_answer.set()
    assert drain(task) == "answer"


def test_draining_returns_the_result_or_raises_the_error() -> None:
    def fails() -> str:
        raise LookupError

    assert drain(submit_and_poll(lambda: 7)) == 7
    with pytest.raises(LookupError):
        drain(submit_and_poll(fails))


def test_waiting_generators_are_interleaved() -> None:
    done: list[str] = []

    def work(name: str, waits: int) -> Generator[tuple[()], None, None]:
        for _ in range(waits):
            yield ()
        done.append(name)

    steps = sum(1 for _ in interleave(work("long", 3), work("none", 0), work("short", 1)))

    assert done == ["none", "short", "long"]
    assert steps == 3


def test_when_one_generator_fails_the_others_are_closed() -> None:
    closed: list[bool] = []

    def other() -> Generator[tuple[()], None, None]:
        try:
            while True:
                yield ()
        finally:
            closed.append(True)

    def fail() -> Generator[tuple[()], None, None]:
        yield ()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        drain(interleave(other(), fail()))
    assert closed == [True]
