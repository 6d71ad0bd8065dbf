"""The service continues after errors that may pass, and stops when an operator has to act."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from sync_worker import log
from sync_worker.errors import SyncWorkerError, Unauthorized, Unavailable, UnsafePlan
from sync_worker.hubspot.rest.clock import ConnectionClosed
from sync_worker.service.scheduler import SyncScheduler
from sync_worker.settings import Settings
from sync_worker.sync.plan.safety import Guard, SafetyLimits
from sync_worker.sync.portal.portal import PortalInfo

PORTAL = PortalInfo(id=42, time_zone="Europe/Berlin", stages=(), shows_occurrences=True)


@pytest.fixture
def log_stream() -> Iterator[StringIO]:
    stream = StringIO()
    log.configure(stream)
    yield stream
    structlog.reset_defaults()


def read_log_lines(log_stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_stream.getvalue().splitlines()]


def make_worker(sync: Callable[[], None]) -> Any:
    return SimpleNamespace(
        settings=Settings(),
        read_portal=lambda: PORTAL,
        last_full_scan=lambda: datetime.now(UTC),
        sync=sync,
        backfill=sync,
        interrupt=lambda: None,
    )


def serve_one_cycle(error: BaseException) -> SyncWorkerError | None:
    """Run the service until its first cycle has failed with `error`, then stop it; return the error of the service."""
    ended = Event()

    def sync() -> None:
        ended.set()
        raise error

    service, failure = SyncScheduler(make_worker(sync)), list[SyncWorkerError]()

    def run() -> None:
        try:
            service.run()
        except SyncWorkerError as raised:
            failure.append(raised)

    thread = Thread(target=run)
    thread.start()
    assert ended.wait(30)
    service.stop()
    thread.join(30)
    return failure[0] if failure else None


def make_unsafe_plan() -> UnsafePlan:
    with pytest.raises(UnsafePlan) as refused:
        Guard(limits=SafetyLimits(min_contacts=20)).check(contacts=100, changed=60, new_mqls=0)
    return refused.value


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (Unavailable("HubSpot answered 502."), "run.failed"),
        (ConnectionClosed(), "run.interrupted"),
        (KeyError("ana@example.com"), "run.crashed"),
    ],
)
def test_an_error_that_may_pass_does_not_stop_the_service(log_stream: StringIO, error: BaseException, event: str) -> None:
    assert serve_one_cycle(error) is None
    assert [line["event"] for line in read_log_lines(log_stream)] == ["service.started", event, "service.stopped"]
    assert "ana@example.com" not in log_stream.getvalue()


def test_a_refused_plan_is_logged_with_its_numbers_and_commands(log_stream: StringIO) -> None:
    assert serve_one_cycle(make_unsafe_plan()) is None
    (refused,) = (line for line in read_log_lines(log_stream) if line["event"] == "plan.refused")
    assert refused["level"] == "error"
    assert "change 60 of 100 contacts (60.0%), and max_changed_share is 50.0%" in refused["error"]
    assert "`sync-worker sync --dry-run`" in refused["error"]
    assert "`sync-worker sync --allow-large`" in refused["error"]


def test_a_permanent_error_stops_the_service(log_stream: StringIO) -> None:
    failure = Unauthorized("HubSpot does not accept the token.")
    assert serve_one_cycle(failure) is failure
    assert [line["event"] for line in read_log_lines(log_stream)][-2:] == ["run.refused", "service.stopped"]
