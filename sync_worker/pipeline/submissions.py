"""Whether anybody has sent a form: HubSpot lists submissions form by form, and a portal may have hundreds of them.

A contact who sends a form gets a new date of conversion, so that one search tells whether the forms must be looked at. Once an
hour they are looked at in any case: a calculated property may come late, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sync_worker.hubspot.contacts import Contacts
from sync_worker.store import meta
from sync_worker.store.database import Store
from sync_worker.store.instants import from_ms, to_ms

KEY: Final = "forms"
HOURLY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is known of the last look at the forms."""

    contacts: Contacts
    store: Store
    now: datetime
    overlap: timedelta

    def news(self) -> dict[str, Any] | None:
        """Return what to note when the forms have been looked at, None where there is nothing new to be seen."""
        with self.store.transaction() as tx:
            last = meta.get(tx, KEY)
        if last is None or self.now >= from_ms(last["looked_at"]) + HOURLY:
            return {"looked_at": to_ms(self.now), "seen": []}
        page = self.contacts.converted(from_ms(last["looked_at"]) - self.overlap)
        shown = sorted([row.id, row.properties.get("recent_conversion_date") or ""] for row in page.items)
        if page.next is None and all(each in last["seen"] for each in shown):
            return None
        return {"looked_at": last["looked_at"], "seen": shown}

    def note(self, news: dict[str, Any]) -> None:
        """Note that the forms have been looked at."""
        with self.store.transaction() as tx:
            meta.put(tx, KEY, news)
