"""Types of the fields of a reply, with limits that the state and its indices can hold.

A number where a text is documented, a time in the year 9999 or an id with twenty digits is a mistake of the sender; it must not reach the
database, nor the arithmetic of times.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from sync_worker.timestamps import EPOCH, from_ms, to_ms

Shape = TypeVar("Shape")

MAX_ID: Final = 2**53  # JSON numbers are exact up to here
MAX_ID_DIGITS: Final = 15  # of an id in a text
FIRST_EVENT: Final = datetime(2006, 6, 1, tzinfo=UTC)  # HubSpot's first month; an earlier time is one in seconds, or none
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
RANGE_TOLERANCE: Final = timedelta(days=1)  # HubSpot compares some times coarsely
MAX_KEY_CHARS: Final = 255
MAX_EMAIL_CHARS: Final = 320  # RFC 5321
_ERROR_PATH: Final = re.compile(r" - at `\$\.?(.+)`$")  # in a message of msgspec

RecordId: TypeAlias = Annotated[int, Meta(gt=0, lt=MAX_ID)]
#: An id of HubSpot that is not a number: of a form, an event.
TextId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_KEY_CHARS)]
Email: TypeAlias = Annotated[str, Meta(max_length=MAX_EMAIL_CHARS)]
#: The time of an event.
Milliseconds: TypeAlias = Annotated[int, Meta(ge=to_ms(FIRST_EVENT), lt=to_ms(LATEST))]
Count: TypeAlias = Annotated[int, Meta(ge=0, lt=MAX_ID)]


class UnreadableField(ValueError):
    """A field is missing, or has an unexpected type or size. The message never contains the value.

    `path` is the place of the field in the data, such as `sentBy.created` or `statuses[3].name`; empty if it is missing or not known.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


def convert(data: object, shape: type[Shape]) -> Shape:
    """Convert plain JSON to a type; numbers in quotes become numbers.

    Raises:
        UnreadableField: a field is missing, or has an unexpected type or size.
    """
    try:
        return msgspec.convert(data, shape, strict=False)
    except msgspec.ValidationError as error:
        found = _ERROR_PATH.search(str(error))
        raise UnreadableField(str(error).replace("`$.", "`"), found[1] if found else "") from None


def as_text(value: object) -> object:
    """Return a number or a truth value as HubSpot's text for it, anything else unchanged."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def parse_timestamp(value: object) -> datetime:
    """Parse a HubSpot time, ISO 8601 with a zone or milliseconds since 1970, to aware UTC.

    Raises:
        UnreadableField: the value is not such a time, or not of these two centuries.
    """
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    try:
        at = from_ms(int(text)) if text.isdecimal() else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UnreadableField("a time that is neither ISO 8601 nor milliseconds") from None
    if at.tzinfo is None:
        raise UnreadableField("a time without a zone")
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise UnreadableField("a time that is too large") from None
    if not EPOCH <= at < LATEST:
        raise UnreadableField("a time that is not between 1970 and 2200")
    return at


def parse_event_time(value: object) -> datetime:
    """Parse the time of an event; raises UnreadableField like `parse_timestamp`, and for a time before HubSpot's first month."""
    if (at := parse_timestamp(value)) < FIRST_EVENT:
        raise UnreadableField("a time before June 2006")
    return at


def parse_optional_timestamp(value: object) -> datetime | None:
    """Parse a HubSpot time; None if it is missing or cannot be read."""
    try:
        return parse_timestamp(value)
    except UnreadableField:
        return None


def check_range(at: datetime, start: datetime, stop: datetime) -> None:
    """Raise ValueError if a time is far outside of the requested range: the reader would skip the times in between."""
    if not start - RANGE_TOLERANCE <= at <= stop + RANGE_TOLERANCE:
        raise UnreadableField("a time outside of the requested range")


def normalize_email(text: str | None) -> str | None:
    """Return an email address in lower case, or None if it is empty or longer than an address can be."""
    address = text.strip().lower() if text else ""
    return address if 0 < len(address) <= MAX_EMAIL_CHARS else None
