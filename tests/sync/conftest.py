from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Harness, snapshot_backfill, snapshot_operation, start_harness


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """Return the small portal after setup; no contact has a score."""
    with start_harness(tmp_path) as harness:
        yield harness


@pytest.fixture
def backfill_harness(tmp_path: Path) -> Iterator[Harness]:
    """Return the small portal after a backfill; the model is not approved."""
    with snapshot_backfill().start_harness(tmp_path) as harness:
        yield harness


@pytest.fixture
def live_harness(tmp_path: Path) -> Iterator[Harness]:
    """Return the small portal in normal operation: five minutes after backfill and approval."""
    with snapshot_operation().start_harness(tmp_path) as harness:
        yield harness
