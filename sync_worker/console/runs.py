"""The page of the last runs, and their table, which the overview has too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sync_worker.console.page import ConsolePage
from sync_worker.console.texts import DASH, format_time
from sync_worker.errors import ExitCode
from sync_worker.reports.html.numbers import format_number
from sync_worker.reports.html.page import Part, ReportPage, Section, Table
from sync_worker.reports.status import RunSummary
from sync_worker.worker import Worker

MAX_RUNS: Final = 100


def build_runs_page(worker: Worker) -> ConsolePage:
    """Return the page."""
    runs = worker.load_runs(MAX_RUNS)
    failed = sum(_has_failed(run) for run in runs)
    section = Section(
        name="runs",
        title=f"The last {len(runs)} runs" if len(runs) == MAX_RUNS else "All runs",
        text="" if runs else "No run has started yet: run `sync-worker backfill`.",
        parts=[Part(table=build_run_table(runs))] if runs else [],
    )
    figures = [("Runs", format_number(len(runs)), "on this page"), ("Failed", format_number(failed), "an error ended them")]
    return ConsolePage(path="/runs", content=ReportPage(title="Runs", facts=[], figures=figures if runs else [], sections=[section]))


def build_run_table(runs: Sequence[RunSummary]) -> Table:
    """Return the table of runs, in the given order."""
    return Table(
        caption="Runs, the newest first; times in UTC",
        columns=("start", "command", "result", "read", "evaluated", "written", "seconds", "run"),
        rows=[_build_row(run) for run in runs],
        text_columns=(0, 1, 2, 7),
    )


def _build_row(run: RunSummary) -> tuple[str, ...]:
    seconds = DASH if run.seconds is None else f"{run.seconds:,.1f}"
    counts = (format_number(number) for number in (run.pulled, run.evaluated, run.written))
    return (format_time(run.started_at), run.command, _describe_result(run), *counts, seconds, run.run_id)


def _describe_result(run: RunSummary) -> str:
    if run.finished_at is None:
        return "active, or interrupted"
    if run.is_interrupted:
        return "interrupted"
    if run.error:
        return f"failed: {run.error}"
    return {0: "done", int(ExitCode.SOME_REJECTED): "done, with contacts held back"}.get(run.exit_code or 0, f"exit {run.exit_code}")


def _has_failed(run: RunSummary) -> bool:
    return run.finished_at is not None and not run.done and not run.is_interrupted
