"""Who is new has a past: what a visitor looked at before HubSpot knew who it was lies behind the mark up to which page views were read.

Whoever is met for the first time, but by the first reading of all, is noted together with the contact, so that a crash forgets nobody,
and asked about one by one. Whom HubSpot has counted no page view of has no such past.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Connection

from sync_worker.hubspot.api.contacts import Contacts
from sync_worker.store import contacts, key_value
from sync_worker.store.database import Store

KEY: Final = "newcomers"
VIEWS: Final = "hs_analytics_num_page_views"
TOGETHER: Final = 1_000  # contacts that are looked at at a time


def note(tx: Connection, ids: Collection[int]) -> None:
    """Note those of some contacts that are not known yet."""
    if new := contacts.find_new_ids(tx, ids):
        key_value.put(tx, KEY, sorted({*_noted(tx), *new}))


def waiting(store: Store) -> list[int]:
    """Return some of those whose past is still to be read, in order of id."""
    with store.transaction() as tx:
        return _noted(tx)[:TOGETHER]


def done(tx: Connection, ids: Collection[int]) -> None:
    """Note that the past of contacts has been read."""
    key_value.put(tx, KEY, sorted(set(_noted(tx)).difference(ids)))


def with_a_past(contacts: Contacts, ids: Sequence[int]) -> list[int]:
    """Return those of the contacts of whom HubSpot has counted page views."""
    return [row.id for row in contacts.read(ids, (VIEWS,)).items if float(row.properties.get(VIEWS) or 0) > 0]


def _noted(tx: Connection) -> list[int]:
    found: list[int] = key_value.get(tx, KEY) or []
    return found
