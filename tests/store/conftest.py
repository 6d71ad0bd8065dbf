from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from sync_worker.store.database import Store
from tests.store.database_factories import rollback_transaction, temporary_store


@pytest.fixture(scope="module")
def module_store() -> Iterator[Store]:
    """One empty state for a whole file; whoever uses it undoes what it did."""
    with temporary_store() as store:
        yield store


@pytest.fixture
def tx(module_store: Store) -> Iterator[Connection]:
    """A transaction on an empty state, undone in the end."""
    with rollback_transaction(module_store) as tx:
        yield tx
