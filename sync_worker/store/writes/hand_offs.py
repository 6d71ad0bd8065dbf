"""The `hand_offs` table: the outbox of messages to sales about new MQLs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, exists, func, or_, select, update

from sync_worker.store.database import upsert_rows
from sync_worker.store.id_array import in_ids
from sync_worker.store.saved_state import hand_off_pauses
from sync_worker.store.schema import contacts, hand_offs, memberships, mql_starts, rejections, verdicts
from sync_worker.store.writes.rejections import holds_back
from sync_worker.timestamps import from_ms


class WaitingHandOff(NamedTuple):
    """A new MQL that has not been handed off to sales. `key` is in the message, so that it is found again.

    Times are in milliseconds; `desired` is our properties as canonical JSON. `digest_key` is the key of the message about several MQLs
    that was tried with it.
    """

    contact_id: int
    since: int
    key: str
    tried_at: int | None
    desired: str
    digest_key: str | None


class HandOffCounts(NamedTuple):
    """How many messages wait and were sent, and for each channel, how many it has refused, why, and when they are tried again.

    A message waits from the moment at which HubSpot has acknowledged its contact on the list of MQLs.
    """

    waiting: int
    sent: int
    reason: str | None


TASK: Final = "task"  # the channel of tasks in HubSpot
CLOSED: Final = "closed: the contact has left HubSpot or the list of MQLs, or the channel has left the settings"  # a reason
NO_HAND_OFFS: Final = HandOffCounts(waiting=0, sent=0, reason=None)

_is_unsent = hand_offs.c.sent_at.is_(None)
_is_closed = hand_offs.c.reason.is_not_distinct_from(CLOSED)
_is_here = exists().where(contacts.c.id == hand_offs.c.contact_id, ~contacts.c.gone)
_is_listed = exists().where(memberships.c.list == "mql", memberships.c.contact_id == hand_offs.c.contact_id, memberships.c.acknowledged)
# A start that is older than its record has no time; only a merge gives such a contact a message.
_is_same_start = or_(mql_starts.c.since.is_(None), mql_starts.c.since == hand_offs.c.since)
_is_mql = exists().where(mql_starts.c.contact_id == hand_offs.c.contact_id, _is_same_start)
_is_open = hand_offs.c.channel.in_(bindparam("channels", expanding=True))
_is_over = or_(~_is_open, ~_is_here, and_(hand_offs.c.reason.is_not(None), ~_is_listed))

# Each run executes these statements, so they are built once.
_DELETE_PAST: Final = delete(hand_offs).where(_is_unsent, ~_is_mql, ~_is_closed)
_DELETE_OLD: Final = delete(hand_offs).where(_is_unsent, or_(~_is_mql, and_(~_is_open, hand_offs.c.since < bindparam("before"))))
_REOPEN: Final = update(hand_offs).where(_is_unsent, _is_closed, _is_open, _is_here, _is_listed).values(reason=None)
_CLOSE: Final = update(hand_offs).where(_is_unsent, ~_is_closed, _is_over).values(reason=CLOSED)
_COUNT_SENT: Final = select(func.count()).select_from(hand_offs).where(~_is_unsent)
_COUNT_WAITING: Final = (
    select(hand_offs.c.channel, hand_offs.c.reason, func.count().label("messages"))
    .where(_is_unsent, ~_is_closed, _is_here, _is_listed)
    .group_by(hand_offs.c.channel, hand_offs.c.reason)
    .order_by(hand_offs.c.channel, func.min(hand_offs.c.since), hand_offs.c.reason)
)


def add(tx: Connection, contact_ids: Collection[int] | None, channel: str) -> int:
    """Add the MQLs with a known start, of these contacts or of all, that have no message on the channel; return their number."""
    told = exists().where(hand_offs.c.contact_id == mql_starts.c.contact_id, hand_offs.c.since == mql_starts.c.since)
    query = select(mql_starts.c.contact_id, mql_starts.c.since, mql_starts.c.model)
    if contact_ids is not None:
        query = query.where(in_ids(mql_starts.c.contact_id, contact_ids))
    rows = tx.execute(query.where(mql_starts.c.since.is_not(None), ~told.where(hand_offs.c.channel == channel))).all()
    # A start without a model comes from HubSpot: an earlier state may have created the task, so it counts as tried long ago.
    before = 0 if channel == TASK else None
    upsert_rows(
        tx,
        hand_offs,
        [
            {"contact_id": id_, "since": since, "channel": channel, "key": f"mql-{id_}-{since}", "tried_at": None if model else before}
            for id_, since, model in rows
        ],
    )
    return len(rows)


def close(tx: Connection, channels: Collection[str], *, before: int) -> int:
    """Close what waits for contacts that have left HubSpot or the list of MQLs, and on other channels than the given ones.

    Return how many messages were not closed before. If the contact or the channel returns, a closed message waits again. Messages of
    contacts that are no MQLs any longer are deleted; so are those of other channels since before a time (milliseconds).
    """
    opened = {"channels": list(channels)}
    deleted = tx.execute(_DELETE_PAST).rowcount
    tx.execute(_DELETE_OLD, {**opened, "before": before})
    tx.execute(_REOPEN, opened)
    return deleted + tx.execute(_CLOSE, opened).rowcount


def load_waiting(
    tx: Connection, channel: str, *, now: int, limit: int | None = None, after: tuple[int, int] = (0, 0)
) -> list[WaitingHandOff]:
    """Return the next messages that wait, the oldest first, without those that a rejection holds back at `now` (milliseconds)."""
    since, contact_id = after
    held_back = exists().where(holds_back(rejections, part(channel), hand_offs.c.key, now=now))
    query = (
        select(
            hand_offs.c.contact_id,
            hand_offs.c.since,
            hand_offs.c.key,
            hand_offs.c.tried_at,
            verdicts.c.desired,
            hand_offs.c.reference,
        )
        .join(contacts, and_(contacts.c.id == hand_offs.c.contact_id, ~contacts.c.gone))
        .join(verdicts, verdicts.c.contact_id == contacts.c.id)
        .where(hand_offs.c.channel == channel, _is_unsent, _is_listed, ~held_back)
        .where((hand_offs.c.since > since) | ((hand_offs.c.since == since) & (hand_offs.c.contact_id > contact_id)))
        .order_by(hand_offs.c.since, hand_offs.c.contact_id)
        .limit(limit)
    )
    return [WaitingHandOff(*row) for row in tx.execute(query)]


def part(channel: str) -> str:
    """Return the part of rejected messages of a channel."""
    return f"hand_off:{channel}"


def save_try(tx: Connection, rows: Sequence[WaitingHandOff], channel: str, *, at: int, digest_key: str | None = None) -> None:
    """Save that messages are about to be sent (milliseconds); with a key, as one message."""
    _update(tx, rows, channel, {"tried_at": at, "reason": None, "reference": digest_key})


def save_sent(tx: Connection, references: Mapping[WaitingHandOff, str], channel: str, *, at: int) -> None:
    """Save that messages were sent, with the id that each has there."""
    for row, reference in references.items():
        _update(tx, [row], channel, {"sent_at": at, "reference": reference, "reason": None})


def save_failure(tx: Connection, rows: Sequence[WaitingHandOff], channel: str, reason: str | None) -> None:
    """Save that none of the messages has arrived, and why."""
    _update(tx, rows, channel, {"reason": reason, "tried_at": None})


def save_reason(tx: Connection, channel: str, reason: str, *, only_tried: bool = False) -> None:
    """Save why the messages of a channel wait, all or those that were tried; some of the latter may have arrived."""
    waiting = update(hand_offs).where(hand_offs.c.channel == channel, _is_unsent, ~_is_closed)
    tx.execute((waiting.where(hand_offs.c.tried_at.is_not(None)) if only_tried else waiting).values(reason=reason))


def clear_reason(tx: Connection, channel: str) -> None:
    """Delete why the messages of a channel wait, except of those that it has refused one by one."""
    refused = exists().where(
        rejections.c.contact_id == hand_offs.c.contact_id, rejections.c.part == part(channel), rejections.c.desired == hand_offs.c.key
    )
    tx.execute(update(hand_offs).where(hand_offs.c.channel == channel, _is_unsent, ~_is_closed, ~refused).values(reason=None))


def is_tried_since(tx: Connection, channel: str, at: int) -> bool:
    """Return whether a message of the channel was tried for the first time since a time (milliseconds)."""
    return bool(tx.execute(select(exists().where(hand_offs.c.channel == channel, hand_offs.c.tried_at >= at))).scalar())


def count_due(tx: Connection, *, digest_before: int) -> int:
    """Count what waits, without messages on channels outside HubSpot that no channel has refused and that are newer than a time."""
    is_due = (hand_offs.c.channel == TASK) | hand_offs.c.reason.is_not(None) | (hand_offs.c.since < digest_before)
    query = select(func.count()).select_from(hand_offs).where(_is_unsent, ~_is_closed, _is_here, _is_listed, is_due)
    return tx.execute(query).scalar_one()


def count(tx: Connection) -> HandOffCounts:
    """Count the messages of all channels."""
    sent = tx.execute(_COUNT_SENT).scalar_one()
    rows = tx.execute(_COUNT_WAITING).all()
    refused = {row.channel: (row.reason, row.messages) for row in reversed(rows) if row.reason}  # the oldest reason of each channel
    reasons = [_describe_refusal(tx, channel, *refused[channel]) for channel in sorted(refused)]
    return HandOffCounts(sum(row.messages for row in rows), sent, " ".join(reasons) or None)


def _describe_refusal(tx: Connection, channel: str, reason: str, messages: int) -> str:
    pause = hand_off_pauses.load(tx, channel)
    retry = f" Next try: after {from_ms(pause.retry_at):%Y-%m-%d %H:%M} UTC." if pause else ""
    return f"{messages:,} {'message waits' if messages == 1 else 'messages wait'}: {reason}{retry}"


def merge(tx: Connection, merged: Sequence[int], survivor: int) -> None:
    """Give a contact the messages of the contacts that were merged into it, at most one for its present start on each channel.

    Call it after the merge of the starts.
    """
    if not tx.execute(select(exists().where(hand_offs.c.contact_id.in_(merged)))).scalar():
        return
    every = hand_offs.c.contact_id.in_([*merged, survivor])
    start = tx.execute(select(mql_starts.c.since).where(mql_starts.c.contact_id == survivor)).scalar()
    rows = [{**row, "contact_id": survivor} for row in tx.execute(select(hand_offs).where(every).order_by(_is_unsent)).mappings()]
    present = max(row["since"] for row in rows) if start is None else start
    kept: dict[tuple[str, int], dict[str, object]] = {}
    for row in rows:
        # A message of the present start, sent about any of the contacts, is not sent again.
        since = row["since"] if row["since"] < (start or 0) else present
        kept.setdefault((row["channel"], since), {**row, "since": since})
    tx.execute(delete(hand_offs).where(every))
    upsert_rows(tx, hand_offs, [*kept.values()])


def _update(tx: Connection, rows: Sequence[WaitingHandOff], channel: str, values: Mapping[str, object]) -> None:
    if rows:
        this = and_(hand_offs.c.contact_id == bindparam("id"), hand_offs.c.since == bindparam("start"), hand_offs.c.channel == channel)
        tx.execute(update(hand_offs).where(this).values(**values), [{"id": row.contact_id, "start": row.since} for row in rows])
