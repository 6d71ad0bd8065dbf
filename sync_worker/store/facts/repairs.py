"""The `repairs` table: contacts whose facts an earlier read had missed, until a plan with them was accepted.

HubSpot showed an event late, or lost it in one reply. The limits on the changes of a plan do not count these contacts.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, select

from sync_worker.store.database import upsert_rows
from sync_worker.store.schema import repairs


def add(tx: Connection, contact_ids: Collection[int]) -> None:
    """Save that facts of these contacts were missing."""
    upsert_rows(tx, repairs, [{"contact_id": contact_id} for contact_id in contact_ids])


def load(tx: Connection) -> frozenset[int]:
    """Return the contacts whose facts were missing."""
    return frozenset(tx.execute(select(repairs.c.contact_id)).scalars())


def clear(tx: Connection) -> None:
    """Delete all rows: a plan with these contacts was accepted."""
    tx.execute(delete(repairs))
