"""What HubSpot has erased for good (GDPR) is erased here too."""

from __future__ import annotations

from sync_worker.hubspot.client import HubSpot
from sync_worker.store import erasure
from sync_worker.store.database import Store

BATCH_SIZE = 100  # contacts in one reading by id


def purge_gdpr_deleted(hubspot: HubSpot, store: Store) -> int:
    """Delete who is neither there, nor archived, nor merged into another; return how many. Best right after a reading of everybody.

    HubSpot keeps archived contacts for 90 days: they may be restored, so what is known of them stays for as long.
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
