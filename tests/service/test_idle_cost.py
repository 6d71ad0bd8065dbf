"""With a cycle every minute, an idle service needs at most eight calls per cycle on average, the hourly and two-hourly reads included."""

from __future__ import annotations

from pathlib import Path

from tests.harness import start_harness

CYCLES = 120  # of two hours: two of them read all forms, and one of these reads late events as well


def test_an_idle_cycle_needs_at_most_eight_calls_on_average(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.backfill()
        harness.approve()
        harness.advance(15)
        calls = {}
        for name, minutes in (("first", 1), ("idle", 1), ("hourly", 61), ("two-hourly", 121)):
            harness.advance(minutes)
            calls[name] = sum(harness.sync().requests.values())

    assert calls["idle"] < calls["hourly"] <= calls["two-hourly"]
    assert (calls["two-hourly"] + calls["hourly"] + (CYCLES - 2) * calls["idle"]) / CYCLES <= 8, calls
