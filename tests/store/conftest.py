from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from sync_worker.store.database import Store
from tests.store.database_factories import rollback_transaction, temporary_store


@pytest.fixture(scope="module")
def module_store() -> Iterator[Store]:
    """One empty state for all tests of a file; each test rolls its changes back."""
    with temporary_store() as store:
        yield store


@pytest.fixture
def tx(module_store: Store) -> Iterator[Connection]:
    """A transaction on an empty state, which is rolled back."""
    with rollback_transaction(module_store) as tx:
        yield tx
