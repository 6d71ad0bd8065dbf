"""The `counter_checks` table: contacts for which HubSpot counts other events than it shows, and how often that was confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from sync_worker.store.database import upsert_rows
from sync_worker.store.schema import counter_checks


class CounterCheck(NamedTuple):
    """HubSpot's total, the number that the state counts, and how many full scans in a row have read the contact and found the same."""

    total: int
    counted: int
    times: int


def load(tx: Connection, kind: str) -> dict[int, CounterCheck]:
    """Return the checks of a kind of events by contact."""
    columns = (counter_checks.c.contact_id, counter_checks.c.total, counter_checks.c.counted, counter_checks.c.times)
    query = select(*columns).where(counter_checks.c.kind == kind)
    return {contact_id: CounterCheck(*check) for contact_id, *check in tx.execute(query)}


def replace(tx: Connection, kind: str, checks: Mapping[int, CounterCheck]) -> None:
    """Replace all checks of a kind of events."""
    tx.execute(delete(counter_checks).where(counter_checks.c.kind == kind))
    upsert_rows(tx, counter_checks, [{"kind": kind, "contact_id": id_, **check._asdict()} for id_, check in checks.items()])
