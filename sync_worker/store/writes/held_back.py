"""What HubSpot does not show because it was rejected: counts by part and reason, and the contacts."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, not_, or_, select

from sync_worker.store.schema import contacts, memberships, rejections, verdicts
from sync_worker.store.writes import memberships as membership_store
from sync_worker.store.writes.differences import StageRule, is_before_stage
from sync_worker.store.writes.rejections import ADD, LEFT_ALONE, PROPERTIES, REMOVE, STAGE, list_part
from sync_worker.timestamps import from_ms

MAX_GROUPS: Final = 20
MAX_CONTACTS: Final = 1_000  # that are listed one by one


class HeldBackGroup(NamedTuple):
    """The contacts whose part ("properties", "stage", "list:<key>") is held back for one reason. Times are milliseconds.

    `since`: of the first rejection. `retry_at`: of the next try; None: not before another value is desired.
    """

    part: str
    reason: str
    contacts: int
    since: int
    retry_at: int | None

    def as_json(self) -> dict[str, object]:
        """Return the group for `--json`."""
        return {
            "part": self.part,
            "reason": self.reason,
            "contacts": self.contacts,
            "since": from_ms(self.since).isoformat(),
            "retried": self.retry_at is not None,
            "next_try": from_ms(self.retry_at).isoformat() if self.retry_at else None,
        }


class HeldBack(NamedTuple):
    """Everything that is held back. `groups` are the largest ones."""

    contacts: int
    groups: tuple[HeldBackGroup, ...]

    def as_json(self) -> dict[str, object]:
        """Return the counts for `--json`."""
        return {"contacts": self.contacts, "groups": [group.as_json() for group in self.groups]}


NOTHING_HELD_BACK: Final = HeldBack(0, ())


def load(tx: Connection, stage: StageRule | None, list_keys: Collection[str]) -> HeldBack:
    """Return what is held back, whether it is due again or not. `stage` and `list_keys`: the rule and the lists that runs may apply."""
    if not (total := tx.execute(_count_contacts(stage, tuple(list_keys))).scalar_one()):
        return NOTHING_HELD_BACK
    held_back = _is_held_back(stage, list_keys)
    columns = (rejections.c.part, rejections.c.reason, func.count(), func.min(rejections.c.at), func.min(rejections.c.retry_at))
    query = _select_rejections(*columns).where(held_back)
    query = query.group_by(rejections.c.part, rejections.c.reason, rejections.c.retry_at.is_(None))
    rows = tx.execute(query.order_by(func.count().desc(), rejections.c.part, rejections.c.reason).limit(MAX_GROUPS))
    return HeldBack(total, tuple(HeldBackGroup(*row) for row in rows))


def load_contacts(tx: Connection, stage: StageRule | None, list_keys: Collection[str]) -> list[tuple[int, str]]:
    """Return (contact id, reason) of the first contacts that are held back, and of those that `undo` restored."""
    restored = and_(rejections.c.held, rejections.c.reason != LEFT_ALONE, rejections.c.desired == verdicts.c.desired)
    query = _select_rejections(rejections.c.contact_id, rejections.c.reason).where(or_(restored, _is_held_back(stage, list_keys)))
    return [(id_, reason) for id_, reason in tx.execute(query.order_by(rejections.c.contact_id, rejections.c.part).limit(MAX_CONTACTS))]


@lru_cache(maxsize=64)
def _count_contacts(stage: StageRule | None, list_keys: tuple[str, ...]) -> Select[int]:
    # Each run executes it, and mostly nothing is held back, so the statement is built once.
    return _select_rejections(func.count(rejections.c.contact_id.distinct())).where(_is_held_back(stage, list_keys))


def _select_rejections(*columns: ColumnElement[Any]) -> Select[Any]:
    query = select(*columns).select_from(rejections).join(contacts, contacts.c.id == rejections.c.contact_id)
    return query.join(verdicts, verdicts.c.contact_id == contacts.c.id).where(~contacts.c.gone)


def _is_held_back(stage: StageRule | None, list_keys: Collection[str]) -> ColumnElement[bool]:
    differs = and_(rejections.c.part == PROPERTIES, rejections.c.desired == verdicts.c.desired, verdicts.c.desired != contacts.c.shown)
    moves = [_changes_stage(stage)] if stage else []
    return and_(~rejections.c.held, or_(differs, *moves, *map(_changes_list, list_keys)))


def _changes_stage(stage: StageRule) -> ColumnElement[bool]:
    return and_(rejections.c.part == STAGE, rejections.c.desired == stage.target, verdicts.c.mql, is_before_stage(stage))


def _changes_list(key: str) -> ColumnElement[bool]:
    belongs = membership_store.condition(key)
    member = exists().where(memberships.c.list == key, memberships.c.contact_id == rejections.c.contact_id)
    missing = and_(rejections.c.desired == ADD, belongs, ~member.where(memberships.c.acknowledged))
    return and_(rejections.c.part == list_part(key), or_(missing, and_(rejections.c.desired == REMOVE, not_(belongs), member)))
