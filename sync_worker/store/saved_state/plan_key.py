"""The secret key of the digests in plan files: `sync.plan.fact_digests` uses it. A plan of another state has digests of another key."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_KEY: Final = "plan_key"


def load_or_create(tx: Connection) -> bytes:
    """Return the key of this state."""
    if (key := key_value.load(tx, _KEY, str)) is None:
        key = secrets.token_hex(32)
        key_value.put(tx, _KEY, key)
    return bytes.fromhex(key)
