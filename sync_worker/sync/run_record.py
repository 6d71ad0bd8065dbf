"""The record of a run: one row in `runs` and one canonical log line, also after an error. A run is done if no error ended it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog

from sync_worker.errors import ExitCode, SyncWorkerError
from sync_worker.hubspot.client import ConnectionClosed
from sync_worker.hubspot.rest.metrics import RequestMetrics
from sync_worker.resource_errors import find_exhaustion
from sync_worker.store import runs
from sync_worker.store.database import Store
from sync_worker.store.saved_state import unreadable
from sync_worker.sync.pull.records.cursors import load_cursors
from sync_worker.sync.run_report import RunReport
from sync_worker.timestamps import to_ms
from sync_worker.traces import Span, trace_run

log = structlog.get_logger()


@contextmanager
def record_run(report: RunReport, store: Store, clock: Callable[[], datetime], metrics: RequestMetrics) -> Iterator[None]:
    """Complete the report when the run ends, save it and log it."""
    started, before = time.monotonic(), metrics.snapshot()
    with store.transaction() as tx:
        runs.start(tx, report.run_id, report.command + (" (dry run)" if report.dry_run else ""), at=to_ms(clock()))
        report.cursor_before = load_cursors(tx)
    failure: BaseException | None = None
    try:
        with trace_run(report.command, run_id=report.run_id, model=report.model) as span:
            yield
            _add_figures(span, report)
    except BaseException as error:
        failure = find_exhaustion(error) or error
        raise
    finally:
        report.seconds = time.monotonic() - started
        report.add_metrics(metrics.snapshot().subtract(before))
        exit_code = int(report.exit_code if failure is None else _find_exit_code(failure))
        with store.transaction() as tx:
            report.cursor_after = load_cursors(tx)
            report.left_out += map(str, unreadable.load(tx))
            saved = report.anonymous_json() | ({"error": _error_text(failure)} if failure else {})
            runs.finish(tx, report.run_id, at=to_ms(clock()), exit_code=exit_code, done=failure is None, report=saved)
        omitted = {"plan", "rejected", "unreadable", "exit_code", "run"}
        line = {key: value for key, value in report.anonymous_json().items() if key not in omitted}
        line |= {"error": _error_text(failure)} if failure else {}
        has_failed = isinstance(failure, Exception) and not isinstance(failure, ConnectionClosed)  # the latter was asked to stop
        write = log.error if has_failed else log.info
        write(
            "run.finished",
            exit_code=exit_code,
            done=failure is None,
            new_mqls=report.count_new_mqls(),
            rejected=len(report.rejected),
            **line,
        )


def _add_figures(span: Span, report: RunReport) -> None:
    figures = {"contacts_read": report.pulled["contacts"], "evaluated": report.evaluated, "written": report.written}
    for name, figure in (figures | {f"seconds.{step}": seconds for step, seconds in report.steps.seconds.items()}).items():
        span.set_attribute(name, figure)


def _find_exit_code(failure: BaseException) -> ExitCode:
    """Return the exit code of the command."""
    if isinstance(failure, SyncWorkerError):
        return failure.exit_code
    return ExitCode.INTERRUPTED if isinstance(failure, KeyboardInterrupt) else ExitCode.BUG


def _error_text(failure: BaseException) -> str:
    # The text of a foreign exception may contain personal data.
    return str(failure) if isinstance(failure, SyncWorkerError) else type(failure).__name__
