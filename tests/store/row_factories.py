"""Rows for tests of the store."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, select

from sync_worker.store import verdicts
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.facts.contacts import ContactRow
from sync_worker.store.facts.events import EventRow
from sync_worker.store.schema import contacts
from sync_worker.store.verdicts import VerdictKey, VerdictRow

VERDICT_KEY = VerdictKey(model="m", since=100)


def canonical_json(**values: str) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def make_contact_row(
    number: int, *, at: int = 10, facts: str = "{}", shown: str = "{}", addresses: tuple[str, ...] | None = None, **fields: Any
) -> ContactRow:
    email, *additional = (f"p{number}@example.com",) if addresses is None else addresses or (None,)
    values = {"company_id": None, "stage": None, **fields}
    return ContactRow(id=number, email=email, additional_emails=tuple(additional), updated_at=at, facts=facts, observed=shown, **values)


def make_event_row(number: object, **fields: Any) -> EventRow:
    return EventRow(**{"kind": "email_click", "id": str(number), "at": 1_000, **fields})


def make_verdict_row(number: int, **fields: Any) -> VerdictRow:
    plain = VerdictRow(contact_id=number, score=0, band="cold", grade="D", mql=False, by_score=False, direct=False, desired="{}")
    return plain._replace(**fields)


def save_verdicts(tx: Connection, *rows: VerdictRow, key: VerdictKey = VERDICT_KEY, at: int = 100) -> None:
    """Save verdicts as the evaluation does."""
    for row in rows:
        revisions = verdicts.select_contact(tx, row.contact_id)
        verdicts.save(tx, [row], revisions=revisions, key=key, at=at)


def read_contact(tx: Connection, number: int) -> Row[Any]:
    return tx.execute(select(contacts).where(contacts.c.id == number)).one()


def read_revision(tx: Connection, number: int) -> int:
    revision: int = read_contact(tx, number).revision
    return revision


def save_contacts(tx: Connection, *numbers: int, **fields: Any) -> None:
    contact_store.save(tx, [make_contact_row(number, **fields) for number in numbers])


def due_ids(tx: Connection, key: VerdictKey = VERDICT_KEY) -> list[int]:
    """Return the contacts that are due."""
    return [*verdicts.select_due(tx, key, after=0, limit=100)]
