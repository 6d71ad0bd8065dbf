"""The service continues after errors that may pass, gives up when an operator has to act, and stops in every state."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog
from structlog.testing import capture_logs

from sync_worker import log
from sync_worker.errors import (
    BadRequest,
    ClockSkewed,
    ConfigurationError,
    ExitCode,
    FatalError,
    Forbidden,
    PortalBusy,
    StateError,
    SyncWorkerError,
    Unauthorized,
    Unavailable,
    UnsafePlan,
)
from sync_worker.hubspot.rest.clock import ConnectionClosed
from sync_worker.progress import Progress
from sync_worker.reports.state_figures import StateFigures
from sync_worker.resource_errors import ResourceExhausted
from sync_worker.service.cycle_runner import CycleRunner
from sync_worker.service.cycle_schedule import CycleSchedule
from sync_worker.service.dead_man import DeadManSwitch
from sync_worker.service.degraded_state import DegradedState
from sync_worker.service.health import Health
from sync_worker.service.metrics import ServiceMetrics
from sync_worker.service.scheduler import SyncScheduler, reevaluate
from sync_worker.settings import Settings
from sync_worker.store.saved_state.service_cycle import CycleUsage
from sync_worker.sync.plan.safety import Guard, SafetyLimits
from sync_worker.sync.portal.portal import PortalInfo
from sync_worker.sync.run_report import RunReport
from sync_worker.worker import Worker
from tests.service_factories import make_figures

PORTAL = PortalInfo(id=42, time_zone="Europe/Berlin", stages=(), shows_occurrences=True)


@pytest.fixture
def log_stream() -> Iterator[StringIO]:
    stream = StringIO()
    log.configure(stream)
    yield stream
    structlog.reset_defaults()


def read_log_lines(log_stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_stream.getvalue().splitlines()]


def read_events(log_stream: StringIO) -> list[str]:
    return [line["event"] for line in read_log_lines(log_stream)]


def do_nothing() -> None:
    """Replace a method that needs no result."""


def make_settings(**values: Any) -> Settings:
    return Settings(**{"http_port": 0, **values})


def make_report() -> RunReport:
    return RunReport(run_id="1", command="sync", dry_run=False, model="abc")


@dataclass(kw_only=True)
class FakeWorker:
    """A worker whose cycles, portal and configuration are functions."""

    sync: Callable[[], RunReport] = make_report
    read: Callable[[], None] = do_nothing
    check_configuration: Callable[[], None] = do_nothing
    settings: Settings = field(default_factory=make_settings)
    paused_at: datetime | None = None
    health: list[str | None] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    interrupted: Event = field(default_factory=Event)
    now: float = 0.0
    progress: Progress = field(default_factory=Progress)
    on_report: Callable[[RunReport], None] = lambda _: None
    max_backlog_pages: int | None = None
    cycles: list[tuple[int, str]] = field(default_factory=list)
    usage: CycleUsage = field(default_factory=CycleUsage)
    store: Any = field(default_factory=lambda: SimpleNamespace(location="state.db", shrink_cache=do_nothing))
    closed: list[str] = field(default_factory=list)
    _exit_stack: ExitStack = field(default_factory=ExitStack)

    model = SimpleNamespace(hash="abc")
    channels = ()

    def uptime(self) -> float:
        return self.now

    def clock(self) -> datetime:
        return datetime.now(UTC)

    def figures(self) -> StateFigures:
        return make_figures()

    def load_pause(self) -> datetime | None:
        return self.paused_at

    def close(self) -> None:
        self.closed.append("worker")

    @contextmanager
    def hold_service(self) -> Iterator[Any]:
        self.check_configuration()
        yield SimpleNamespace(duration=timedelta(minutes=2), renew=do_nothing)
        self.released.append("service")

    def save_cycle(self, seconds: int, reason: str, usage: CycleUsage) -> None:
        self.usage = usage
        self.cycles.append((seconds, reason))

    def load_cycle_usage(self) -> CycleUsage:
        return self.usage

    def daily_limit(self) -> int | None:
        return None

    def release_leases(self) -> None:
        self.released.append("all")

    def read_portal(self) -> PortalInfo:
        self.read()
        return PORTAL

    def last_full_scan(self) -> datetime:
        return datetime.now(UTC)

    def backfill(self) -> None:
        """Not called, because the last full scan has just ended."""

    def save_health(self, error: str | None) -> None:
        self.health.append(error)

    def interrupt(self) -> None:
        self.interrupted.set()


@dataclass
class ServiceRun:
    """A service in a thread, its error and its exit code if it had to abandon a run."""

    scheduler: SyncScheduler
    failure: SyncWorkerError | None = None
    abandoned_with: int | None = None

    def run(self) -> None:
        try:
            self.scheduler.run()
        except SyncWorkerError as raised:
            self.failure = raised


@contextmanager
def run_service(
    worker: FakeWorker, *, stop_seconds: float = 30.0, load_settings: Callable[[], Settings] = make_settings
) -> Iterator[ServiceRun]:
    """Run the service in a thread; the end of the block waits for its end."""
    exits: list[int] = []
    scheduler = SyncScheduler(cast("Worker", worker), load_settings=load_settings, stop_seconds=stop_seconds, exit_process=exits.append)
    service = ServiceRun(scheduler)
    thread = Thread(target=service.run)
    thread.start()
    try:
        yield service
    except BaseException:
        service.scheduler.stop()
        raise
    finally:
        thread.join(30)
    assert not thread.is_alive()
    service.abandoned_with = exits[0] if exits else None


def serve_one_cycle(error: BaseException, **options: Any) -> SyncWorkerError | None:
    """Run the service until its first cycle has failed with `error`, then stop it; return the error of the service."""
    ended = Event()

    def sync() -> RunReport:
        ended.set()
        raise error

    with run_service(FakeWorker(sync=sync, **options)) as service:
        assert ended.wait(30)
        service.scheduler.stop()
    return service.failure


def make_unsafe_plan() -> UnsafePlan:
    with pytest.raises(UnsafePlan) as refused:
        Guard(limits=SafetyLimits(min_contacts=20)).check(contacts=100, changed=60, new_mqls=0, unexpected_mqls=0)
    return refused.value


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (Unavailable("HubSpot answered 502."), "run.failed"),
        (KeyError("ana@example.com"), "run.crashed"),
        (Unauthorized("HubSpot does not accept the token."), "run.refused"),
        (Forbidden("HubSpot denies access."), "run.refused"),
        (BadRequest("HubSpot did not accept the request."), "run.refused"),
        (ClockSkewed("This machine's clock is 400 s ahead."), "run.refused"),
    ],
)
def test_one_error_does_not_stop_the_service_which_says_that_it_is_degraded(log_stream: StringIO, error: BaseException, event: str) -> None:
    assert serve_one_cycle(error) is None
    assert read_events(log_stream) == ["service.started", event, "service.degraded", "service.stopped"]
    assert "ana@example.com" not in log_stream.getvalue()


def test_the_calls_of_a_run_that_a_stop_ends_are_saved() -> None:
    worker = FakeWorker(sync=lambda: pytest.fail("not called"))
    schedule = CycleSchedule(clock=worker.clock, fixed=None, max_daily_share=0.1, is_restored=True)

    def read_a_part(_: Worker) -> RunReport:
        schedule.add(RunReport(run_id="run", command="sync", dry_run=False, model="abc", requests={"POST search": 7}))
        raise ConnectionClosed

    result = make_runner(worker, schedule).run("sync", read_a_part)
    assert (result.done, result.error, worker.usage.calls) == (False, None, 7)


@pytest.mark.parametrize("error", [Unavailable(), Unauthorized(), UnsafePlan()])
def test_a_cycle_that_fails_in_a_backlog_is_not_repeated_at_once(error: SyncWorkerError) -> None:
    worker = FakeWorker()
    schedule = CycleSchedule(clock=worker.clock, fixed=None, max_daily_share=0.1, is_restored=True)
    runner = make_runner(worker, schedule)

    def fail_after_the_read(_: Worker) -> RunReport:
        schedule.add(RunReport(run_id="run", command="sync", dry_run=False, model="abc", has_backlog=True))
        raise error

    waits = [runner.run("sync", fail_after_the_read).retry_in for _ in range(4)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(minutes=1)


def make_runner(worker: FakeWorker, schedule: CycleSchedule) -> CycleRunner:
    return CycleRunner(
        worker=cast("Worker", worker),
        degradation=DegradedState(patience=timedelta(0), uptime=worker.uptime),
        health=Health(clock=worker.clock, uptime=worker.uptime, cycle=timedelta(minutes=1)),
        metrics=ServiceMetrics(worker.clock),
        dead_man=DeadManSwitch(None),
        schedule=schedule,
    )


def test_a_stop_during_a_run_is_not_a_failure(log_stream: StringIO) -> None:
    assert serve_one_cycle(ConnectionClosed()) is None
    assert read_events(log_stream) == ["service.started", "run.interrupted", "service.stopped"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "out of memory"),
        (OSError(24, "Too many open files"), "open files"),
        (RuntimeError("can't start new thread"), "thread"),
    ],
)
def test_an_exhausted_machine_is_a_sentence_not_a_traceback(log_stream: StringIO, error: BaseException, sentence: str) -> None:
    assert serve_one_cycle(error) is None
    assert sentence in log_stream.getvalue()
    assert "Traceback" not in log_stream.getvalue()


def test_a_refused_plan_is_logged_with_its_numbers_and_commands(log_stream: StringIO) -> None:
    assert serve_one_cycle(make_unsafe_plan()) is None
    (refused,) = (line for line in read_log_lines(log_stream) if line["event"] == "plan.refused")
    assert refused["level"] == "error"
    assert "change 60 of 100 contacts (60.0%), and max_changed_share is 50.0%" in refused["error"]
    assert "`sync-worker sync --dry-run`" in refused["error"]
    assert "`sync-worker sync --allow-large`" in refused["error"]


def test_an_error_that_repeats_for_too_long_stops_the_service(log_stream: StringIO) -> None:
    failure = Unauthorized("HubSpot does not accept the token.")
    assert serve_one_cycle(failure, settings=make_settings(give_up_after_minutes=0)) is failure
    assert read_events(log_stream)[-2:] == ["service.gave_up", "service.stopped"]


def test_a_state_that_cannot_be_opened_to_release_memory_hides_no_error_of_a_cycle() -> None:
    def fail() -> None:
        raise ResourceExhausted("no more file handles")

    failure = Unauthorized("HubSpot does not accept the token.")
    store = SimpleNamespace(location="state.db", shrink_cache=fail)
    assert serve_one_cycle(failure, settings=make_settings(give_up_after_minutes=0), store=store) is failure


@pytest.mark.parametrize("error", [ConfigurationError("no property lead_score"), StateError("not a state"), PortalBusy("another service")])
def test_a_broken_configuration_and_a_second_service_end_at_the_start(log_stream: StringIO, error: SyncWorkerError) -> None:
    def fail() -> None:
        raise error

    with run_service(FakeWorker(check_configuration=fail)) as by_configuration:
        pass
    assert by_configuration.failure is error
    if isinstance(error, ConfigurationError):
        with run_service(FakeWorker(read=fail)) as by_portal:
            pass
        assert by_portal.failure is error
    assert "service.started" not in read_events(log_stream)


@pytest.mark.parametrize("error", [Unauthorized("token"), ClockSkewed("skewed"), Unavailable("502")])
def test_an_odd_reply_at_the_start_does_not_stop_the_service(log_stream: StringIO, error: SyncWorkerError) -> None:
    tried = Event()

    def read() -> None:
        tried.set()
        raise error

    worker = FakeWorker(read=read)
    with run_service(worker) as service:
        assert tried.wait(30)
        while not worker.health:
            tried.wait(0.01)
        service.scheduler.stop()
    assert service.failure is None
    assert (worker.health, worker.cycles) == ([str(error)], [])  # the calls that an earlier process has saved stay
    assert "service.degraded" in read_events(log_stream)


def test_a_blocked_run_does_not_delay_the_stop_and_the_leases_are_released(log_stream: StringIO) -> None:
    blocked, reply = Event(), Event()

    def sync() -> RunReport:
        blocked.set()
        reply.wait(30)
        return make_report()

    worker = FakeWorker(sync=sync)
    with run_service(worker, stop_seconds=0.05) as service:
        assert blocked.wait(30)
        service.scheduler.stop()
    reply.set()
    assert (service.failure, service.abandoned_with) == (None, 0)
    assert worker.interrupted.wait(30)
    assert worker.released == ["all"]
    assert "abandoned" in read_log_lines(log_stream)[-1]


def test_a_run_that_ends_after_the_stop_is_awaited(log_stream: StringIO) -> None:
    started, worker = Event(), FakeWorker()

    def sync() -> RunReport:
        started.set()
        assert worker.interrupted.wait(30)
        raise ConnectionClosed

    worker.sync = sync
    with run_service(worker) as service:
        assert started.wait(30)
        service.scheduler.stop()
    assert (service.failure, service.abandoned_with, worker.released) == (None, None, ["service"])
    assert read_events(log_stream)[-2:] == ["run.interrupted", "service.stopped"]


@pytest.mark.parametrize("explicit", [True, False])
def test_a_port_in_use_ends_the_service_only_if_the_port_was_set(log_stream: StringIO, *, explicit: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings.model_construct({"http_port"} if explicit else set(), http_port=port)
        if explicit:
            with run_service(FakeWorker(settings=settings)) as service:
                pass
            assert isinstance(service.failure, ConfigurationError)
            assert f"cannot use port {port}" in str(service.failure)
        else:
            serve_one_cycle(ConnectionClosed(), settings=settings)
            (line,) = (line for line in read_log_lines(log_stream) if line["event"] == "service.no_port")
            assert "SYNC_WORKER_HTTP_PORT" in line["error"]


def test_a_reload_takes_over_new_settings_and_starts_a_cycle(log_stream: StringIO) -> None:
    cycles: list[str] = []
    started, reloaded = Event(), Event()

    def sync() -> RunReport:
        started.wait(30)  # the first cycle may begin before `service` has its value
        cycles.append("sync")
        if len(cycles) == 1:
            service.scheduler.request_reload()
        else:
            reloaded.set()
        return make_report()

    worker = FakeWorker(sync=sync)
    with run_service(worker, load_settings=lambda: make_settings(sync_every_minutes=60)) as service:
        started.set()
        assert reloaded.wait(30)
        service.scheduler.stop()
    (line,) = (line for line in read_log_lines(log_stream) if line["event"] == "service.reloaded")
    assert (line["changed_settings"], worker.closed[0]) == (["sync_every_minutes"], "worker")


@pytest.mark.parametrize("fixed", [True, False])
def test_a_refused_reload_keeps_the_earlier_settings_and_says_why(log_stream: StringIO, *, fixed: bool) -> None:
    started, logged = Event(), Event()

    def sync() -> RunReport:
        started.wait(30)
        service.scheduler.request_reload()
        logged.set()
        return make_report()

    def load_settings() -> Settings:
        if fixed:
            return make_settings(state_url="sqlite:///other.db")
        raise ConfigurationError("worker.yaml:3: sync_evry_minutes is not a setting.")

    worker = FakeWorker(sync=sync)
    with run_service(worker, load_settings=load_settings) as service:
        started.set()
        assert logged.wait(30)
        while "service.reload_refused" not in log_stream.getvalue():
            logged.clear()
            logged.wait(0.02)
        service.scheduler.stop()
    (line,) = (line for line in read_log_lines(log_stream) if line["event"] == "service.reload_refused")
    assert "state_url cannot change" in line["error"] if fixed else "sync_evry_minutes" in line["error"]
    assert (line["level"], worker.closed) == ("error", [])


def test_a_pause_runs_no_cycle(log_stream: StringIO) -> None:
    looked = Event()

    @dataclass(kw_only=True)
    class PausedWorker(FakeWorker):
        def load_pause(self) -> datetime | None:
            looked.set()
            return datetime.now(UTC)

    def sync() -> RunReport:
        raise AssertionError("a paused service must not run a cycle")

    with run_service(PausedWorker(sync=sync)) as service:
        assert looked.wait(30)
        service.scheduler.stop()
    assert read_events(log_stream) == ["service.started", "service.paused", "service.stopped"]


class TestDegradedState:
    """When the service gives up."""

    UNAUTHORIZED = Unauthorized("token")

    def make(self, times: list[float]) -> DegradedState:
        return DegradedState(patience=timedelta(minutes=15), uptime=lambda: times[0] * 60)

    @pytest.mark.parametrize("error", [UNAUTHORIZED, Forbidden("scope"), BadRequest("400")])
    def test_it_gives_up_when_an_error_repeats_for_fifteen_minutes(self, error: FatalError) -> None:
        times = [0.0]
        degradation = self.make(times)
        assert degradation.add(error) is None
        times[0] = 14.9
        assert degradation.add(error) is None
        times[0] = 15
        assert degradation.add(error) is error

    def test_a_cycle_that_was_done_starts_again(self) -> None:
        times = [0.0]
        degradation = self.make(times)
        assert degradation.clear() is False
        degradation.add(self.UNAUTHORIZED)
        assert degradation.clear() is True
        times[0] = 20
        assert degradation.add(self.UNAUTHORIZED) is None

    def test_errors_that_pass_and_refused_plans_never_end_the_service(self) -> None:
        times = [0.0]
        degradation = self.make(times)
        for error in (Unavailable("502"), make_unsafe_plan(), PortalBusy("another worker")):
            times[0] += 1_000
            assert degradation.add(error) is None
        assert degradation.since == 60_000
        assert degradation.add(self.UNAUTHORIZED) is None

    def test_an_error_that_needs_an_operator_is_tried_again_at_growing_distance(self) -> None:
        degradation, delays = self.make([0.0]), []
        for _ in range(4):
            degradation.add(self.UNAUTHORIZED)
            delays.append(degradation.delay(self.UNAUTHORIZED, timedelta(minutes=5)) // timedelta(minutes=1))
        assert delays == [1, 2, 4, 5]

    def test_an_error_that_may_pass_doubles_the_interval_after_two_failures(self) -> None:
        degradation, delays, error = self.make([0.0]), [], Unavailable("502")
        for _ in range(6):
            degradation.add(error)
            delays.append(degradation.delay(error, timedelta(minutes=5)) // timedelta(minutes=1))
        assert delays == [5, 5, 10, 20, 30, 30]
        assert degradation.delay(error, timedelta(hours=1)) == timedelta(hours=1)

    def test_exit_code_two_is_left_to_a_configuration_that_is_broken_at_the_start(self) -> None:
        times = [0.0]
        degradation = self.make(times)
        degradation.add(ClockSkewed("400 s ahead", hint="Set the clock."))
        times[0] = 16
        final = degradation.add(ClockSkewed("400 s ahead", hint="Set the clock."))
        assert final is not None
        assert (final.exit_code, str(final)) == (ExitCode.TRY_AGAIN, "400 s ahead Set the clock.")


@pytest.mark.parametrize(("days", "warnings"), [(0, []), (3, [3])])
def test_the_nightly_cycle_warns_of_an_overdue_review(days: int, warnings: list[int]) -> None:
    worker: Any = SimpleNamespace(
        sync=make_report, figures=lambda: replace(make_figures(), review_overdue_days=days), model=SimpleNamespace(hash="abc")
    )
    with capture_logs() as logs:
        reevaluate(worker)
    assert [entry["days"] for entry in logs if entry["event"] == "model.review_overdue"] == warnings
