"""What HubSpot should show beside what it acknowledged: the difference is all that is ever to be done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    column,
    delete,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    update,
    values,
)

from sync_worker.store import id_array, schema
from sync_worker.store.database import execute_many, upsert_rows
from sync_worker.store.schema import IdType, contacts, lists, memberships, rejections, verdicts

_ACKNOWLEDGED_COLUMNS: Final = ("id", "shown", "stage", "stage_given", "updated_at")
_acknowledged_rows: Final = (
    values(*(column(name, contacts.c[name].type) for name in _ACKNOWLEDGED_COLUMNS))
    .data([tuple(bindparam(f"the_{name}", type_=contacts.c[name].type) for name in _ACKNOWLEDGED_COLUMNS)])
    .cte("answer")
)
_ACKNOWLEDGE_STATEMENT: Final = (
    update(contacts)
    .where(contacts.c.id == _acknowledged_rows.c.id)
    .values({name: func.coalesce(_acknowledged_rows.c[name], contacts.c[name]) for name in _ACKNOWLEDGED_COLUMNS[1:]})
)
_ACKNOWLEDGE_PARAMETERS: Final = tuple(f"the_{name}" for name in _ACKNOWLEDGED_COLUMNS)


#: Whose differences a run has counted, and on which facts: a temporary table, gone with the connection.
previewed_contacts: Final = Table(
    "counted",
    MetaData(),
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRule:
    """Who moves to which lifecycle stage: MQLs that stand at one of the earlier ones, once."""

    target: str
    earlier_stages: tuple[str, ...]


def differences(
    tx: Connection,
    stage: StageRule | None,
    *,
    after: int,
    limit: int,
    exclude_mqls: bool = False,
    exclude_counted: bool = False,
    only_ids: Collection[int] | None = None,
) -> Sequence[Row[int, str, str, str, bool]]:
    """Return the next contacts, in order of id, of all or `among` some, whose properties or stage are not as they should be.

    `but_mqls` leaves those out, `but_counted` whoever was counted off and has had the same facts since.

    Columns: id, shown, desired, stage, moves (whether the stage is to be moved).
    """
    moves = _stage_change_condition(stage)
    query = (
        select(contacts.c.id, contacts.c.shown, verdicts.c.desired, contacts.c.stage, moves.label("moves"))
        .join(verdicts, verdicts.c.contact_id == contacts.c.id)
        .outerjoin(rejections, _rejection_condition())
        # Every row is looked into for what is shown: the index of who is here would be a detour, and does not know these words.
        .where(contacts.c.id > after, contacts.c.gone.is_(False), rejections.c.contact_id.is_(None))
        .where(or_(verdicts.c.desired != contacts.c.shown, moves))
        .order_by(contacts.c.id)
        .limit(limit)
    )
    if only_ids is not None:
        query = query.where(id_array.in_ids(contacts.c.id, only_ids))
    if exclude_mqls:
        query = query.where(~verdicts.c.mql)
    if exclude_counted:
        previewed_contacts.create(tx, checkfirst=True)
        # Asked of the contact, before its verdict is looked up: most have been counted, and each was judged on the facts it has.
        query = query.where(
            ~exists().where(previewed_contacts.c.contact_id == contacts.c.id, previewed_contacts.c.revision == contacts.c.revision)
        )
    return tx.execute(query).all()


def mark_previewed(tx: Connection, ids: Collection[int]) -> None:
    """Note that the differences of these contacts have been counted, but for MQLs, who may still have to wait."""
    previewed_contacts.create(tx, checkfirst=True)
    tx.execute(delete(previewed_contacts).where(id_array.in_ids(previewed_contacts.c.contact_id, ids)))
    judged = select(verdicts.c.contact_id, verdicts.c.revision).where(~verdicts.c.mql, id_array.in_ids(verdicts.c.contact_id, ids))
    tx.execute(insert(previewed_contacts).from_select(["contact_id", "revision"], judged))


def count_stage_changes(tx: Connection, stage: StageRule) -> int:
    """Return how many contacts would move to the stage."""
    mqls = select(verdicts.c.contact_id).where(verdicts.c.mql)
    query = select(func.count()).select_from(contacts).where(contacts.c.id.in_(mqls), ~contacts.c.gone, _is_before_stage(stage))
    return tx.execute(query).scalar_one()


def count_differences(tx: Connection) -> int:
    """Return how many contacts have properties that are not as they should be, and that HubSpot has not refused."""
    query = select(func.count()).select_from(
        contacts.join(verdicts, verdicts.c.contact_id == contacts.c.id).outerjoin(rejections, _rejection_condition())
    )
    return tx.execute(query.where(~contacts.c.gone, rejections.c.contact_id.is_(None), verdicts.c.desired != contacts.c.shown)).scalar_one()


def save_acknowledged(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember what HubSpot acknowledged for contacts: {id, shown, stage, stage_given, updated_at}; None leaves what is known."""
    execute_many(tx, _ACKNOWLEDGE_STATEMENT, _ACKNOWLEDGE_PARAMETERS, [tuple(row[name] for name in _ACKNOWLEDGED_COLUMNS) for row in rows])
    tx.execute(delete(rejections).where(id_array.in_ids(rejections.c.contact_id, [row["id"] for row in rows])))


def save_rejections(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember what HubSpot refused: {contact_id, desired, reason, at}."""
    upsert_rows(tx, rejections, [{**row, "held": False} for row in rows])


def clear_rejections(tx: Connection) -> None:
    """Forget what HubSpot refused: what it refused it for has been mended."""
    tx.execute(delete(rejections).where(~rejections.c.held))


def suspend(tx: Connection, ids: Sequence[int], *, reason: str, at: int) -> None:
    """Let contacts be as they are, for a reason, until something else is desired of them."""
    desired = dict(tx.execute(select(verdicts.c.contact_id, verdicts.c.desired).where(id_array.in_ids(verdicts.c.contact_id, ids))).all())
    upsert_rows(tx, rejections, [{**_rejection_row(id_, text, reason, at), "held": True} for id_, text in desired.items()])


def load_rejections(tx: Connection) -> Sequence[Row[int, str]]:
    """Return (contact id, reason) of what HubSpot refuses and what is still wanted."""
    query = (
        select(contacts.c.id, rejections.c.reason)
        .join(verdicts, verdicts.c.contact_id == contacts.c.id)
        .join(rejections, _rejection_condition())
    )
    return tx.execute(query.where(~contacts.c.gone).order_by(contacts.c.id)).all()


# Lists.


def membership_condition(key: str) -> ColumnElement[bool]:
    """Return the condition on a verdict that makes a member of one of our lists."""
    kinds: dict[str, ColumnElement[bool]] = {
        "mql": verdicts.c.mql,
        "direct": and_(verdicts.c.mql, verdicts.c.direct),
        "by_score": and_(verdicts.c.mql, verdicts.c.by_score),
    }
    return verdicts.c.band == key.removeprefix("band:") if key.startswith("band:") else kinds[key]


def ids_to_add(tx: Connection, key: str) -> Sequence[int]:
    """Return who should be in a list and is not, as far as HubSpot has said, in order of id."""
    return tx.execute(_select_to_add(key)).scalars().all()


def count_to_add(tx: Connection, key: str) -> int:
    """Return how many `to_add` would return."""
    return _count_rows(tx, _select_to_add(key))


def ids_to_remove(tx: Connection, key: str, *, keep_others: bool) -> Sequence[int]:
    """Return who is in a list and should not be; members that others put there may be kept."""
    return tx.execute(_select_to_remove(key, keep_others=keep_others)).scalars().all()


def count_to_remove(tx: Connection, key: str, *, keep_others: bool) -> int:
    """Return how many `to_remove` would return."""
    return _count_rows(tx, _select_to_remove(key, keep_others=keep_others))


def save_pending_members(tx: Connection, key: str, ids: Sequence[int]) -> None:
    """Remember whom HubSpot is about to be sent for a list: should no answer be heard, they are ours all the same."""
    upsert_rows(tx, memberships, [_membership_row(key, id_, ours=True, acknowledged=False) for id_ in ids])


def save_member_changes(tx: Connection, key: str, *, added: Sequence[int], removed: Sequence[int]) -> None:
    """Remember what HubSpot acknowledged for a list."""
    upsert_rows(tx, memberships, [_membership_row(key, id_, ours=True) for id_ in added])
    if removed:
        tx.execute(delete(memberships).where(memberships.c.list == key, id_array.in_ids(memberships.c.contact_id, removed)))


def merge_members(tx: Connection, merged: Sequence[int], survivor: int) -> None:
    """Let a contact take the places of those that went into it, without knowing yet whether HubSpot did so too."""
    places = (memberships.c.list, memberships.c.contact_id, memberships.c.ours)
    known = tx.execute(select(*places).where(memberships.c.contact_id.in_([*merged, survivor]))).all()
    own = {row.list for row in known if row.contact_id == survivor}
    # Whom somebody else has put there stays somebody else's.
    inherited = {key: all(row.ours for row in known if row.list == key) for key in {row.list for row in known} - own}
    tx.execute(delete(memberships).where(memberships.c.contact_id.in_(merged)))
    upsert_rows(tx, memberships, [_membership_row(key, survivor, ours=ours, acknowledged=False) for key, ours in inherited.items()])


def replace_members(tx: Connection, key: str, ids: Sequence[int]) -> None:
    """Remember the members that HubSpot shows, all of them; who was not known is somebody else's."""
    known = dict(tx.execute(select(memberships.c.contact_id, memberships.c.ours).where(memberships.c.list == key)).all())
    tx.execute(delete(memberships).where(memberships.c.list == key))
    upsert_rows(tx, memberships, [_membership_row(key, id_, ours=known.get(id_, False)) for id_ in ids])


def load_list_ids(tx: Connection) -> dict[str, str]:
    """Return HubSpot's ids of our lists, by key."""
    return dict(tx.execute(select(lists.c.key, lists.c.id)).all())


def find_orphaned_lists(tx: Connection, keys: Collection[str]) -> dict[str, str]:
    """Return the names of the lists, by key, that are none of these any more: of a band that the model no longer has."""
    return dict(tx.execute(select(lists.c.key, lists.c.name).where(lists.c.key.not_in(keys)).order_by(lists.c.key)).all())


def delete_list(tx: Connection, key: str) -> None:
    """Forget a list and who is in it: there is no such list any more."""
    for table, named in ((memberships, memberships.c.list), (lists, lists.c.key)):
        tx.execute(delete(table).where(named == key))


def save_list(tx: Connection, key: str, *, list_id: str, name: str) -> None:
    """Remember where a list of ours is; a list with another id has no members that we know."""
    if load_list_ids(tx).get(key) not in (None, list_id):
        tx.execute(delete(memberships).where(memberships.c.list == key))
    upsert_rows(tx, schema.lists, [{"key": key, "id": list_id, "name": name}])


def _rejection_row(contact_id: int, desired: str, reason: str, at: int) -> dict[str, Any]:
    return {"contact_id": contact_id, "desired": desired, "reason": reason, "at": at}


def _rejection_condition() -> ColumnElement[bool]:
    return and_(rejections.c.contact_id == contacts.c.id, rejections.c.desired == verdicts.c.desired)


def _stage_change_condition(stage: StageRule | None) -> ColumnElement[bool]:
    return false() if stage is None else and_(verdicts.c.mql, _is_before_stage(stage))


def _is_before_stage(stage: StageRule) -> ColumnElement[bool]:
    before = or_(contacts.c.stage.is_(None), contacts.c.stage.in_(stage.earlier_stages))
    # Once given, a stage is not given again: who put the contact back meant it.
    return and_(before, contacts.c.stage_given.is_distinct_from(stage.target))


def _membership_row(key: str, contact_id: int, *, ours: bool, acknowledged: bool = True) -> Mapping[str, Any]:
    return {"list": key, "contact_id": contact_id, "ours": ours, "acknowledged": acknowledged}


def _select_to_add(key: str) -> Select[int]:
    member = and_(memberships.c.list == key, memberships.c.contact_id == verdicts.c.contact_id, memberships.c.acknowledged)
    query = (
        select(verdicts.c.contact_id).outerjoin(memberships, member).where(membership_condition(key), memberships.c.contact_id.is_(None))
    )
    return query.where(verdicts.c.contact_id.not_in(_select_deleted_ids())).order_by(verdicts.c.contact_id)


def _select_to_remove(key: str, *, keep_others: bool) -> Select[int]:
    query = (
        select(memberships.c.contact_id)
        .outerjoin(verdicts, and_(verdicts.c.contact_id == memberships.c.contact_id, membership_condition(key)))
        .where(memberships.c.list == key, or_(verdicts.c.contact_id.is_(None), memberships.c.contact_id.in_(_select_deleted_ids())))
        .order_by(memberships.c.contact_id)
    )
    return query.where(memberships.c.ours) if keep_others else query


def _select_deleted_ids() -> Select[int]:
    # Asked for apart, so that nobody who is here has to be looked at for it.
    return select(contacts.c.id).where(contacts.c.gone)


def _count_rows(tx: Connection, query: Select[int]) -> int:
    return tx.execute(query.order_by(None).with_only_columns(func.count())).scalar_one()
