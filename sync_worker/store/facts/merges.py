"""The `merges` table: the ids of contacts that were merged away, and the contact that each of them is part of now.

HubSpot may show an event under the old id, also long after the merge.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select, update

from sync_worker.store.database import upsert_rows
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import merges


def save(tx: Connection, old_ids: Collection[int], survivor: int, at: int) -> None:
    """Save that contacts were merged into another one; contacts merged into them before are part of it too.

    If the other one was merged itself, its survivor counts. `at` is when the survivor changed (milliseconds); a merge that is known already
    keeps its time.
    """
    survivor = find_survivors(tx, [survivor]).get(survivor, survivor)
    old_ids = [old_id for old_id in old_ids if old_id != survivor]
    times = dict(tx.execute(select(merges.c.old_id, merges.c.at).where(in_ids(merges.c.old_id, old_ids))).all()) if old_ids else {}
    upsert_rows(tx, merges, [{"old_id": old_id, "contact_id": survivor, "at": times.get(old_id, at)} for old_id in old_ids])
    tx.execute(update(merges).where(in_ids(merges.c.contact_id, old_ids)).values(contact_id=survivor))


def find_survivors(tx: Connection, ids: Collection[int]) -> dict[int, int]:
    """Return the surviving contact by old id, for those of the ids that were merged away."""
    return dict(tx.execute(select(merges.c.old_id, merges.c.contact_id).where(in_ids(merges.c.old_id, ids))).all()) if ids else {}


def load(tx: Connection) -> list[tuple[int, int, int | None]]:
    """Return (merged-away contact, survivor, time or None) of all merges."""
    return [(old_id, survivor, at) for old_id, survivor, at in tx.execute(select(merges.c.old_id, merges.c.contact_id, merges.c.at))]
