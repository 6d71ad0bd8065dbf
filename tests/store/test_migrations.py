from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, select, text

from sync_worker.store import database, migrating
from sync_worker.store.database import Store, opened
from sync_worker.store.tables import metadata
from tests.store.states import a_state_url


def test_the_migrations_make_exactly_the_tables_that_the_queries_know(shared: Store) -> None:
    with shared.transaction() as tx:
        # Types and indexes are compared as well; SQLite shows a text and an integer only.
        context = MigrationContext.configure(tx, opts={"compare_type": True, "target_metadata": metadata})
        assert compare_metadata(context, metadata) == []


def test_the_columns_have_the_order_of_the_tables_since_a_rehearsal_copies_them_by_place(shared: Store) -> None:
    with shared.transaction() as tx:
        for table in metadata.tables.values():
            assert [column["name"] for column in inspect(tx).get_columns(table.name)] == [column.name for column in table.columns]
            made = {column["name"]: column["nullable"] for column in inspect(tx).get_columns(table.name)}
            assert made == {column.name: column.nullable for column in table.columns}
            assert inspect(tx).get_pk_constraint(table.name)["constrained_columns"] == [column.name for column in table.primary_key]


def test_the_newest_schema_is_the_newest_migration(shared: Store) -> None:
    assert migrating.newest() == database.NEWEST
    with shared.transaction() as tx:
        assert tx.execute(text("SELECT version_num FROM alembic_version")).scalar() == database.NEWEST


def test_a_state_that_is_up_to_date_is_opened_without_a_migration(tmp_path: Path) -> None:
    with a_state_url(tmp_path) as url:
        opened(url).close()
        again = opened(url)
        with again.transaction() as tx:
            assert tx.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
        again.close()


def test_a_state_of_an_earlier_schema_is_brought_forward_with_all_that_it_holds(tmp_path: Path) -> None:
    with a_state_url(tmp_path) as url:
        engine = create_engine(url)
        config = migrating.configuration()
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0003")
            for table in metadata.sorted_tables:
                row = {column.name: _a_value(column.type.python_type) for column in table.columns}
                connection.execute(table.insert(), row)
        engine.dispose()
        brought = opened(url)
        with brought.transaction() as tx:
            for table in metadata.sorted_tables:
                expected = tuple(_a_value(column.type.python_type) for column in table.columns)
                assert [tuple(row) for row in tx.execute(select(table))] == [expected], table.name
        brought.close()


def _a_value(kind: type) -> object:
    return {int: 2**53 - 1, str: "{}", bool: True}[kind]
