"""Shifts all times of a portal by the same offset."""

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
_DATE_PROPERTY_PATTERN: Final = re.compile(r"(date|timestamp)$")  # endings of the names of HubSpot's properties with milliseconds
_MS_KEYS: Final = frozenset({"created", "submittedAt", "timestamp", "occurredAt"})
_MS_DIGIT_COUNTS: Final = (12, 13)


def shift_times(data: PortalData, offset: timedelta) -> PortalData:
    """Return the portal with all times shifted by `offset`, rounded to milliseconds; rows are shifted during iteration.

    Shifted are ISO dates and date-times, milliseconds under HubSpot's keys (`created`, `submittedAt`, `occurredAt`, also within `sentBy`
    and `obsoletedBy`), and milliseconds in properties whose name ends in date or timestamp. Dates are shifted by whole days. Values of
    form fields are unchanged.
    """
    span = timedelta(milliseconds=round(offset / timedelta(milliseconds=1)))
    shifted = {kind: _ShiftedRows(rows=getattr(data, kind), offset=span) for kind in ROW_VALIDATORS}
    return PortalData(portal_id=data.portal_id, tier=data.tier, time_zone=data.time_zone, now=data.now + span, **shifted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShiftedRows:
    rows: Iterable[Row]
    offset: timedelta

    def __iter__(self) -> Iterator[Row]:
        shift_row = _row_shifter(self.offset)
        return (shift_row(row) for row in self.rows)


def _row_shifter(offset: timedelta) -> Callable[[Row], Row]:
    ms = offset // timedelta(milliseconds=1)

    def shift_row(row: Row) -> Row:
        # A row of a property's history has the name of the property and its value under two keys.
        return {key: shift_value(str(row.get("name")) if key == "value" else key, value) for key, value in row.items()}

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
        if _DATE_PATTERN.fullmatch(value):
            return (date.fromisoformat(value) + timedelta(days=offset.days)).isoformat()
        return _shift_milliseconds(value, offset) if _DATE_PROPERTY_PATTERN.search(key) else value
    except (ValueError, OverflowError):  # an invalid date or a year beyond 9999: the value stays unchanged
        return value


def _shift_milliseconds(value: str, offset: timedelta) -> str:
    is_time = len(value) in _MS_DIGIT_COUNTS and value.isdigit()
    return str(int(value) + offset // timedelta(milliseconds=1)) if is_time else value


def format_iso(at: datetime) -> str:
    """Return ISO text in UTC with milliseconds, HubSpot's format; `at` is aware."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
