"""Whatever goes wrong at whichever endpoint: the right exit code, a way out, and nothing lost. The soak goes through every cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.errors import AccessDenied
from tests.reliability.fault_matrix import ENDPOINTS, EXIT_CODES, FAULTS, FOR_EVER, WRITES, Row, a_bench, cells, impatient

DELETED = "property deleted"  # strikes a write alone
PASSING = [fault for fault in FAULTS if fault not in (*FOR_EVER, DELETED)]
# Each endpoint and each fault at least once.
SOME = [*((PASSING[place % len(PASSING)], endpoint) for place, endpoint in enumerate(ENDPOINTS)), (DELETED, WRITES)]
PARTS = 3


def is_right(row: Row) -> bool:
    # Who may read contacts may read their properties without a scope for that.
    harmless = row.fault == "scope withdrawn" and ENDPOINTS[row.endpoint] == "crm.schemas.contacts.read"
    ends_well = row.exit_code == (0 if harmless else EXIT_CODES.get(row.fault, 0)) and row.struck >= 1
    # One sentence says what happened, another the way out.
    return ends_well and (row.exit_code == 0 or row.said.count(".") >= 2 or row.said.startswith("check: "))


@pytest.mark.parametrize("part", range(PARTS))
def test_every_endpoint_and_every_fault_once(tmp_path: Path, part: int) -> None:
    with a_bench(tmp_path) as bench:
        rows = [bench.row(fault, endpoint) for fault, endpoint in SOME[part::PARTS]]
        assert [row for row in rows if not is_right(row)] == []
        assert bench.nothing_is_lost()


@pytest.mark.parametrize("fault", FOR_EVER)
def test_what_is_taken_from_the_token_stops_the_run_with_the_way_out(tmp_path: Path, fault: str) -> None:
    with a_bench(tmp_path) as bench:
        row = bench.row(fault, WRITES)
        assert is_right(row), row
        before = bench.world.digest()
        with impatient(bench.world) as worker, pytest.raises(AccessDenied):
            worker.sync()
        assert bench.world.digest() == before


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
def test_every_cell(tmp_path: Path, fault: str) -> None:
    chosen = [endpoint for each, endpoint in cells() if each == fault]
    for place, endpoints in enumerate([[one] for one in chosen] if fault in FOR_EVER else [chosen]):
        with a_bench(tmp_path / str(place)) as bench:
            rows = [bench.row(fault, endpoint) for endpoint in endpoints]
            assert [row for row in rows if not is_right(row)] == []
            assert fault in FOR_EVER or bench.nothing_is_lost()
