"""When the worker tries again to write what HubSpot has rejected."""

from __future__ import annotations

from typing import Final

from sync_worker.store.writes.held_back import HeldBackGroup
from sync_worker.timestamps import from_ms

RETRY_HINT: Final = (
    "The worker tries these contacts again by itself: at growing distance, when they change, and in each full scan. If a rule of the "
    "portal rejects them, correct the contacts or the rule in HubSpot."
)
VALUE_HINT: Final = "Invalid values are sent again when they change. If an option is missing, run `sync-worker setup`."


def format_next_try(group: HeldBackGroup) -> str:
    """Return when the contacts of a group are tried again."""
    if group.retry_at is None:
        return "until the value changes"
    return f"next try in the first run after {from_ms(group.retry_at):%Y-%m-%d %H:%M} UTC" if group.retry_at else "next try in the next run"
