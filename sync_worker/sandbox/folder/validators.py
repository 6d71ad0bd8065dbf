"""Validators for the fields of each kind of row in a portal folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NoReturn, get_args

from sync_worker.sandbox.base.object_types import find_object_type
from sync_worker.sandbox.base.portal_data import SubscriptionStatus

Validator = Callable[[object], object]

MAX_TIMESTAMP_MS: Final = 253_402_300_799_999  # end of the year 9999
PROPERTY_TYPES: Final = ("string", "number", "date", "datetime", "enumeration", "bool", "phone_number")
_MAX_SHOWN_CHARACTERS: Final = 60  # longer invalid values are truncated in messages


class FieldFormatError(ValueError):
    """A field value in the wrong format; the message completes "`key` ..."."""


def _reject(value: object, expected: str) -> NoReturn:
    if value is None:
        raise FieldFormatError(f"is missing: it should be {expected}")
    shown = repr(value)
    raise FieldFormatError(
        f"should be {expected}, not {shown if len(shown) <= _MAX_SHOWN_CHARACTERS else shown[:_MAX_SHOWN_CHARACTERS] + '…'}"
    )


def validate_text(value: object) -> str:
    """Return a non-empty text."""
    if type(value) is str and value:
        return value
    _reject(value, "text")


def validate_email_event_type(value: object) -> str:
    """Return a type of email events in upper case, as HubSpot has it."""
    return validate_text(value).upper()


def validate_record_id(value: object) -> str:
    """Return a record id in HubSpot's format: a text of digits."""
    if type(value) is str and value.isascii() and value.isdigit():
        return value
    if type(value) is int and value >= 0:
        return str(value)
    _reject(value, 'a number as text, such as "1001"')


def validate_record_ids(value: object) -> list[str]:
    """Return a list of record ids; empty if missing."""
    if value is None:
        return []
    if isinstance(value, list):
        return [validate_record_id(each) for each in value]
    _reject(value, 'a list of ids, such as ["1001"]')


def validate_timestamp(value: object) -> str:
    """Return an ISO 8601 time with UTC offset, unchanged."""
    if type(value) is str:
        try:
            if datetime.fromisoformat(value).tzinfo is not None:
                return value
        except ValueError:
            pass
    _reject(value, 'a time such as "2026-11-01T09:30:00.000Z"')


def validate_milliseconds(value: object) -> int:
    """Return a time in epoch milliseconds."""
    if type(value) is int and 0 <= value <= MAX_TIMESTAMP_MS:
        return value
    _reject(value, "a time in milliseconds since 1970, such as 1793525400000")


def validate_boolean(value: object) -> bool:
    """Return a boolean; false if missing."""
    if value is None:
        return False
    if type(value) is bool:
        return value
    _reject(value, "true or false")


def validate_form_values(value: object) -> list[object]:
    """Return the fields of a form submission; empty if missing."""
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(each, dict) and type(each.get("name")) is str for each in value):
        return value
    _reject(value, 'a list such as [{"name": "email", "value": "ana@example.com"}]')


def validate_event_reference(value: object) -> object:
    """Return a reference to another event, {id, created ms}; None if missing."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {**value, "created": validate_milliseconds(value.get("created"))}
    _reject(value, 'an event such as {"id": "...", "created": 1793525400000}')


def validate_properties(value: object) -> dict[str, str | None]:
    """Return property values in HubSpot's format, text or null; numbers and booleans become text."""
    if value is None:
        return {}
    if isinstance(value, dict):
        for each in value.values():  # faster than all(): a portal has millions of rows
            if type(each) is not str and each is not None:
                break
        else:
            return value
        return {name: validate_property(each) for name, each in value.items()}
    _reject(value, 'properties such as {"email": "ana@example.com"}')


def validate_property(value: object) -> str | None:
    """Return a property value in HubSpot's format, text or null; a number or boolean becomes text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    _reject(value, "text, a number or null for each property")


def validate_attendance(value: object) -> dict[str, object]:
    """Return the attendance of a marketing event: {attendanceState, occurredAt ms}."""
    if isinstance(value, dict):
        return {
            **value,
            "attendanceState": validate_text(value.get("attendanceState")),
            "occurredAt": validate_milliseconds(value.get("occurredAt")),
        }
    _reject(value, 'properties such as {"attendanceState": "ATTENDED", "occurredAt": 1793525400000}')


def validate_participants(value: object) -> dict[str, object]:
    """Return the contact and marketing event of a participation."""
    if isinstance(value, dict):
        contact, event = value.get("contact"), value.get("marketingEvent")
        if isinstance(contact, dict) and isinstance(event, dict):
            valid_contact = {**contact, "contactId": validate_record_id(contact.get("contactId"))}
            return {
                **value,
                "contact": valid_contact,
                "marketingEvent": {**event, "marketingEventId": validate_record_id(event.get("marketingEventId"))},
            }
    _reject(value, 'associations such as {"contact": {"contactId": "1001"}, "marketingEvent": {"marketingEventId": "501"}}')


def validate_object_type(value: object) -> str:
    """Return the plural name of an object type; contacts if missing."""
    found = find_object_type("contacts" if value is None else str(value))
    if found is not None:
        return found.name
    _reject(value, "contacts, companies or deals")


def validate_property_type(value: object) -> str:
    """Return a type of HubSpot's properties."""
    if value in PROPERTY_TYPES:
        return str(value)
    _reject(value, f"one of {', '.join(PROPERTY_TYPES)}")


def validate_options(value: object) -> list[object]:
    """Return the options of a property, {value, label}; empty if missing."""
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(each, dict) and type(each.get("value")) is str and each["value"] for each in value):
        return value
    _reject(value, 'a list such as [{"value": "new", "label": "New"}]')


def validate_time(value: object) -> object:
    """Return an ISO 8601 time with UTC offset, or a time in epoch milliseconds, unchanged."""
    return validate_milliseconds(value) if type(value) is int else validate_timestamp(value)


def validate_subscription_status(value: object) -> str:
    """Return a status of HubSpot's communication preferences."""
    if value in get_args(SubscriptionStatus):
        return str(value)
    _reject(value, f"one of {', '.join(get_args(SubscriptionStatus))}")


_RECORD_VALIDATORS: Final[Mapping[str, Validator]] = {
    "id": validate_record_id,
    "properties": validate_properties,
    "createdAt": validate_timestamp,
    "updatedAt": validate_timestamp,
    "archived": validate_boolean,
}

#: Validators by kind of row and key; other keys stay unchanged.
ROW_VALIDATORS: Final[Mapping[str, Mapping[str, Validator]]] = {
    "contacts": _RECORD_VALIDATORS,
    "companies": _RECORD_VALIDATORS,
    "email_events": {
        "id": validate_text,
        "created": validate_milliseconds,
        "type": validate_email_event_type,
        "recipient": validate_text,
        "sentBy": validate_event_reference,
        "obsoletedBy": validate_event_reference,
    },
    "events": {
        "id": validate_text,
        "eventType": validate_text,
        "objectId": validate_record_id,
        "occurredAt": validate_timestamp,
        "properties": validate_properties,
    },
    "forms": {"id": validate_text, "name": validate_text},
    "submissions": {"formId": validate_text, "submittedAt": validate_milliseconds, "values": validate_form_values},
    "marketing_events": {"objectId": validate_record_id, "eventName": validate_text},
    "participations": {"id": validate_text, "properties": validate_attendance, "associations": validate_participants},
    "deals": {"id": validate_record_id, "properties": validate_properties, "contactIds": validate_record_ids},
    "properties": {
        "objectType": validate_object_type,
        "name": validate_text,
        "type": validate_property_type,
        "fieldType": validate_text,
        "options": validate_options,
    },
    "lists": {"listId": validate_record_id, "name": validate_text, "contactIds": validate_record_ids},
    "property_history": {
        "objectType": validate_text,
        "id": validate_record_id,
        "name": validate_text,
        "value": validate_property,
        "timestamp": validate_timestamp,
    },
    "subscriptions": {
        "email": validate_text,
        "subscription": validate_text,
        "status": validate_subscription_status,
        "timestamp": validate_time,
    },
}
