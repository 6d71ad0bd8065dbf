from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, MetaData, create_engine, inspect, select, text
from sqlalchemy.types import TypeEngine

from sync_worker.store import database, migrate
from sync_worker.store.database import Store, open_store
from sync_worker.store.saved_state import key_value
from sync_worker.store.schema import metadata
from tests.store.database_factories import POSTGRES_URL, temporary_state_url


def test_the_migrations_create_the_tables_of_the_schema(module_store: Store) -> None:
    with module_store.transaction() as tx:
        # Types and indices are compared too, though SQLite has only text and integers.
        context = MigrationContext.configure(tx, opts={"compare_type": True, "target_metadata": metadata})
        assert compare_metadata(context, metadata) == []


def test_the_columns_have_the_order_of_the_schema_because_a_dry_run_copies_by_position(module_store: Store) -> None:
    with module_store.transaction() as tx:
        for table in metadata.tables.values():
            assert [column["name"] for column in inspect(tx).get_columns(table.name)] == [column.name for column in table.columns]
            nullable = {column["name"]: column["nullable"] for column in inspect(tx).get_columns(table.name)}
            assert nullable == {column.name: column.nullable for column in table.columns}
            assert inspect(tx).get_pk_constraint(table.name)["constrained_columns"] == [column.name for column in table.primary_key]


@pytest.mark.skipif(POSTGRES_URL is not None, reason="the test is about SQLite files")
def test_a_table_has_row_ids_on_sqlite_only_if_the_schema_says_so(module_store: Store) -> None:
    with module_store.transaction() as tx:
        definitions = dict(tx.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all())
    for table in metadata.tables.values():
        assert ("WITHOUT ROWID" in definitions[table.name]) is not table.dialect_options["sqlite"]["with_rowid"]


def test_the_latest_revision_is_the_newest_migration(module_store: Store) -> None:
    newest = ScriptDirectory.from_config(migrate.alembic_config()).get_current_head()
    assert newest == database.LATEST_REVISION
    with module_store.transaction() as tx:
        assert tx.execute(text("SELECT version_num FROM alembic_version")).scalar() == database.LATEST_REVISION


def test_a_current_state_is_opened_without_a_migration(tmp_path: Path) -> None:
    with temporary_state_url(tmp_path) as url:
        open_store(url).close()
        again = open_store(url)
        with again.transaction() as tx:
            assert tx.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
        again.close()


@pytest.mark.parametrize("schema", ["0001", "0002", "0003", "0005", "0006", "0007", "0009", "0010", "0011", "0012"])
def test_a_state_of_an_earlier_schema_is_migrated_with_all_its_rows(tmp_path: Path, schema: str) -> None:
    with temporary_state_url(tmp_path) as url:
        rows = _create_state(url, schema)
        store = open_store(url)
        with store.transaction() as tx:
            found = {name: tx.execute(select(*(metadata.tables[name].c[column] for column in row))).all() for name, row in rows.items()}
        store.close()
        found["meta"] = [row for row in found["meta"] if row[0] != "changes"]  # a migration counts as a change
        assert rows.keys() >= {"contacts", "events", "verdicts", "memberships", "rejections"}
        assert {name: [tuple(row) for row in migrated] for name, migrated in found.items()} == {
            name: [tuple(row.values())] for name, row in rows.items()
        }


def test_a_primary_email_is_deleted_from_the_additional_emails(tmp_path: Path) -> None:
    with temporary_state_url(tmp_path) as url:
        rows = _create_state(url, "0005")
        engine = create_engine(url)
        with engine.begin() as connection:
            primary = {"email": rows["contacts"]["email"], "contact_id": rows["contacts"]["id"]}
            connection.execute(metadata.tables["addresses"].insert(), primary)
        engine.dispose()
        store = open_store(url)
        with store.transaction() as tx:
            assert tx.execute(select(metadata.tables["addresses"].c.email)).scalars().all() == ["additional@example.com"]
            assert tx.execute(select(metadata.tables["contacts"].c.email)).scalar() == primary["email"]
        store.close()


def test_a_state_with_an_interrupted_first_scan_gets_the_missing_indices(tmp_path: Path) -> None:
    deferred = ["contacts_by_email", "contacts_by_company", "contacts_here"]
    with temporary_state_url(tmp_path) as url:
        _create_state(url, "0006")
        engine = create_engine(url)
        with engine.begin() as connection:
            for index in deferred:
                connection.execute(text(f"DROP INDEX {index}"))
            connection.execute(text("INSERT INTO meta VALUES ('filling', 'true'), ('unjudged', 'true')"))
        engine.dispose()
        store = open_store(url)
        with store.transaction() as tx:
            context = MigrationContext.configure(tx, opts={"compare_type": True, "target_metadata": metadata})
            assert compare_metadata(context, metadata) == []
            assert [key_value.get(tx, key) for key in ("filling", "unjudged")] == [None, None]
        store.close()


def test_an_earlier_run_is_done_if_it_ended_without_an_error(tmp_path: Path) -> None:
    with temporary_state_url(tmp_path) as url:
        _create_state(url, "0007")
        engine = create_engine(url)
        rows = [("a", 0, "{}"), ("b", 1, '{"rejected": []}'), ("c", 1, '{"error": "not found"}'), ("d", 3, "{}"), ("e", None, None)]
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM runs"))
            insert = text("INSERT INTO runs (id, command, started_at, exit_code, report) VALUES (:id, 'sync', 1, :code, :report)")
            connection.execute(insert, [dict(zip(("id", "code", "report"), row, strict=True)) for row in rows])
        engine.dispose()
        store = open_store(url)
        with store.transaction() as tx:
            done = tx.execute(select(metadata.tables["runs"].c.id).where(metadata.tables["runs"].c.done)).scalars()
            assert sorted(done) == ["a", "b"]
        store.close()


def _create_state(url: str, schema: str) -> dict[str, dict[str, object]]:
    """Create a state of an earlier schema with one row in each table; return the rows."""
    engine = create_engine(url)
    config, old = migrate.alembic_config(), MetaData()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, schema)
        old.reflect(connection)
        tables = {name: old.tables[name] for name in metadata.tables if name in old.tables}
        rows = {name: {c.name: _sample_value(metadata.tables[name].c[c.name].type) for c in table.c} for name, table in tables.items()}
        rows["addresses"]["email"] = "additional@example.com"
        for name, row in rows.items():
            connection.execute(tables[name].insert(), row)
    engine.dispose()
    return rows


def _sample_value(kind: TypeEngine[Any]) -> object:
    largest = 2**53 - 1 if isinstance(kind, BigInteger) else 2**31 - 1
    return {int: largest, str: "{}", bool: True}[kind.python_type]


def test_additional_emails_become_facts_of_a_model_that_uses_the_email(tmp_path: Path) -> None:
    with temporary_state_url(tmp_path) as url:
        _create_state(url, "0010")
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(metadata.tables["contacts"].update().values(facts='{"email":"a@example.com","jobtitle":"CTO"}', revision=1))
        engine.dispose()
        store = open_store(url)
        with store.transaction() as tx:
            contacts = metadata.tables["contacts"].c
            facts = '{"email":"a@example.com","hs_additional_emails":"additional@example.com","jobtitle":"CTO"}'
            assert tx.execute(select(contacts.facts, contacts.revision)).all() == [(facts, 2)]
        store.close()
