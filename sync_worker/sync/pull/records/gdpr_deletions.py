"""Deletes contacts from the state that HubSpot deleted permanently (GDPR)."""

from __future__ import annotations

from sync_worker.hubspot.client import HubSpot
from sync_worker.store import erasure
from sync_worker.store.database import Store

BATCH_SIZE = 100  # contacts in one read by id


def purge_gdpr_deleted(hubspot: HubSpot, store: Store) -> int:
    """Delete contacts that are neither live, archived nor merged; return their number. Call it right after a full scan.

    HubSpot keeps archived contacts for 90 days and can restore them, so the state keeps them as long.
    """
    erased, after = 0, 0
    while True:
        with store.transaction() as tx:
            ids = erasure.find_deleted_ids(tx, after=after, limit=BATCH_SIZE)
        if not ids:
            return erased
        after = ids[-1]
        missing = hubspot.contacts.read(ids, ()).missing
        missing = hubspot.contacts.read(missing, (), archived=True).missing if missing else missing
        if missing:
            with store.transaction() as tx:
                erasure.purge(tx, missing)
            erased += len(missing)
