"""The `merges` table: the ids of contacts that were merged away, and the contact that each of them is part of now.

HubSpot may show an event under the old id, also long after the merge.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select, update

from sync_worker.store.database import upsert_rows
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import merges


def save(tx: Connection, old_ids: Collection[int], survivor: int) -> None:
    """Save that contacts were merged into another one; contacts merged into them before are part of it too."""
    upsert_rows(tx, merges, [{"old_id": old_id, "contact_id": survivor} for old_id in old_ids])
    tx.execute(update(merges).where(in_ids(merges.c.contact_id, old_ids)).values(contact_id=survivor))


def find_survivors(tx: Connection, ids: Collection[int]) -> dict[int, int]:
    """Return the surviving contact by old id, for those of the ids that were merged away."""
    return dict(tx.execute(select(merges.c.old_id, merges.c.contact_id).where(in_ids(merges.c.old_id, ids))).all()) if ids else {}
