"""The `meta` table: facts about the state as a whole, each as a JSON value under a key.

The modules `scan_state`, `portal_cache`, `pending_import` and `last_purge` define what is stored here. Other rooms use those.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
import orjson
from sqlalchemy import Connection, bindparam, delete, select

from sync_worker.errors import StateError
from sync_worker.store import schema
from sync_worker.store.database import upsert_rows

Value = TypeVar("Value")
_VALUE: Final = select(schema.meta.c.value).where(schema.meta.c.key == bindparam("key"))  # built once: each run executes it often


def load(tx: Connection, key: str, kind: type[Value]) -> Value | None:
    """Return the value under a key as an instance of a type, or None.

    Raises:
        StateError: The value does not fit the type.
    """
    value = get(tx, key)
    return None if value is None else convert(key, value, kind)


def load_by_prefix(tx: Connection, prefix: str, kind: type[Value]) -> dict[str, Value]:
    """Return the values of all keys with a prefix, by the rest of the key.

    Raises:
        StateError: A value does not fit the type.
    """
    query = select(schema.meta).where(schema.meta.c.key.startswith(prefix, autoescape=True))
    return {key.removeprefix(prefix): convert(key, orjson.loads(value), kind) for key, value in tx.execute(query)}


def get(tx: Connection, key: str) -> Any:  # noqa: ANN401 -- a JSON value
    """Return the JSON value under a key, or None."""
    value = tx.execute(_VALUE, {"key": key}).scalar()
    return None if value is None else orjson.loads(value)


def put(tx: Connection, key: str, value: object) -> None:
    """Save a JSON value, or a struct, under a key; None deletes the key."""
    if value is None:
        tx.execute(delete(schema.meta).where(schema.meta.c.key == key))
    else:
        upsert_rows(tx, schema.meta, [{"key": key, "value": msgspec.json.encode(value).decode()}])


def convert(key: str, value: object, kind: type[Value]) -> Value:
    """Return the JSON value of a key as an instance of a type; raises StateError if it does not fit."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise StateError(
            f"The state has an invalid value under the key {key!r}: {error}.",
            hint="Restore a backup of the state, or start with a new one (SYNC_WORKER_STATE_URL).",
        ) from error
