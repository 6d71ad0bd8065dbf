from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Harness, start_harness


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """Return the small portal after setup; no contact has a score."""
    with start_harness(tmp_path) as harness:
        yield harness


@pytest.fixture
def backfill_harness(harness: Harness) -> Harness:
    """Return the small portal after a backfill; the model is not approved."""
    harness.backfill()
    return harness


@pytest.fixture
def live_harness(backfill_harness: Harness) -> Harness:
    """Return the small portal in normal operation: five minutes after backfill and approval."""
    backfill_harness.approve()
    backfill_harness.advance()
    return backfill_harness
