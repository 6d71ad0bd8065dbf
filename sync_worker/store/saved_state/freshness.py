"""How long the last MQLs took from their form to HubSpot's list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

MAX_SAMPLES: Final = 500
_KEY: Final = "freshness"


class FreshnessSample(NamedTuple):
    """One MQL: when it was added to the list (milliseconds), and the seconds since its form."""

    at: int
    seconds: float


def load(tx: Connection) -> list[FreshnessSample]:
    """Return the samples, the oldest first."""
    return key_value.load(tx, _KEY, list[FreshnessSample]) or []


def add(tx: Connection, samples: Sequence[FreshnessSample]) -> None:
    """Add samples; the last `MAX_SAMPLES` are kept."""
    if samples:
        key_value.put(tx, _KEY, [*load(tx), *samples][-MAX_SAMPLES:])
