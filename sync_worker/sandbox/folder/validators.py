"""What must stand in each line of a portal folder, and in which form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NoReturn

Check = Callable[[object], object]

LAST_MS: Final = 253_402_300_799_999  # the end of the year 9999
_SHOWN: Final = 60  # characters of a wrong value that a message repeats


class ShapeError(ValueError):
    """A value that does not have the shape it should have; the message completes "`key` ..."."""


def _refuse(value: object, expected: str) -> NoReturn:
    if value is None:
        raise ShapeError(f"is missing: it should be {expected}")
    shown = repr(value)
    raise ShapeError(f"should be {expected}, not {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'}")


def text(value: object) -> str:
    """Return a text that is not empty."""
    if type(value) is str and value:
        return value
    _refuse(value, "text")


def record_id(value: object) -> str:
    """Return a CRM record's id as HubSpot writes it: digits, as text."""
    if type(value) is str and value.isascii() and value.isdigit():
        return value
    if type(value) is int and value >= 0:
        return str(value)
    _refuse(value, 'a number as text, such as "1001"')


def record_ids(value: object) -> list[str]:
    """Return the ids of records; missing is none."""
    if value is None:
        return []
    if isinstance(value, list):
        return [record_id(each) for each in value]
    _refuse(value, 'a list of ids, such as ["1001"]')


def instant(value: object) -> str:
    """Return an ISO 8601 time with its offset, unchanged."""
    if type(value) is str:
        try:
            if datetime.fromisoformat(value).tzinfo is not None:
                return value
        except ValueError:
            pass
    _refuse(value, 'a time such as "2026-11-01T09:30:00.000Z"')


def milliseconds(value: object) -> int:
    """Return a time in milliseconds since 1970 (UTC)."""
    if type(value) is int and 0 <= value <= LAST_MS:
        return value
    _refuse(value, "a time in milliseconds since 1970, such as 1793525400000")


def flag(value: object) -> bool:
    """Return true or false; missing is false."""
    if value is None:
        return False
    if type(value) is bool:
        return value
    _refuse(value, "true or false")


def values(value: object) -> list[object]:
    """Return the fields of a form submission; missing is none."""
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(each, dict) and type(each.get("name")) is str for each in value):
        return value
    _refuse(value, 'a list such as [{"name": "email", "value": "ana@example.com"}]')


def stamp(value: object) -> object:
    """Return the mark of another event, {id, created ms}, or nothing."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {**value, "created": milliseconds(value.get("created"))}
    _refuse(value, 'an event such as {"id": "...", "created": 1793525400000}')


def properties(value: object) -> dict[str, str | None]:
    """Return property values as HubSpot has them, text or null; numbers and booleans are written as HubSpot writes them."""
    if value is None:
        return {}
    if isinstance(value, dict):
        if all(type(each) is str or each is None for each in value.values()):
            return value
        return {name: _property(each) for name, each in value.items()}
    _refuse(value, 'properties such as {"email": "ana@example.com"}')


def _property(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    _refuse(value, "text, a number or null for each property")


def attendance(value: object) -> dict[str, object]:
    """Return how somebody took part in a marketing event, and since when."""
    if isinstance(value, dict):
        return {**value, "attendanceState": text(value.get("attendanceState")), "occurredAt": milliseconds(value.get("occurredAt"))}
    _refuse(value, 'properties such as {"attendanceState": "ATTENDED", "occurredAt": 1793525400000}')


def parties(value: object) -> dict[str, object]:
    """Return who took part in which marketing event."""
    if isinstance(value, dict):
        contact, event = value.get("contact"), value.get("marketingEvent")
        if isinstance(contact, dict) and isinstance(event, dict):
            whole = {**contact, "contactId": record_id(contact.get("contactId"))}
            return {**value, "contact": whole, "marketingEvent": {**event, "marketingEventId": record_id(event.get("marketingEventId"))}}
    _refuse(value, 'associations such as {"contact": {"contactId": "1001"}, "marketingEvent": {"marketingEventId": "501"}}')


_RECORD: Final[Mapping[str, Check]] = {
    "id": record_id,
    "properties": properties,
    "createdAt": instant,
    "updatedAt": instant,
    "archived": flag,
}

#: The checks of each kind of row, by key. A key that is not named here is carried along as it is.
SHAPES: Final[Mapping[str, Mapping[str, Check]]] = {
    "contacts": _RECORD,
    "companies": _RECORD,
    "email_events": {"id": text, "created": milliseconds, "type": text, "recipient": text, "sentBy": stamp, "obsoletedBy": stamp},
    "events": {"id": text, "eventType": text, "objectId": record_id, "occurredAt": instant, "properties": properties},
    "forms": {"id": text, "name": text},
    "submissions": {"formId": text, "submittedAt": milliseconds, "values": values},
    "marketing_events": {"objectId": record_id, "eventName": text},
    "participations": {"id": text, "properties": attendance, "associations": parties},
    "deals": {"id": record_id, "properties": properties, "contactIds": record_ids},
}
