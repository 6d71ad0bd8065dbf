"""The same portal at another present: every time in every row is moved by the same span."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.folder.validators import ROW_VALIDATORS

_DATETIME_PATTERN: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)")
_DATE_PATTERN: Final = re.compile(r"\d{4}-\d\d-\d\d")
_DATE_PROPERTY_PATTERN: Final = re.compile(r"(date|timestamp)$")  # how HubSpot ends the names of its date properties
_MS_KEYS: Final = frozenset({"created", "submittedAt", "timestamp", "occurredAt"})
_MS_DIGIT_COUNTS: Final = (12, 13)


def shift_times(data: PortalData, offset: timedelta) -> PortalData:
    """Return the portal with every time moved by `by`, to the millisecond; rows are moved when iterated.

    Moved are ISO texts, milliseconds under HubSpot's names (`created`, `submittedAt`, `occurredAt`, also within `sentBy` and
    `obsoletedBy`), and property values: whatever is an ISO date-time, and milliseconds or whole dates under a name that ends
    in date or timestamp. What visitors typed into forms stays.
    """
    span = timedelta(milliseconds=round(offset / timedelta(milliseconds=1)))
    moved = {kind: _ShiftedRows(rows=getattr(data, kind), offset=span) for kind in ROW_VALIDATORS}
    return PortalData(portal_id=data.portal_id, tier=data.tier, time_zone=data.time_zone, now=data.now + span, **moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShiftedRows:
    rows: Iterable[Row]
    offset: timedelta

    def __iter__(self) -> Iterator[Row]:
        move = _row_shifter(self.offset)
        return (move(row) for row in self.rows)


def _row_shifter(offset: timedelta) -> Callable[[Row], Row]:
    ms = offset // timedelta(milliseconds=1)

    def shift_row(row: Row) -> Row:
        return {key: shift_value(key, value) for key, value in row.items()}

    def shift_value(key: str, value: object) -> object:
        if type(value) is str:
            return _shift_text(key, value, offset)
        if type(value) is int and key in _MS_KEYS:
            return value + ms
        if type(value) is dict:
            return shift_row(value)
        return value

    return shift_row


def _shift_text(key: str, value: str, offset: timedelta) -> str:
    try:
        if _DATETIME_PATTERN.fullmatch(value):
            return format_iso(datetime.fromisoformat(value) + offset)
        return _shift_date(value, offset) if _DATE_PROPERTY_PATTERN.search(key) else value
    except (ValueError, OverflowError):  # no such day: the value is as wrong as it was before
        return value


def _shift_date(value: str, offset: timedelta) -> str:
    if len(value) in _MS_DIGIT_COUNTS and value.isdigit():
        return str(int(value) + offset // timedelta(milliseconds=1))
    if _DATE_PATTERN.fullmatch(value):
        return (date.fromisoformat(value) + timedelta(days=offset.days)).isoformat()
    return value


def format_iso(at: datetime) -> str:
    """Return an aware time as HubSpot writes it: UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
