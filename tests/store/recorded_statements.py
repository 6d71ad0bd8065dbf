"""Records the SQL statements of a connection, or of all connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event


@contextmanager
def record_statements(target: Connection | type[Engine]) -> Iterator[list[tuple[str, Any]]]:
    """Yield a list to which the statements of a connection are added, with their parameters; with `Engine`, of all connections."""
    statements: list[tuple[str, Any]] = []

    def record(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        statements.append((statement, parameters))

    event.listen(target, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(target, "before_cursor_execute", record)
