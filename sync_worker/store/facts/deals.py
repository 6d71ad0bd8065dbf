"""The `deals` and `deal_contacts` tables: deals as HubSpot last returned them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from sync_worker.batched import batched
from sync_worker.store.database import upsert_tuples
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import deal_contacts, deals

_IDS_PER_STATEMENT = 1_000


class DealRow(NamedTuple):
    """A deal. `closed_at` is when it reached the closed stage that it is in; None: it is open. Times are milliseconds."""

    id: int
    updated_at: int
    created_at: int | None
    pipeline: str | None
    stage: str | None
    closed_at: int | None
    won: bool
    amount: float | None


def save(tx: Connection, rows: Sequence[DealRow], contact_ids: Mapping[int, Collection[int]]) -> None:
    """Create or update deals and replace their contacts."""
    upsert_tuples(tx, deals, DealRow._fields, rows)
    for ids in batched([row.id for row in rows], _IDS_PER_STATEMENT):
        tx.execute(delete(deal_contacts).where(in_ids(deal_contacts.c.deal_id, ids)))
    links = [(row.id, contact) for row in rows for contact in sorted(contact_ids.get(row.id, ()))]
    upsert_tuples(tx, deal_contacts, ("deal_id", "contact_id"), links)


def delete_except(tx: Connection, ids: Collection[int]) -> None:
    """Delete the deals that HubSpot no longer has."""
    obsolete = sorted(set(tx.execute(select(deals.c.id)).scalars()).difference(ids))
    for part in batched(obsolete, _IDS_PER_STATEMENT):
        tx.execute(delete(deal_contacts).where(in_ids(deal_contacts.c.deal_id, part)))
        tx.execute(delete(deals).where(in_ids(deals.c.id, part)))


def find(tx: Connection, ids: Collection[int]) -> dict[int, DealRow]:
    """Return the deals that the state has, by id."""
    query = select(*(deals.c[name] for name in DealRow._fields)).where(in_ids(deals.c.id, ids))
    return {row.id: DealRow(*row) for row in tx.execute(query)} if ids else {}


def load_links(tx: Connection) -> list[tuple[object, ...]]:
    """Return (deal, contact, created at, closed at, won, amount) of all deals; one row for each contact of a deal."""
    columns = (deals.c.id, deal_contacts.c.contact_id, deals.c.created_at, deals.c.closed_at, deals.c.won, deals.c.amount)
    query = select(*columns).join(deal_contacts, deal_contacts.c.deal_id == deals.c.id)
    return [tuple(row) for row in tx.execute(query)]
