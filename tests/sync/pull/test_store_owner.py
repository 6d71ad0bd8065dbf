"""Streams are read in threads, but one thread alone uses the store and reports progress."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Thread, current_thread, main_thread

import pytest
from sqlalchemy import Connection

from sync_worker.progress import Progress
from sync_worker.store.database import Store
from tests.harness import Harness
from tests.sync.bulk_fakes import bulk_harness


class RecordThreads(Progress):
    """Records the threads that report progress; fails at the last report of `remaining`."""

    def __init__(self, remaining: int = 10**6) -> None:
        self.threads: set[Thread] = set()
        self.remaining = remaining

    def expect(self, what: str, total: int) -> None:  # noqa: ARG002 -- the signature of Progress
        self.threads.add(current_thread())

    def advance(self, what: str, number: int) -> None:  # noqa: ARG002 -- the signature of Progress
        self.threads.add(current_thread())
        self.remaining -= 1
        if self.remaining == 0:
            raise ZeroDivisionError


@pytest.fixture
def store_threads(monkeypatch: pytest.MonkeyPatch) -> set[Thread]:
    threads: set[Thread] = set()
    transaction = Store.transaction

    def record(store: Store) -> AbstractContextManager[Connection]:
        threads.add(current_thread())
        return transaction(store)

    monkeypatch.setattr(Store, "transaction", record)
    return threads


def test_one_thread_uses_the_store_and_reports_progress(harness: Harness, store_threads: set[Thread]) -> None:
    progress = RecordThreads()
    harness.backfill(progress=progress)
    harness.advance()
    harness.sync()
    assert store_threads == progress.threads == {main_thread()}


def test_no_thread_of_a_failed_read_is_left(harness: Harness) -> None:
    before = {*threading.enumerate()}
    with pytest.raises(ZeroDivisionError):
        harness.backfill(progress=RecordThreads(remaining=1))
    names = {thread.name for thread in {*threading.enumerate()} - before}
    assert not names & {"contacts", "events", "companies", "occurrences", "email_click", "form_submission", "webinar"}


def test_one_thread_uses_the_store_and_reports_progress_of_a_bulk_read(tmp_path: Path, store_threads: set[Thread]) -> None:
    progress = RecordThreads()
    with bulk_harness(tmp_path) as harness:
        harness.backfill(bulk=True, progress=progress)
    assert store_threads == progress.threads == {main_thread()}
