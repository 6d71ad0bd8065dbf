"""A backtest of twelve dates compared with twelve evaluations, and a suggestion, on a generated portal of 100,000 contacts."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from sync_worker.cli.insight import suggest_model
from sync_worker.cli.portal_folder import read_history
from sync_worker.insight.as_of import as_of
from sync_worker.insight.backtest import run_backtest
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.loader import load
from sync_worker.model.evaluate import evaluate
from sync_worker.sandbox import folder, generator
from tests.system.subprocesses import ROOT

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HORIZON = timedelta(days=60)
EVENTS = 2_000_000
DATES = [NOW - HORIZON - timedelta(days=7 * week) for week in range(12)]


def main(contacts: int = 100_000) -> None:
    """Print the CPU seconds and their ratios."""
    file = ROOT / "config" / "model.yaml"
    model = load(file)
    with tempfile.TemporaryDirectory() as path:
        folder.write(generator.generate(contacts=contacts, seed=1, now=NOW), Path(path))
        history = _add_events(read_history(Path(path), [model]), EVENTS)
        single = sum(_measure(lambda at=at: evaluate(as_of(history, at).build_facts(), model, at)) for at in DATES)  # type: ignore[misc]
        backtest = _measure(lambda: run_backtest(history, {"model": model}, DATES, HORIZON))
        suggestion = _measure(lambda: suggest_model(Path(path), file, at=None, horizon=HORIZON, criteria=8))
    print(f"{contacts:,} contacts, {history.events.height:,} events, 12 dates: backtest {backtest:.1f} s of CPU", end="")
    print(f"  × {backtest / single:.2f} of 12 evaluations (target × 1.20)")
    print(f"  suggest, with the files: {suggestion:.1f} s of CPU (target 60 s)", flush=True)


def _add_events(history: PortalHistory, wanted: int) -> PortalHistory:
    """Return the history with copies of its events, each an hour older, until there are as many as wanted."""
    parts = [history.events]
    for copy in range(1, -(-wanted // history.events.height)):
        older = history.events.with_columns(
            pl.format("{}-{}", "event_id", pl.lit(copy)).alias("event_id"), at=pl.col("at") - timedelta(hours=copy)
        )
        parts.append(older)
    return replace(history, events=pl.concat(parts).head(wanted).rechunk())


def _measure(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
