"""Owners: the users to which contacts can be assigned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sync_worker.sandbox.crm.object_store import ObjectTable

_OWNER_NAMES = (("Ada", "Berg"), ("Noor", "Costa"), ("Jonas", "Dahl"), ("Mei", "Evans"), ("Luca", "Fischer"))
FIRST_OWNER_ID = 77_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An owner."""

    id: int
    user_id: int
    email: str
    first_name: str
    last_name: str
    created: int  # epoch milliseconds


@dataclass(frozen=True, slots=True)
class OwnerRegistry:
    """All owners, by owner id."""

    by_id: dict[int, Owner]

    def __iter__(self) -> Iterator[Owner]:
        return iter(self.by_id.values())

    @classmethod
    def from_contacts(cls, contacts: ObjectTable, *, now: int) -> OwnerRegistry:
        """Return an owner for every id in `hubspot_owner_id`; without such ids, a small sales team."""
        named = {int(owner) for owner in set(contacts.records.columns.get("hubspot_owner_id", [])) if owner and owner.isdigit()}
        ids = sorted(named or range(FIRST_OWNER_ID, FIRST_OWNER_ID + len(_OWNER_NAMES)))
        return cls({owner_id: _create_owner(at, owner_id, now) for at, owner_id in enumerate(ids)})


def _create_owner(index: int, owner_id: int, now: int) -> Owner:
    first, last = _OWNER_NAMES[index % len(_OWNER_NAMES)]
    suffix = index // len(_OWNER_NAMES) or ""
    email = f"{first}.{last}{suffix}@sandbox.example".lower()
    return Owner(id=owner_id, user_id=owner_id + 1_000_000, email=email, first_name=first, last_name=last, created=now)
