"""States that an earlier version wrote: this version opens them, migrates them and continues."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import make_url

from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.store.database import open_store
from sync_worker.store.saved_state import scan_state
from sync_worker.store.schema import metadata
from tests.harness import (
    DAY,
    MODEL,
    MQL,
    NOW_MS,
    Harness,
    make_click,
    make_contact,
    make_page_view,
    make_participation,
    make_submission,
    make_webinar,
    small_portal,
    start_harness,
)
from tests.store.database_factories import POSTGRES_URL

pytestmark = pytest.mark.skipif(POSTGRES_URL is not None, reason="the states are SQLite databases")

DATA = Path(__file__).parent.parent / "store" / "data"
WEBINAR_MODEL = MODEL.replace(
    "    forms:",
    "    webinars: {event: webinar, each: 4, at_most: 8}\n    tour: {event: webinar, where: {name: {is: Tour}}, points: 1}\n    forms:",
)


def portal_data() -> PortalData:
    """The portal that the states are about."""
    return small_portal(
        contacts=[
            make_contact(1, associatedcompanyid="7", lifecyclestage="lead"),
            make_contact(2, lifecyclestage="subscriber"),
            make_contact(3),
        ],
        companies=[{"id": "7", "properties": {"name": "Acme", "numberofemployees": "500"}, "updatedAt": "2026-02-03T04:05:06Z"}],
        email_events=[make_click(number, "p1@example.com", NOW_MS - DAY - number) for number in range(2)],
        events=[make_page_view(number, 1, NOW_MS - DAY - number) for number in range(5)],
        submissions=[make_submission("p2@example.com", "demo")],
        marketing_events=[make_webinar(501)],
        participations=[make_participation(501, 3)],
    )


def use_state(harness: Harness, name: str) -> None:
    """Replace the state of the worker with one of an earlier version."""
    path = Path(str(make_url(harness.state_url).database))
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA / f"{name}.sql").read_text(encoding="utf-8"))


def assert_current_schema(harness: Harness) -> None:
    store = open_store(harness.state_url)
    with store.transaction() as tx:
        assert compare_metadata(MigrationContext.configure(tx, opts={"target_metadata": metadata}), metadata) == []
    store.close()


def test_an_interrupted_backfill_of_an_earlier_version_resumes(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with start_harness(tmp_path / "new", portal_data(), model=WEBINAR_MODEL) as harness:
        harness.backfill()
        expected = harness.digest()
    with start_harness(tmp_path, portal_data(), model=WEBINAR_MODEL) as harness:
        use_state(harness, "interrupted_backfill")
        report = harness.backfill()
        # The earlier version had not read the properties that this one added.
        assert (report.pulled["contacts"], report.evaluated, report.written) == (3, 3, 3)
        assert harness.digest() == expected
        assert [harness.score(number) for number in (1, 2, 3)] == [20, 10, 4]
        assert_current_schema(harness)
        assert harness.backfill().written == 0


def test_a_sync_continues_after_the_backfill_of_an_earlier_version(tmp_path: Path) -> None:
    with start_harness(tmp_path, portal_data(), model=WEBINAR_MODEL) as harness:
        # The earlier version had brought its portal to this point.
        harness.backfill()
        harness.approve()
        harness.advance()
        harness.create_contact(email="p4@example.com")
        harness.sync()

        use_state(harness, "completed_backfill")
        harness.advance()
        harness.add_click("late", "p3@example.com")
        report = harness.sync()
        # This version has more properties, so all contacts are evaluated again. When the two MQLs became MQLs is not known to the state.
        # The earlier version read no late events, so those of the last days are read again.
        assert (report.approved, report.pulled["email_click"], report.evaluated, report.written) == (True, 3, 4, 1 + 2)
        assert [harness.value(number, "lead_mql_since") for number in (1, 2)] == [None, None]
        assert ([harness.score(number) for number in (1, 2, 3, 4)], harness.value(1, "lifecyclestage")) == ([20, 10, 9, 0], MQL)
        assert harness.members("Leads · cold") == [3, 4]
        assert_current_schema(harness)
        harness.advance()
        assert harness.sync().written == 0

        harness.backfill()
        store = open_store(harness.state_url)
        with store.transaction() as tx:
            scan = scan_state.load_full_scan(tx)
        store.close()
        assert scan is not None
        assert (scan.number, scan.done) == (3, True)
