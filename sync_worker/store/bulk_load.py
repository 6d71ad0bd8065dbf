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
from sync_worker.store.schema import BY_COMPANY, BY_EMAIL, HERE, contacts

_FILLING: Final = "filling"  # there while it goes on
_UNJUDGED: Final = "unjudged"  # there until somebody is judged, be it after the filling
_PUT_OFF: Final = (BY_EMAIL, BY_COMPANY, HERE)


def begin(tx: Connection) -> None:
    """Put the indices off, where no contact is known yet. What they would find is found all the same until then, slowly."""
    if tx.execute(select(contacts.c.id).limit(1)).first() is None:
        key_value.put(tx, _FILLING, True)
        key_value.put(tx, _UNJUDGED, True)
        for index in _PUT_OFF:
            tx.execute(DropIndex(index, if_exists=True))


def is_under_way(tx: Connection) -> bool:
    """Tell whether most contacts that come in are new."""
    return key_value.get(tx, _FILLING) is not None


def is_nobody_judged(tx: Connection) -> bool:
    """Tell whether nobody has ever been judged in this state."""
    return key_value.get(tx, _UNJUDGED) is not None


def note_judging(tx: Connection) -> None:
    """Note that from now on contacts are judged."""
    if is_nobody_judged(tx):
        key_value.put(tx, _UNJUDGED, None)


def end(tx: Connection) -> None:
    """Make the indices that were put off."""
    if is_under_way(tx):
        key_value.put(tx, _FILLING, None)
        for index in _PUT_OFF:
            tx.execute(CreateIndex(index, if_not_exists=True))
