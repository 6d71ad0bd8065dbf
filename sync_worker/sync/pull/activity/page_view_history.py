"""Contacts whose older page views must be read: HubSpot assigns a visitor's page views to a contact once it identifies the contact.

These page views are older than the cursor. New contacts, except those of the first full scan, are queued in the transaction that saves
them, so that a crash loses none. Each is requested by itself, unless HubSpot counts no page views for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Connection

from sync_worker.hubspot.api.crm.contacts import PAGE_VIEWS_PROPERTY, Contacts
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts
from sync_worker.store.saved_state import scan_state

NO_VIEWS: Final = (None, "", "0", "0.0")
BATCH_SIZE: Final = 1_000  # contacts in one batch


def enqueue(tx: Connection, ids: Collection[int]) -> None:
    """Queue the contacts that are not in the state yet."""
    if new := contacts.find_new_ids(tx, ids):
        scan_state.save_page_view_queue(tx, {*scan_state.load_page_view_queue(tx), *new})


def next_batch(store: Store) -> list[int]:
    """Return the next contacts of the queue, in order of id."""
    with store.transaction() as tx:
        return [*scan_state.load_page_view_queue(tx)[:BATCH_SIZE]]


def mark_done(tx: Connection, ids: Collection[int]) -> None:
    """Remove contacts from the queue."""
    scan_state.save_page_view_queue(tx, set(scan_state.load_page_view_queue(tx)).difference(ids))


def select_with_page_views(contacts: Contacts, ids: Sequence[int]) -> list[int]:
    """Return the contacts for which HubSpot counts page views."""
    return [row.id for row in contacts.read(ids, (PAGE_VIEWS_PROPERTY,)).items if row.properties.get(PAGE_VIEWS_PROPERTY) not in NO_VIEWS]
