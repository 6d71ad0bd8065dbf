from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Harness, start_harness


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """The small portal, set up, nothing scored yet."""
    with start_harness(tmp_path) as harness:
        yield harness


@pytest.fixture
def backfill_harness(harness: Harness) -> Harness:
    """The small portal, every contact scored, lists and stages not approved."""
    harness.backfill()
    return harness


@pytest.fixture
def live_harness(backfill_harness: Harness) -> Harness:
    """The small portal at work: scored, approved, five minutes later."""
    backfill_harness.approve()
    backfill_harness.advance()
    return backfill_harness
