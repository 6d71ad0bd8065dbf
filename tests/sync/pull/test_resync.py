"""`service resync`: the next run reads a stream again from a time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from sync_worker.errors import ConfigurationError
from sync_worker.store import schema
from sync_worker.store.facts import events
from tests.harness import NOW, start_harness

KINDS = ("email_click", "page_view", "form_submission")


def test_the_next_run_reads_the_stream_again_and_saves_what_the_state_lacks(tmp_path: Path) -> None:
    with start_harness(tmp_path, settings={"late_hours": 0}) as harness:
        harness.backfill()
        harness.advance(30)
        with harness.worker() as worker, worker.store.transaction() as tx:
            before = {kind: events.count(tx, kind) for kind in KINDS}
            tx.execute(delete(schema.events))
        quiet = harness.sync()
        with harness.worker() as worker:
            for stream in (*KINDS, "contacts", "companies"):
                worker.request_resync(stream, NOW - timedelta(days=3 * 365))
            assert set(worker.status().resyncs) == {*KINDS, "contacts", "companies"}
        report = harness.sync()
        assert [report.pulled[kind] for kind in KINDS] == [before[kind] for kind in KINDS]
        assert (report.pulled["contacts"], report.pulled["companies"]) == (6, 2)
        with harness.worker() as worker:
            assert worker.status().resyncs == {}
            with worker.store.transaction() as tx:
                assert {kind: events.count(tx, kind) for kind in KINDS} == before
        assert quiet.pulled["email_click"] == 0
        assert harness.sync().pulled["email_click"] == 0


def test_a_stream_that_the_model_does_not_read_is_refused_with_those_that_it_reads(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness, harness.worker() as worker, pytest.raises(ConfigurationError, match="It reads: contacts, co"):
        worker.request_resync("email_open", NOW)
