"""The first filling of a new state: some work for each contact is put off until all are there, and some is not needed at all.

A place among hundreds of thousands of addresses is a random one. Found for each contact as it comes in, its places in the indices
cost as much as all the rest of storing it; sorted in the end, a fraction of that. And while nobody has been judged, nobody has to be
marked as to be judged anew, by whatever comes in.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.schema import CreateIndex, DropIndex

from sync_worker.store import key_value
from sync_worker.store.schema import CONTACTS_BY_COMPANY, CONTACTS_BY_EMAIL, CONTACTS_NOT_DELETED, contacts

_BULK_LOAD_KEY: Final = "filling"  # there while it goes on
_NO_VERDICTS_KEY: Final = "unjudged"  # there until somebody is judged, be it after the filling
_DEFERRED_INDICES: Final = (CONTACTS_BY_EMAIL, CONTACTS_BY_COMPANY, CONTACTS_NOT_DELETED)


def drop_indices(tx: Connection) -> None:
    """Put the indices off, where no contact is known yet. What they would find is found all the same until then, slowly."""
    if tx.execute(select(contacts.c.id).limit(1)).first() is None:
        key_value.put(tx, _BULK_LOAD_KEY, True)
        key_value.put(tx, _NO_VERDICTS_KEY, True)
        for index in _DEFERRED_INDICES:
            tx.execute(DropIndex(index, if_exists=True))


def is_bulk_loading(tx: Connection) -> bool:
    """Tell whether most contacts that come in are new."""
    return key_value.get(tx, _BULK_LOAD_KEY) is not None


def has_no_verdicts(tx: Connection) -> bool:
    """Tell whether nobody has ever been judged in this state."""
    return key_value.get(tx, _NO_VERDICTS_KEY) is not None


def mark_first_verdict(tx: Connection) -> None:
    """Note that from now on contacts are judged."""
    if has_no_verdicts(tx):
        key_value.put(tx, _NO_VERDICTS_KEY, None)


def create_indices(tx: Connection) -> None:
    """Make the indices that were put off."""
    if is_bulk_loading(tx):
        key_value.put(tx, _BULK_LOAD_KEY, None)
        for index in _DEFERRED_INDICES:
            tx.execute(CreateIndex(index, if_not_exists=True))
