"""The objects in the portal that `setup` has created or taken over; those of others are not changed."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_KEY: Final = "managed"


class ManagedObjects(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Names of our properties, under all prefixes so far, and of lists that are about to be created; the table `lists` has the others.

    `feedback`: `setup` has been asked for the properties that sales reps fill in.
    `workflows`: the ids of the drafts, by the keys of their lists.
    """

    properties: tuple[str, ...] = ()
    new_lists: tuple[str, ...] = ()
    feedback: bool = False
    workflows: dict[str, str] = {}


def load(tx: Connection) -> ManagedObjects:
    """Return the managed objects."""
    return key_value.load(tx, _KEY, ManagedObjects) or ManagedObjects()


def save(tx: Connection, managed: ManagedObjects) -> None:
    """Save the managed objects."""
    key_value.put(tx, _KEY, managed)
