"""The same portal at another present: every time in every row is moved by the same span."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.folder.validators import SHAPES

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_DATED: Final = re.compile(r"(date|timestamp)$")  # how HubSpot ends the names of its date properties
_MS_KEYS: Final = frozenset({"created", "submittedAt", "timestamp", "occurredAt"})
_MS_DIGITS: Final = (12, 13)


def shifted(data: PortalData, by: timedelta) -> PortalData:
    """Return the portal with every time moved by `by`, to the millisecond; rows are moved when iterated.

    Moved are ISO texts, milliseconds under HubSpot's names (`created`, `submittedAt`, `occurredAt`, also within `sentBy` and
    `obsoletedBy`), and property values: whatever is an ISO date-time, and milliseconds or whole dates under a name that ends
    in date or timestamp. What visitors typed into forms stays.
    """
    span = timedelta(milliseconds=round(by / timedelta(milliseconds=1)))
    moved = {kind: _Moved(rows=getattr(data, kind), by=span) for kind in SHAPES}
    return PortalData(portal_id=data.portal_id, tier=data.tier, time_zone=data.time_zone, now=data.now + span, **moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    rows: Iterable[Row]
    by: timedelta

    def __iter__(self) -> Iterator[Row]:
        move = _mover(self.by)
        return (move(row) for row in self.rows)


def _mover(by: timedelta) -> Callable[[Row], Row]:
    ms = by // timedelta(milliseconds=1)

    def move(row: Row) -> Row:
        return {key: moved(key, value) for key, value in row.items()}

    def moved(key: str, value: object) -> object:
        if type(value) is str:
            return _moved_text(key, value, by)
        if type(value) is int and key in _MS_KEYS:
            return value + ms
        if type(value) is dict:
            return move(value)
        return value

    return move


def _moved_text(key: str, value: str, by: timedelta) -> str:
    try:
        if _INSTANT.fullmatch(value):
            return iso(datetime.fromisoformat(value) + by)
        return _moved_date(value, by) if _DATED.search(key) else value
    except (ValueError, OverflowError):  # no such day: the value is as wrong as it was before
        return value


def _moved_date(value: str, by: timedelta) -> str:
    if len(value) in _MS_DIGITS and value.isdigit():
        return str(int(value) + by // timedelta(milliseconds=1))
    if _DATE.fullmatch(value):
        return (date.fromisoformat(value) + timedelta(days=by.days)).isoformat()
    return value


def iso(at: datetime) -> str:
    """Return an aware time as HubSpot writes it: UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
