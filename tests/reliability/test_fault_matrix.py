"""The fault matrix: every fault on every endpoint gives the right exit code and a hint, and loses no change.

By default, each endpoint and each fault at least once, and the faults that a run survives several at a time; the long tests run each fault
on each endpoint alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.errors import AccessDenied
from tests.reliability.fault_matrix import (
    ENDPOINTS,
    EXIT_CODES,
    FAULTS,
    IRREVERSIBLE_FAULTS,
    WRITE_ENDPOINT,
    CellResult,
    cells,
    short_timeout_worker,
    start_fault_bench,
)

DELETED_PROPERTY = "property deleted"  # applies to writes only
PASSING_FAULTS = [fault for fault in FAULTS if fault not in (*IRREVERSIBLE_FAULTS, DELETED_PROPERTY)]
# Each endpoint and each fault at least once.
SAMPLE = [
    *((PASSING_FAULTS[index % len(PASSING_FAULTS)], endpoint) for index, endpoint in enumerate(ENDPOINTS)),
    (DELETED_PROPERTY, WRITE_ENDPOINT),
]
SURVIVED = [(fault, endpoint) for fault, endpoint in SAMPLE if fault not in EXIT_CODES]
FAULTS_AT_ONCE = 5


def is_expected(row: CellResult) -> bool:
    # The scope for contacts also allows to read their properties. The only webinar is left out, and named.
    harmless = (row.fault == "scope withdrawn" and ENDPOINTS[row.endpoint] == "crm.schemas.contacts.read") or (
        row.fault in ("503, permanent", "477 for a day") and row.endpoint.endswith("/breakdown")
    )
    ends_well = row.exit_code == (0 if harmless else EXIT_CODES.get(row.fault, 0)) and row.hits >= 1
    # One sentence for the cause, one for the hint.
    return ends_well and (row.exit_code == 0 or row.message.count(".") >= 2 or row.message.startswith("check: "))


def test_a_run_survives_several_faults_at_once(tmp_path: Path) -> None:
    parts = -(-len(SURVIVED) // FAULTS_AT_ONCE)
    with start_fault_bench(tmp_path) as bench:
        rows = [row for part in range(parts) for row in bench.run_cells(SURVIVED[part::parts])]
        assert [row for row in rows if not is_expected(row)] == []
        assert bench.is_nothing_lost()


def test_a_fault_that_lasts_ends_the_run_and_loses_nothing(tmp_path: Path) -> None:
    with start_fault_bench(tmp_path) as bench:
        rows = [bench.run_cell(fault, endpoint) for fault, endpoint in SAMPLE if fault in EXIT_CODES]
        assert [row for row in rows if not is_expected(row)] == []
        assert bench.is_nothing_lost()


@pytest.mark.parametrize("fault", IRREVERSIBLE_FAULTS)
def test_a_revoked_token_or_scope_stops_the_run_with_a_hint(tmp_path: Path, fault: str) -> None:
    with start_fault_bench(tmp_path) as bench:
        row = bench.run_cell(fault, WRITE_ENDPOINT)
        assert is_expected(row), row
        before = bench.harness.digest()
        with short_timeout_worker(bench.harness) as worker, pytest.raises(AccessDenied):
            worker.sync()
        assert bench.harness.digest() == before


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_on_every_endpoint(tmp_path: Path, fault: str) -> None:
    chosen = [endpoint for each, endpoint in cells() if each == fault]
    for index, endpoints in enumerate([[one] for one in chosen] if fault in IRREVERSIBLE_FAULTS else [chosen]):
        with start_fault_bench(tmp_path / str(index)) as bench:
            rows = [bench.run_cell(fault, endpoint) for endpoint in endpoints]
            assert [row for row in rows if not is_expected(row)] == []
            assert fault in IRREVERSIBLE_FAULTS or bench.is_nothing_lost()
