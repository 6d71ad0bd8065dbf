"""Freshness: the time from a form to the MQL in HubSpot."""

from __future__ import annotations

from pathlib import Path

from tests.harness import start_harness


def test_an_mql_of_a_form_is_measured_once_and_an_old_form_is_not(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.backfill()
        harness.approve()  # two MQLs with older forms
        harness.advance(60)
        assert list(harness.sync().freshness) == []
        harness.submit_form("p3@example.com", "demo")
        harness.advance(2)
        assert list(harness.sync().freshness) == [120.0]
        harness.advance(5)
        assert list(harness.sync().freshness) == []
        with harness.worker() as worker:
            status = worker.status()
        assert status.freshness is not None
        assert (status.mqls, status.freshness.mqls, status.freshness.p95) == (4, 1, 120.0)
