"""A reply that is valid but not true loses nothing: the next full scan heals it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.fault_matrix import start_fault_bench
from tests.reliability.wrong_replies import WRONG_REPLIES, cells, run_cell

# Each kind of wrong reply and each endpoint at least once.
SAMPLE = sorted(
    {*{endpoint: (kind, endpoint) for kind, endpoint in cells()}.values(), *{kind: (kind, endpoint) for kind, endpoint in cells()}.values()}
)
PART_COUNT = 3


@pytest.mark.parametrize("part", range(PART_COUNT))
def test_the_next_full_scan_heals_a_wrong_reply(tmp_path: Path, part: int) -> None:
    with start_fault_bench(tmp_path) as bench:
        rows = [run_cell(bench, kind, endpoint) for kind, endpoint in SAMPLE[part::PART_COUNT]]
        assert [row for row in rows if not row.is_expected] == []


@pytest.mark.soak
@pytest.mark.parametrize("kind", WRONG_REPLIES)
def test_every_wrong_reply_on_every_endpoint_is_healed(tmp_path: Path, kind: str) -> None:
    with start_fault_bench(tmp_path) as bench:
        rows = [run_cell(bench, each, endpoint) for each, endpoint in cells() if each == kind]
        assert [row for row in rows if not row.is_expected] == []
