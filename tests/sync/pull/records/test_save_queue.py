"""Contacts whose email subscriptions are read are saved in groups, while others are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Barrier, Lock
from types import SimpleNamespace
from typing import Any

import pytest

from sync_worker.concurrency import StreamThreads
from sync_worker.errors import Unavailable
from sync_worker.hubspot.records.models import Contact
from sync_worker.intervals import Interval
from sync_worker.sync.pull.records.save_queue import GROUP_SIZE, MAX_GROUPS, SaveQueue
from sync_worker.sync.reader.keyed_stream import StreamBatch

Save = Callable[[Sequence[Contact], Sequence[Interval]], None]


def make_batches(pages: int, size: int = 200) -> list[StreamBatch[Contact]]:
    rows = [Contact(number, (), (), datetime(2026, 1, 1, tzinfo=UTC)) for number in range(size)]
    return [StreamBatch(rows=rows, interval=Interval(page * size, (page + 1) * size)) for page in range(pages)]


def save_pages(save: Save, batches: Sequence[StreamBatch[Contact]], *, reads_subscriptions: bool = True) -> None:
    """Put pages into a queue one at a time, in a thread of a stream, and wait until all are saved."""
    with StreamThreads() as threads:
        context: Any = SimpleNamespace(reads_subscriptions=reads_subscriptions, threads=threads)
        queue = SaveQueue(context=context, save=save)

        def read() -> None:
            for batch in batches:
                queue.add([batch])
            queue.finish()

        threads.start("contacts", read)
        for _ in threads.run_calls():
            pass


def test_each_contact_is_saved_once_with_its_range_of_ids() -> None:
    batches, saved = make_batches(23), list[tuple[int, Sequence[Interval]]]()

    save_pages(lambda contacts, intervals: saved.append((len(contacts), intervals)), batches)

    assert sorted(number for number, _ in saved) == [600, GROUP_SIZE, GROUP_SIZE]
    assert sorted(interval for _, intervals in saved for interval in intervals) == [batch.interval for batch in batches]
    assert all(number == 200 * len(intervals) for number, intervals in saved)


def test_groups_are_saved_at_the_same_time_and_their_number_is_limited() -> None:
    lock, together, running, most = Lock(), Barrier(MAX_GROUPS), 0, 0

    def save(_contacts: Sequence[Contact], _intervals: Sequence[Interval]) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(20)  # broken if fewer groups are saved at the same time
        with lock:
            running -= 1

    save_pages(save, make_batches(3 * MAX_GROUPS, size=GROUP_SIZE))

    assert most == MAX_GROUPS


def test_an_error_of_a_group_ends_the_scan() -> None:
    def fail(_contacts: Sequence[Contact], _intervals: Sequence[Interval]) -> None:
        raise Unavailable("HubSpot is not available.", operation="read subscription statuses")

    with pytest.raises(Unavailable):
        save_pages(fail, make_batches(30))


def test_without_subscriptions_each_page_is_saved_at_once() -> None:
    saved = list[int]()

    save_pages(lambda contacts, _: saved.append(len(contacts)), make_batches(3), reads_subscriptions=False)

    assert saved == [200, 200, 200]
