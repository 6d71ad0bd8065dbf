"""Who is new has a past: what a visitor looked at before HubSpot knew who it was lies behind the mark up to which page views were read.

Whoever is met for the first time, but by the first reading of all, is noted together with the contact, so that a crash forgets nobody,
and asked about one by one. Whom HubSpot has counted no page view of has no such past.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Connection

from sync_worker.hubspot.api.contacts import Contacts
from sync_worker.store import contacts, scan_state
from sync_worker.store.database import Store

PAGE_VIEWS_PROPERTY: Final = "hs_analytics_num_page_views"
BATCH_SIZE: Final = 1_000  # contacts that are looked at at a time


def enqueue(tx: Connection, ids: Collection[int]) -> None:
    """Note those of some contacts that are not known yet."""
    if new := contacts.find_new_ids(tx, ids):
        scan_state.save_page_view_queue(tx, {*scan_state.load_page_view_queue(tx), *new})


def next_batch(store: Store) -> list[int]:
    """Return some of those whose past is still to be read, in order of id."""
    with store.transaction() as tx:
        return [*scan_state.load_page_view_queue(tx)[:BATCH_SIZE]]


def mark_done(tx: Connection, ids: Collection[int]) -> None:
    """Note that the past of contacts has been read."""
    scan_state.save_page_view_queue(tx, set(scan_state.load_page_view_queue(tx)).difference(ids))


def select_with_page_views(contacts: Contacts, ids: Sequence[int]) -> list[int]:
    """Return those of the contacts of whom HubSpot has counted page views."""
    return [row.id for row in contacts.read(ids, (PAGE_VIEWS_PROPERTY,)).items if float(row.properties.get(PAGE_VIEWS_PROPERTY) or 0) > 0]
