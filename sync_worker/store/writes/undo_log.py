"""The `replaced` and `replaced_members` tables: what each run replaces in HubSpot, saved before it is sent, and HubSpot's answer.

`sync.undo` restores it; `audit_log` reads it as a log of all writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, and_, delete, or_, select, update

from sync_worker.store import id_array, schema
from sync_worker.store.database import upsert_rows
from sync_worker.store.schema import undo_members, undo_values

UndoValues = dict[str, str]


class Answer(NamedTuple):
    """HubSpot's answer to a value that it has not accepted as sent, and the value that it shows; None: not known."""

    answer: str
    shown: str | None


class UndoRow(NamedTuple):
    """The values of a contact before a run and after it, as JSON."""

    contact_id: int
    before: str
    after: str


def save(tx: Connection, run: str, changes: Mapping[int, tuple[UndoValues, UndoValues]], *, at: int) -> None:
    """Save (before, after) of contacts that are about to be written. If a run writes a contact twice, the first `before` is kept."""
    query = select(undo_values).where(undo_values.c.run == run, id_array.in_ids(undo_values.c.contact_id, changes))
    stored = {row.contact_id: row for row in tx.execute(query)}
    rows = []
    for id_, (before, after) in changes.items():
        known = stored.get(id_)
        first, last = (orjson.loads(known.before), orjson.loads(known.after)) if known else ({}, {})
        answers = _to_json(orjson.loads(known.answers) | dict.fromkeys(after)) if known and known.answers else None
        row = {"run": run, "contact_id": id_, "before": _to_json(before | first), "after": _to_json(last | after)}
        rows.append({**row, "answers": answers, "at": at})
    upsert_rows(tx, undo_values, rows)


def save_answers(tx: Connection, run: str, answers: Mapping[int, Mapping[str, Answer | None]], *, at: int) -> None:
    """Save HubSpot's answers, by contact and property; None: accepted as sent."""
    exceptional = {id_ for id_, of_contact in answers.items() if any(of_contact.values())}
    own = and_(undo_values.c.run == run, id_array.in_ids(undo_values.c.contact_id, answers))
    accepted = own & undo_values.c.answers.is_(None) & ~id_array.in_ids(undo_values.c.contact_id, exceptional)
    tx.execute(update(undo_values).where(accepted).values(answers="{}", at=at))
    incomplete = or_(undo_values.c.answers.is_(None), undo_values.c.answers != "{}")
    rows = tx.execute(select(undo_values.c.contact_id, undo_values.c.answers).where(own, incomplete)).all()
    for id_, stored in rows:
        known: dict[str, object] = orjson.loads(stored or "{}")
        new = {name: [*answer] for name, answer in answers[id_].items() if answer}
        merged = {name: answer for name, answer in known.items() if name not in answers[id_]} | new
        of_contact = and_(undo_values.c.run == run, undo_values.c.contact_id == id_)
        tx.execute(update(undo_values).where(of_contact).values(answers=_to_json(merged), at=at))


def save_members(tx: Connection, run: str, key: str, *, added: Sequence[int], removed: Sequence[int], at: int) -> None:
    """Save the contacts that are about to be added to a list or removed from it."""
    changes = [*((id_, True) for id_ in added), *((id_, False) for id_ in removed)]
    rows = [{"run": run, "list": key, "contact_id": id_, "added": is_added, "answer": None, "at": at} for id_, is_added in changes]
    upsert_rows(tx, undo_members, rows)


def save_member_answers(tx: Connection, run: str, key: str, answers: Mapping[int, str], *, at: int) -> None:
    """Save HubSpot's answers to the changes of a list, by contact."""
    for answer in sorted({*answers.values()}):
        ids = [id_ for id_, each in answers.items() if each == answer]
        own = and_(undo_members.c.run == run, undo_members.c.list == key, id_array.in_ids(undo_members.c.contact_id, ids))
        tx.execute(update(undo_members).where(own).values(answer=answer, at=at))


def load_values(tx: Connection, run: str, *, after: int, limit: int) -> list[UndoRow]:
    """Return the next contacts of a run, in order of id."""
    query = select(undo_values.c.contact_id, undo_values.c.before, undo_values.c.after).where(
        undo_values.c.run == run, undo_values.c.contact_id > after
    )
    return [UndoRow(*row) for row in tx.execute(query.order_by(undo_values.c.contact_id).limit(limit))]


def load_members(tx: Connection, run: str) -> Mapping[str, tuple[list[int], list[int]]]:
    """Return the contacts that a run added and removed, by list."""
    query = select(undo_members.c.list, undo_members.c.contact_id, undo_members.c.added)
    members: dict[str, tuple[list[int], list[int]]] = {}
    for key, id_, added in tx.execute(query.where(undo_members.c.run == run).order_by(undo_members.c.contact_id)):
        members.setdefault(key, ([], []))[0 if added else 1].append(id_)
    return members


def delete_before(tx: Connection, at: int) -> None:
    """Delete the entries of runs that started before an instant (milliseconds)."""
    old = select(schema.runs.c.id).where(schema.runs.c.started_at < at)
    for table in (undo_values, undo_members):
        tx.execute(delete(table).where(table.c.run.in_(old)))


def _to_json(property_values: Mapping[str, object]) -> str:
    return orjson.dumps(property_values).decode()
