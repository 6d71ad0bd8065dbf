"""The users that contacts can belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sync_worker.sandbox.crm.object_store import Table

_PEOPLE = (("Ada", "Berg"), ("Noor", "Costa"), ("Jonas", "Dahl"), ("Mei", "Evans"), ("Luca", "Fischer"))
FIRST_ID = 77_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One user."""

    id: int
    user_id: int
    email: str
    first_name: str
    last_name: str
    created: int  # epoch milliseconds


@dataclass(frozen=True, slots=True)
class Owners:
    """Every user, by owner id."""

    by_id: dict[int, Owner]

    def __iter__(self) -> Iterator[Owner]:
        return iter(self.by_id.values())

    @classmethod
    def of(cls, contacts: Table, *, now: int) -> Owners:
        """Return an owner for every id that contacts name, and a few of a small sales team."""
        named = {int(owner) for owner in set(contacts.records.columns.get("hubspot_owner_id", [])) if owner and owner.isdigit()}
        ids = sorted(named or range(FIRST_ID, FIRST_ID + len(_PEOPLE)))
        return cls({owner_id: _person(at, owner_id, now) for at, owner_id in enumerate(ids)})


def _person(at: int, owner_id: int, now: int) -> Owner:
    first, last = _PEOPLE[at % len(_PEOPLE)]
    again = at // len(_PEOPLE)
    email = f"{first}.{last}{again or ''}@sandbox.example".lower()
    return Owner(id=owner_id, user_id=owner_id + 1_000_000, email=email, first_name=first, last_name=last, created=now)
