from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest
import requests

from sync_worker.errors import ExitCode, OutOfQuota
from tests.pipeline.worlds import a_world


def test_the_reserve_of_the_day_is_left_to_others_and_the_next_day_goes_on(tmp_path: Path) -> None:
    with a_world(tmp_path, daily=60, settings={"reserve": 0.5}) as world:
        with pytest.raises(OutOfQuota) as stopped:
            deque(world.backfill() for _ in range(10))
        assert stopped.value.exit_code == ExitCode.TRY_AGAIN
        assert "at 23:00 UTC" in str(stopped.value)  # midnight in Berlin
        said = requests.get(f"{world.served.base_url}/sandbox/requests", timeout=30).text
        assert "429" not in said  # what is left was left, not found out by being refused

        world.later(60 * 12)
        assert not world.backfill().rejected
