from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from sync_worker.store.database import Store
from tests.store.database_factories import a_store, undone


@pytest.fixture(scope="module")
def shared() -> Iterator[Store]:
    """One empty state for a whole file; whoever uses it undoes what it did."""
    with a_store() as store:
        yield store


@pytest.fixture
def tx(shared: Store) -> Iterator[Connection]:
    """A transaction on an empty state, undone in the end."""
    with undone(shared) as tx:
        yield tx
