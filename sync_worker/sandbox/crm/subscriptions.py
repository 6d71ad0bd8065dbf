"""Email subscription types, and the statuses of addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.base.timestamps import parse_ms

NOT_SPECIFIED = "NOT_SPECIFIED"
#: The types that HubSpot creates in every portal.
DEFAULT_TYPES = ("Marketing Information", "Customer Service Communication", "One to One")
_FIRST_TYPE_ID = 7_001


class SubscriptionStore:
    """The subscription types of a portal by id, and the newest status of each address for each type; none is later than `now`."""

    def __init__(self, rows: Iterable[Row], *, now: int) -> None:
        self.type_names: dict[int, str] = {}
        self._type_ids: dict[str, int] = {}
        self._statuses: dict[tuple[str, int], tuple[int, str]] = {}  # (address, type) → (epoch milliseconds, status)
        for name in DEFAULT_TYPES:
            self._ensure_type(name)
        for row in rows:
            if _timestamp(row) <= now:
                self.save(row)

    def save(self, row: Row) -> None:
        """Set a status; an older one never replaces a newer one. A type that does not exist is created."""
        key, at = (str(row["email"]).strip().lower(), self._ensure_type(row["subscription"])), _timestamp(row)
        if at >= self._statuses.get(key, (0, ""))[0]:
            self._statuses[key] = at, row["status"]

    def statuses(self, email: str) -> Iterator[tuple[int, str, int]]:
        """Yield (type id, status, epoch milliseconds) of every type for an address."""
        for type_id in self.type_names:
            at, status = self._statuses.get((email.strip().lower(), type_id), (0, NOT_SPECIFIED))
            yield type_id, status, at

    def find_type(self, type_id: object) -> str | None:
        """Return the name of a type, or None if it does not exist."""
        return self.type_names.get(int(str(type_id))) if str(type_id).isdecimal() else None

    def _ensure_type(self, name: str) -> int:
        type_id = self._type_ids.setdefault(name, _FIRST_TYPE_ID + len(self._type_ids))
        self.type_names[type_id] = name
        return type_id


def _timestamp(row: Row) -> int:
    """Return the time of a status in epoch milliseconds."""
    at = row["timestamp"]
    return at if isinstance(at, int) else parse_ms(at) or 0
