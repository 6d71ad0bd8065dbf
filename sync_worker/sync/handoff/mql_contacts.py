"""The contacts that messages are about, as HubSpot shows them now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Contact
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts
from sync_worker.store.writes.hand_offs import WaitingHandOff


def read_contacts(
    hubspot: HubSpot, store: Store, rows: Sequence[WaitingHandOff], properties: Sequence[str]
) -> Mapping[WaitingHandOff, Contact]:
    """Return the contacts of messages. Those that HubSpot no longer has under their id are marked as deleted in the state.

    The next read of the contact that one was merged into moves the message there.
    """
    if not rows:
        return {}
    found = hubspot.contacts.read([row.contact_id for row in rows], properties)
    if left := [*found.missing, *found.merged_into]:
        with store.transaction() as tx:
            contacts.mark_deleted(tx, left)
    by_id = {contact.id: contact for contact in found.items}
    return {row: by_id[row.contact_id] for row in rows if row.contact_id in by_id}
