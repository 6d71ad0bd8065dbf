"""Errors of items that are read one by one: forms, webinars, lists. An item that cannot be read is left out and named; the others are read.

If an error concerns all items, such as a missing scope or an unreachable HubSpot, it ends the run: "could not be read" must never look like
"no activity".
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Final

from sqlalchemy import Connection

from sync_worker.errors import (
    BadRequest,
    Forbidden,
    NotFound,
    OversizedReply,
    RateLimited,
    SyncWorkerError,
    TransientError,
    Unavailable,
    Unreachable,
)
from sync_worker.hubspot.rest.error_responses import MissingScope
from sync_worker.store.saved_state import unreadable
from sync_worker.store.saved_state.unreadable import UnreadableItem

ITEM_ERRORS: Final = (BadRequest, Forbidden, NotFound, OversizedReply, Unavailable)
GENERAL_ERRORS: Final = (MissingScope, RateLimited, Unreachable)
MAX_FIRST_FAILURES: Final = 3  # items whose retries fail while no other item can be read: the service is down


class ItemErrors:
    """The items of one kind that could not be read completely. Any thread may use it."""

    def __init__(self, kind: str, names: Mapping[str, str]) -> None:
        self._kind = kind
        self._names = names
        self._lock = Lock()
        self._errors: dict[str, SyncWorkerError] = {}
        self._incomplete: set[str] = set()
        self._any_read = False

    def record(self, item_id: str, error: SyncWorkerError) -> None:
        """Record that an item cannot be read. Raises the error if it does not concern this item alone."""
        if isinstance(error, GENERAL_ERRORS) or not isinstance(error, ITEM_ERRORS):
            raise error
        with self._lock:
            self._errors[item_id] = error
            is_down = not self._any_read and sum(isinstance(each, TransientError) for each in self._errors.values()) >= MAX_FIRST_FAILURES
        if is_down:
            raise error

    def record_page(self, item_id: str, *, unreadable_rows: int) -> None:
        """Record a page of an item. With unreadable rows, the item is incomplete."""
        with self._lock:
            self._any_read = True
            if unreadable_rows:
                self._incomplete.add(item_id)

    def is_incomplete(self, item_id: str) -> bool:
        """Return whether a part of the item could not be read."""
        with self._lock:
            return item_id in self._errors or item_id in self._incomplete

    def has_transient(self) -> bool:
        """Return whether a later run may be able to read an item that could not be read."""
        with self._lock:
            return any(isinstance(error, TransientError) for error in self._errors.values())

    def raise_if_general(self) -> None:
        """Raise the first error if there are several items and none of them can be read."""
        with self._lock:
            errors = [error for error in self._errors.values() if not isinstance(error, NotFound)]
            if len(errors) > 1 and not self._any_read:
                raise errors[0]

    def save(self, tx: Connection) -> None:
        """Save the items that could not be read, for the reports. An item that no longer exists is not one of them."""
        with self._lock:
            errors = {id_: error for id_, error in sorted(self._errors.items()) if not isinstance(error, NotFound)}
        items = (
            UnreadableItem(kind=self._kind, id=id_, name=self._names.get(id_, id_), reason=error.message) for id_, error in errors.items()
        )
        unreadable.replace(tx, self._kind, items)
