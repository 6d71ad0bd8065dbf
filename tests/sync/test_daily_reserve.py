from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from sync_worker.errors import ExitCode, QuotaExceeded
from sync_worker.sync.report import RunReport
from tests.harness import Harness, start_harness


@pytest.mark.parametrize("work", [Harness.backfill, Harness.sync], ids=["backfill", "sync, which does not ask for the portal's time zone"])
def test_the_reserve_of_the_day_is_left_to_others_and_the_next_day_goes_on(tmp_path: Path, work: Callable[[Harness], RunReport]) -> None:
    with start_harness(tmp_path, daily=60, settings={"reserve": 0.5}) as harness:
        harness.backfill()
        with pytest.raises(QuotaExceeded) as stopped:
            deque(work(harness) for _ in range(10))
        assert stopped.value.exit_code == ExitCode.TRY_AGAIN
        assert "at 23:00 UTC" in str(stopped.value)  # midnight in Berlin
        said = requests.get(f"{harness.server.base_url}/sandbox/requests", timeout=30).text
        assert "429" not in said  # what is left was left, not found out by being refused

        harness.advance(60 * 12)
        assert not harness.backfill().rejected
