from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from sync_worker.errors import ExitCode, QuotaExceeded
from sync_worker.sync.run_report import RunReport
from tests.harness import Harness, start_harness


@pytest.mark.parametrize("run", [Harness.backfill, Harness.sync], ids=["backfill", "sync, which does not fetch the portal's time zone"])
def test_a_run_stops_at_the_daily_reserve_and_the_next_day_completes_it(tmp_path: Path, run: Callable[[Harness], RunReport]) -> None:
    with start_harness(tmp_path, daily=60, settings={"reserve": 0.5}) as harness:
        harness.backfill()
        with pytest.raises(QuotaExceeded) as stopped:
            deque(run(harness) for _ in range(10))
        assert stopped.value.exit_code == ExitCode.TRY_AGAIN
        assert "at 23:00 UTC" in str(stopped.value)  # midnight in Berlin
        log = requests.get(f"{harness.server.base_url}/sandbox/requests", timeout=30).text
        assert "429" not in log  # the worker stopped by itself, before HubSpot refused a request

        harness.advance(60 * 12)
        assert not harness.backfill().rejected
