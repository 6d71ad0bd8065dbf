"""The `feedback` table: what sales reps say about contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, select, update

from sync_worker.store.database import upsert_tuples
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import contacts, feedback


class FeedbackAnswer(NamedTuple):
    """What a contact shows in HubSpot; empty texts: nothing. `updated_at` is the time of the record (milliseconds)."""

    contact_id: int
    updated_at: int
    value: str
    note: str


class Feedback(NamedTuple):
    """An answer with the model (its hash) and the time (milliseconds) at which its value was first seen."""

    contact_id: int
    model: str
    value: str
    note: str
    at: int


def save(tx: Connection, answers: Sequence[FeedbackAnswer], *, model: str, at: int) -> None:
    """Save the answers of contacts that are in the state; an older record never replaces a newer one.

    A new value belongs to the current model; a note that follows it does not change that. An answer that a rep has emptied is deleted.
    """
    known = {row.contact_id: row for row in _load(tx, [answer.contact_id for answer in answers])}
    differing = [answer for answer in answers if _differs(answer, known.get(answer.contact_id))]
    if not differing:  # nearly always
        return
    query = select(contacts.c.id, contacts.c.updated_at).where(in_ids(contacts.c.id, [answer.contact_id for answer in differing]))
    updated_at = dict(tx.execute(query).all())
    newest = [answer for answer in differing if answer.updated_at >= updated_at.get(answer.contact_id, answer.updated_at)]
    tx.execute(delete(feedback).where(in_ids(feedback.c.contact_id, [answer.contact_id for answer in newest])))
    rows = [_build_row(answer, known.get(answer.contact_id), model, at) for answer in newest if answer.value or answer.note]
    upsert_tuples(tx, feedback, Feedback._fields, rows)


def load_all(tx: Connection) -> list[Feedback]:
    """Return all answers, in order of contact id."""
    return [Feedback(*row) for row in tx.execute(select(*_COLUMNS).order_by(feedback.c.contact_id))]


def load(tx: Connection, contact_id: int) -> Feedback | None:
    """Return the answer about a contact, or None."""
    return next(iter(_load(tx, [contact_id])), None)


def merge(tx: Connection, merged: Sequence[int], survivor: int) -> None:
    """Give a contact the answer about a contact that was merged into it, unless it has one; HubSpot's record then confirms it or not."""
    rows = sorted(_load(tx, [survivor, *merged]), key=lambda row: (row.contact_id != survivor, -row.at, row.contact_id))
    tx.execute(delete(feedback).where(feedback.c.contact_id.in_([row.contact_id for row in rows[1:]])))
    for row in rows[:1]:
        tx.execute(update(feedback).where(feedback.c.contact_id == row.contact_id).values(contact_id=survivor))


_COLUMNS = tuple(feedback.c[name] for name in Feedback._fields)


def _load(tx: Connection, ids: Sequence[int]) -> list[Feedback]:
    return [Feedback(*row) for row in tx.execute(select(*_COLUMNS).where(in_ids(feedback.c.contact_id, ids)))] if ids else []


def _differs(answer: FeedbackAnswer, known: Feedback | None) -> bool:
    return (answer.value, answer.note) != ((known.value, known.note) if known else ("", ""))


def _build_row(answer: FeedbackAnswer, known: Feedback | None, model: str, at: int) -> Feedback:
    if known and known.value in ("", answer.value):
        model, at = known.model, known.at
    return Feedback(answer.contact_id, model, answer.value, answer.note, at)
