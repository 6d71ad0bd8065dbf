"""Writes many rows to PostgreSQL with COPY: into a temporary table of the same columns, and from there with one INSERT."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final
from zlib import crc32

from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

MIN_ROWS: Final = 50  # for fewer rows, the additional statements cost more than they save
#: The VALUES of one row, and a parameter in them, as SQLAlchemy writes them for psycopg.
_VALUES: Final = re.compile(r"VALUES \(([^()]*(?:%\(\w+\)s[^()]*)+)\)")
_PARAMETER: Final = re.compile(r"%\((\w+)\)s(?:::\w+)?")


def can_copy(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> bool:
    """Return whether COPY can write the rows: on PostgreSQL, with a key that no two rows share, because one INSERT writes each row once."""
    keys = [columns.index(column.name) for column in table.primary_key if column.name in columns]
    if connection.dialect.name != "postgresql" or len(rows) < MIN_ROWS or len(keys) < len(table.primary_key):
        return False
    return len(set(map(itemgetter(*keys), rows))) == len(rows)


def copy_rows(
    connection: Connection,
    table: Table,
    compiled: SQLCompiler,
    columns: tuple[str, ...],
    rows: Sequence[tuple[object, ...]],
    *,
    constants: Mapping[str, object],
) -> int:
    """Write rows of these columns with a compiled INSERT of one row; return how many were inserted or updated.

    `constants` are the parameters of the statement that are the same for all rows.
    """
    create, copy, insert, empty = _build_statements(table, compiled, columns)
    connection.execute(text(create))
    with _translate_driver_errors(connection, copy) as driver, driver.cursor() as cursor, cursor.copy(copy) as writer:
        for row in rows:
            writer.write_row(row)
    written = connection.exec_driver_sql(insert, dict(constants)).rowcount
    connection.execute(text(empty))
    return written


@contextmanager
def _translate_driver_errors(connection: Connection, statement: str) -> Iterator[Any]:
    """Yield the connection of the driver, and raise its errors as SQLAlchemy does for its own statements."""
    driver, dbapi = connection.connection.driver_connection, connection.dialect.loaded_dbapi
    try:
        yield driver
    except dbapi.Error as error:
        is_disconnect = connection.dialect.is_disconnect(error, connection.connection, None)
        if is_disconnect:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement, None, error, dbapi.Error, hide_parameters=True, connection_invalidated=is_disconnect, dialect=connection.dialect
        ) from error


@lru_cache(maxsize=64)
def _build_statements(table: Table, compiled: SQLCompiler, columns: tuple[str, ...]) -> tuple[str, str, str, str]:
    source = f"copied_{table.name}_{crc32(' '.join(columns).encode()):x}"
    quoted = ", ".join(f'"{column}"' for column in columns)
    types = compiled.dialect.type_compiler_instance
    definitions = ", ".join(f'"{column}" {types.process(table.c[column].type)}' for column in columns)
    insert = _VALUES.sub(lambda found: _select(found[1], columns, source), compiled.string, count=1)
    return (
        # It lives as long as the connection: one table for each transaction would fill the catalog of the database.
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {source} ({definitions})",
        f"COPY {source} ({quoted}) FROM STDIN",
        insert,
        f"TRUNCATE {source}",
    )


def _select(values: str, columns: tuple[str, ...], source: str) -> str:
    """Return the SELECT of the VALUES of a row; parameters that are not columns stay."""
    selected = _PARAMETER.sub(lambda found: f'"{found[1]}"' if found[1] in columns else found[0], values)
    return f"SELECT {selected} FROM {source}"  # noqa: S608 -- only names of the schema
