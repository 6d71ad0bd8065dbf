"""With a cycle every minute, an idle service needs at most eight calls per cycle on average, and does not read the tables of contacts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Engine

from tests.harness import start_harness
from tests.store.database_factories import POSTGRES_URL
from tests.store.recorded_statements import record_statements

LARGE_TABLES: Final = "contacts|verdicts|memberships|mql_starts|events|addresses|companies"
SCAN_OF_ROWS: Final = re.compile(rf"SCAN ({LARGE_TABLES})(?! USING)|SEARCH ({LARGE_TABLES}) USING INTEGER PRIMARY KEY \(rowid>")
SCAN_OF_INDEX: Final = re.compile(rf"SCAN ({LARGE_TABLES}) USING|SEARCH memberships USING PRIMARY KEY \(list=\?\)$")
ALLOWED_SCANS: Final = {"SCAN contacts USING INDEX contacts_here", "SCAN verdicts USING INDEX verdicts_of_mqls"}
MAX_STATEMENTS: Final = 150

CYCLES = 120  # of two hours: two of them read all forms, and one of these reads late events as well


def test_an_idle_cycle_needs_at_most_eight_calls_on_average(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.backfill()
        harness.approve()
        harness.advance(15)
        calls = {}
        for name, minutes in (("first", 1), ("idle", 1), ("hourly", 61), ("two-hourly", 121)):
            harness.advance(minutes)
            calls[name] = sum(harness.sync().requests.values())

    assert calls["idle"] < calls["hourly"] <= calls["two-hourly"]
    assert (calls["two-hourly"] + calls["hourly"] + (CYCLES - 2) * calls["idle"]) / CYCLES <= 8, calls


@pytest.mark.skipif(POSTGRES_URL is not None, reason="the test reads query plans of SQLite")
def test_an_idle_cycle_reads_no_table_of_contacts_row_by_row(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.backfill()
        harness.approve()
        harness.advance(15)
        with harness.worker() as worker:
            for _ in range(3):
                worker.sync()
            with record_statements(Engine) as statements:
                worker.sync()
                worker.figures()
            with worker.store.transaction() as tx:
                reads = [(sql, values) for sql, values in statements if sql.startswith("SELECT")]
                plans = {row[3] for sql, values in reads for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)}

    # Counts read an index of numbers; all else would grow with the contacts.
    assert {plan for plan in plans if SCAN_OF_ROWS.match(plan)} == set()
    assert {plan for plan in plans if SCAN_OF_INDEX.match(plan)} <= ALLOWED_SCANS
    assert len(statements) <= MAX_STATEMENTS
