"""What the tests of the store put into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from sync_worker.store import contacts as contact_store
from sync_worker.store import verdicts
from sync_worker.store.contacts import ContactRow
from sync_worker.store.schema import contacts
from sync_worker.store.verdicts import VerdictKey

STANDARD = VerdictKey(model="m", since=100)


def text(**values: str) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def person(
    number: int, *, at: int = 10, facts: str = "{}", shown: str = "{}", addresses: tuple[str, ...] | None = None, **fields: Any
) -> ContactRow:
    own, *further = (f"p{number}@example.com",) if addresses is None else addresses or (None,)
    given = {"company_id": None, "stage": None, **fields}
    return ContactRow(id=number, email=own, additional_emails=tuple(further), updated_at=at, facts=facts, observed=shown, **given)


def event(number: object, **fields: object) -> Mapping[str, Any]:
    nothing = dict.fromkeys(("contact_id", "email", "url", "form_id", "campaign", "name", "user_agent", "sent_at"))
    return {"kind": "email_click", "id": str(number), "at": 1_000, "filtered": False, **nothing, **fields}


def verdict(number: int, **fields: object) -> Mapping[str, Any]:
    plain = {"score": 0, "band": "cold", "grade": "D", "mql": False, "by_score": False, "direct": False, "desired": "{}"}
    return {"contact_id": number, **plain, **fields}


def judge(tx: Connection, *rows: Mapping[str, Any], standard: VerdictKey = STANDARD, at: int = 100) -> None:
    """Record verdicts on contacts, as the evaluation does."""
    for row in rows:
        judged = verdicts.select_contact(tx, row["contact_id"])
        verdicts.save(tx, [row], revisions=judged, key=standard, at=at)


def contact(tx: Connection, number: int) -> Row[Any]:
    return tx.execute(select(contacts).where(contacts.c.id == number)).one()


def revision(tx: Connection, number: int) -> int:
    found: int = contact(tx, number).revision
    return found


def known(tx: Connection, *numbers: int, **fields: Any) -> None:
    contact_store.save(tx, [person(number, **fields) for number in numbers])


def due(tx: Connection, standard: VerdictKey = STANDARD) -> list[int]:
    """Return who is to be judged."""
    chosen = [*verdicts.select_due(tx, standard, after=0, limit=100)]
    assert verdicts.count_due(tx, standard) == len(chosen)
    return chosen
