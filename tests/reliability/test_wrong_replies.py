"""A reply that is valid but not true loses nothing: the next full scan heals it.

By default, each kind and each endpoint at least once, and all wrong replies of one kind in the same run; the long tests give each alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.fault_matrix import start_fault_bench
from tests.reliability.wrong_replies import WRONG_REPLIES, cells, run_cells

# Each kind of wrong reply and each endpoint at least once.
SAMPLE = sorted(
    {*{endpoint: (kind, endpoint) for kind, endpoint in cells()}.values(), *{kind: (kind, endpoint) for kind, endpoint in cells()}.values()}
)


@pytest.mark.parametrize("kinds", [list(WRONG_REPLIES)[::2], list(WRONG_REPLIES)[1::2]], ids="; ".join)
def test_the_next_full_scan_heals_wrong_replies(tmp_path: Path, kinds: list[str]) -> None:
    with start_fault_bench(tmp_path) as bench:
        rows = [row for kind in kinds for row in run_cells(bench, kind, [endpoint for each, endpoint in SAMPLE if each == kind])]
        assert [row for row in rows if not row.is_expected] == []


@pytest.mark.soak
@pytest.mark.parametrize("kind", WRONG_REPLIES)
def test_every_wrong_reply_on_every_endpoint_is_healed(tmp_path: Path, kind: str) -> None:
    with start_fault_bench(tmp_path) as bench:
        rows = [row for each, endpoint in cells() if each == kind for row in run_cells(bench, kind, [endpoint])]
        assert [row for row in rows if not row.is_expected] == []
