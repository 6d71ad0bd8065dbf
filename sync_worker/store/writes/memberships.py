"""The `lists` and `memberships` tables: our lists in HubSpot, and their members as HubSpot acknowledged them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Final

from sqlalchemy import BindParameter, ColumnElement, CompoundSelect, Connection, Select, and_, bindparam, delete, func, literal, select

from sync_worker.store import id_array
from sync_worker.store.database import upsert_rows
from sync_worker.store.schema import contacts, lists, memberships, rejections, repairs, verdicts
from sync_worker.store.writes.rejections import ADD, REMOVE, holds_back, list_part

_NOW: Final[BindParameter[int]] = bindparam("now")  # a run asks for each list several times, so the statements are built once


def condition(key: str) -> ColumnElement[bool]:
    """Return the condition that the verdict makes a contact a member of the list with this key."""
    conditions: dict[str, ColumnElement[bool]] = {
        "mql": verdicts.c.mql,
        "direct": and_(verdicts.c.mql, verdicts.c.direct),
        "by_score": and_(verdicts.c.mql, verdicts.c.by_score),
    }
    return verdicts.c.band == key.removeprefix("band:") if key.startswith("band:") else conditions[key]


def ids_to_add(tx: Connection, key: str, *, now: int) -> Sequence[int]:
    """Return the contacts that should be in a list and that HubSpot has not acknowledged as members, in order of id.

    Without those that a rejection holds back at `now` (milliseconds).
    """
    return tx.execute(_select_to_add(key), {"now": now}).scalars().all()


def count_to_add(tx: Connection, key: str, *, now: int, exclude_repairs: bool = False) -> int:
    """Return how many contacts `ids_to_add` would return, with `exclude_repairs` without those whose facts were missing before."""
    return tx.execute(_count_rows(_select_to_add(key, exclude_repairs=exclude_repairs)), {"now": now}).scalar_one()


def ids_to_remove(tx: Connection, key: str, *, keep_others: bool, now: int) -> Sequence[int]:
    """Return the members that should not be in a list; with `keep_others`, only those that we added. `now` as in `ids_to_add`."""
    return tx.execute(_select_to_remove(key, keep_others=keep_others), {"now": now}).scalars().all()


def count_to_remove(tx: Connection, key: str, *, keep_others: bool, now: int) -> int:
    """Return how many contacts `ids_to_remove` would return."""
    return tx.execute(_count_rows(_select_to_remove(key, keep_others=keep_others)), {"now": now}).scalar_one()


def save_pending(tx: Connection, key: str, ids: Sequence[int]) -> None:
    """Save the contacts that are about to be added to a list, so that they count as ours even if no reply arrives."""
    upsert_rows(tx, memberships, [_row(key, id_, ours=True, acknowledged=False) for id_ in ids])


def save_changes(tx: Connection, key: str, *, added: Sequence[int], removed: Sequence[int]) -> None:
    """Save the changes of a list that HubSpot acknowledged."""
    upsert_rows(tx, memberships, [_row(key, id_, ours=True) for id_ in added])
    if removed:
        tx.execute(delete(memberships).where(memberships.c.list == key, id_array.in_ids(memberships.c.contact_id, removed)))


def merge(tx: Connection, merged: Sequence[int], survivor: int) -> None:
    """Give a contact the memberships of the contacts that were merged into it, as not acknowledged: HubSpot may not have done so."""
    columns = (memberships.c.list, memberships.c.contact_id, memberships.c.ours)
    stored = tx.execute(select(*columns).where(memberships.c.contact_id.in_([*merged, survivor]))).all()
    own = {row.list for row in stored if row.contact_id == survivor}
    # A membership that another user added does not become ours.
    inherited = {key: all(row.ours for row in stored if row.list == key) for key in {row.list for row in stored} - own}
    tx.execute(delete(memberships).where(memberships.c.contact_id.in_(merged)))
    upsert_rows(tx, memberships, [_row(key, survivor, ours=ours, acknowledged=False) for key, ours in inherited.items()])


def replace(tx: Connection, key: str, ids: Sequence[int]) -> None:
    """Replace the members of a list by those that HubSpot returned; new ones were added by others."""
    ours = dict(tx.execute(select(memberships.c.contact_id, memberships.c.ours).where(memberships.c.list == key)).all())
    tx.execute(delete(memberships).where(memberships.c.list == key))
    upsert_rows(tx, memberships, [_row(key, id_, ours=ours.get(id_, False)) for id_ in ids])


def replace_some(tx: Connection, key: str, ids: Collection[int], members: Collection[int]) -> None:
    """Replace what is known of some contacts: HubSpot shows `members` of them in a list, and the others not."""
    lost = {*ids}.difference(members)
    tx.execute(delete(memberships).where(memberships.c.list == key, id_array.in_ids(memberships.c.contact_id, lost)))
    query = select(memberships.c.contact_id, memberships.c.ours).where(memberships.c.list == key)
    ours = dict(tx.execute(query.where(id_array.in_ids(memberships.c.contact_id, members))).all())
    upsert_rows(tx, memberships, [_row(key, id_, ours=ours.get(id_, False)) for id_ in sorted(members)])


def load_list_ids(tx: Connection) -> dict[str, str]:
    """Return HubSpot's ids of our lists, by key."""
    return dict(tx.execute(select(lists.c.key, lists.c.id)).all())


def load_list_keys(tx: Connection, contact_id: int) -> list[str]:
    """Return the keys of the lists that HubSpot has acknowledged a contact in."""
    query = select(memberships.c.list).where(memberships.c.contact_id == contact_id, memberships.c.acknowledged)
    return list(tx.execute(query.order_by(memberships.c.list)).scalars())


def select_acknowledged(tx: Connection, key: str, contact_ids: Collection[int]) -> list[int]:
    """Return those of the contacts that HubSpot has acknowledged as members of a list."""
    member = and_(memberships.c.list == key, memberships.c.acknowledged, id_array.in_ids(memberships.c.contact_id, contact_ids))
    return list(tx.execute(select(memberships.c.contact_id).where(member)).scalars())


def load_keys(tx: Connection, ids: Collection[int]) -> dict[int, list[str]]:
    """Return the keys of the lists that HubSpot has acknowledged contacts in, by contact."""
    query = select(memberships.c.contact_id, memberships.c.list).where(id_array.in_ids(memberships.c.contact_id, ids))
    keys: dict[int, list[str]] = {}
    for contact_id, key in tx.execute(query.where(memberships.c.acknowledged).order_by(memberships.c.list)):
        keys.setdefault(contact_id, []).append(key)
    return keys


def find_orphaned_lists(tx: Connection, keys: Collection[str]) -> dict[str, str]:
    """Return the names of the lists, by key, that have none of these keys: the model no longer has their band."""
    return dict(tx.execute(select(lists.c.key, lists.c.name).where(lists.c.key.not_in(keys)).order_by(lists.c.key)).all())


def delete_list(tx: Connection, key: str) -> None:
    """Delete a list, which no longer exists in HubSpot, and its members."""
    for table, column in ((memberships, memberships.c.list), (lists, lists.c.key)):
        tx.execute(delete(table).where(column == key))


def save_list(tx: Connection, key: str, *, list_id: str, name: str) -> None:
    """Save the HubSpot id and name of a list; if the id is new, the list has no members yet."""
    if load_list_ids(tx).get(key) not in (None, list_id):
        tx.execute(delete(memberships).where(memberships.c.list == key))
    upsert_rows(tx, lists, [{"key": key, "id": list_id, "name": name}])


def _row(key: str, contact_id: int, *, ours: bool, acknowledged: bool = True) -> Mapping[str, object]:
    return {"list": key, "contact_id": contact_id, "ours": ours, "acknowledged": acknowledged}


@lru_cache(maxsize=256)
def _select_to_add(key: str, *, exclude_repairs: bool = False) -> CompoundSelect[int]:
    query = _select_belonging(key).where(~_is_held_back(verdicts.c.contact_id, key, ADD))
    if exclude_repairs:
        query = query.where(verdicts.c.contact_id.not_in(select(repairs.c.contact_id)))
    return _order_difference(query, select(memberships.c.contact_id).where(memberships.c.list == key, memberships.c.acknowledged))


@lru_cache(maxsize=256)
def _select_to_remove(key: str, *, keep_others: bool) -> CompoundSelect[int]:
    query = select(memberships.c.contact_id).where(memberships.c.list == key, ~_is_held_back(memberships.c.contact_id, key, REMOVE))
    return _order_difference(query.where(memberships.c.ours) if keep_others else query, _select_belonging(key))


def _select_belonging(key: str) -> Select[int]:
    return select(verdicts.c.contact_id).where(condition(key), verdicts.c.contact_id.not_in(_select_deleted_ids()))


def _order_difference(ids: Select[int], others: Select[int]) -> CompoundSelect[int]:
    # In order of id, SQLite merges the indices of both, which takes half the time of a join.
    return ids.except_(others).order_by("contact_id")


def _is_held_back(contact_id: ColumnElement[int], key: str, change: str) -> ColumnElement[bool]:
    rejected = select(rejections.c.contact_id).join(contacts, contacts.c.id == rejections.c.contact_id)
    return contact_id.in_(rejected.where(holds_back(rejections, list_part(key), literal(change), now=_NOW)))


def _select_deleted_ids() -> Select[int]:
    # A subquery, so that the index of deleted contacts is used and no other contact is read.
    return select(contacts.c.id).where(contacts.c.gone)


@lru_cache(maxsize=512)
def _count_rows(query: CompoundSelect[int]) -> Select[int]:
    return select(func.count()).select_from(query.order_by(None).subquery())
