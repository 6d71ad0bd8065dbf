"""Single facts about this state, each a JSON value under a name."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, delete, select

from sync_worker.store import schema
from sync_worker.store.database import upsert_rows


def get(tx: Connection, key: str) -> Any:  # noqa: ANN401 -- a JSON value
    """Return the value under a name, or None."""
    value = tx.execute(select(schema.meta.c.value).where(schema.meta.c.key == key)).scalar()
    return None if value is None else orjson.loads(value)


def get_by_prefix(tx: Connection, prefix: str) -> dict[str, Any]:
    """Return the values under all names that begin so, by name."""
    query = select(schema.meta).where(schema.meta.c.key.startswith(prefix, autoescape=True))
    return {key: orjson.loads(value) for key, value in tx.execute(query)}


def put(tx: Connection, key: str, value: object) -> None:
    """Keep a value under a name; None takes the name away."""
    if value is None:
        tx.execute(delete(schema.meta).where(schema.meta.c.key == key))
    else:
        upsert_rows(tx, schema.meta, [{"key": key, "value": orjson.dumps(value).decode()}])
