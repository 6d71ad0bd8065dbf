"""Validates and normalizes property values like HubSpot.

Error codes: hubspot-api.md section 2 (PROBE, DOC errors, changelog).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from sync_worker.sandbox.base.timestamps import format_iso, parse_ms
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition

OWNER_PROPERTY = "hubspot_owner_id"  # its options are the owners, not a list of the property
MAX_TEXT_LENGTH = 65_536
DAY_MS = 86_400_000
_EMAIL_PATTERN = re.compile(r"[^@\s,;]+@[^@\s,;.]+(\.[^@\s,;.]+)+")
_NUMBER_PATTERN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DATE_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}")


class InvalidPropertyValueError(Exception):
    """A value that is invalid for its property."""

    def __init__(self, name: str, code: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.code = code
        self.message = message


def normalize_value(definition: PropertyDefinition, raw: object, *, current: str | None = None) -> str | None:
    """Return a value in stored form; None for "", which clears the property.

    Args:
        definition: the property.
        raw: the value from the client: text, a JSON number or a boolean.
        current: the stored value; a leading `;` appends options to it.

    Raises:
        InvalidPropertyValueError: HubSpot would reject the value.
    """
    if isinstance(raw, bool):
        raw = "true" if raw else "false"
    value = raw if isinstance(raw, str) else str(raw)
    if value == "":
        return None
    if definition.type != "string":
        value = value.strip()  # HubSpot announced to refuse blanks around such values, and canceled it
    if definition.type == "enumeration":
        return _normalize_option(definition, value, current)
    checks = {"number": _normalize_number, "bool": _normalize_boolean, "datetime": _normalize_datetime, "date": _normalize_date}
    return checks.get(definition.type, _normalize_text)(definition, value)


def _normalize_number(definition: PropertyDefinition, value: str) -> str:
    if not _NUMBER_PATTERN.fullmatch(value):
        raise InvalidPropertyValueError(definition.name, "INVALID_LONG", f"{value} was not a valid long.")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise InvalidPropertyValueError(definition.name, "INVALID_LONG", f"{value} was not a valid long.") from None
    whole = number.to_integral_value()
    return str(int(whole)) if number == whole else format(number.normalize(), "f")


def _normalize_boolean(definition: PropertyDefinition, value: str) -> str:
    if value.lower() not in {"true", "false"}:
        raise InvalidPropertyValueError(definition.name, "INVALID_OPTION", _invalid_option_message(definition, value))
    return value.lower()


def _normalize_option(definition: PropertyDefinition, value: str, current: str | None) -> str:
    if definition.field_type != "checkbox":
        if definition.option(value) is None and definition.name != OWNER_PROPERTY:
            raise InvalidPropertyValueError(definition.name, "INVALID_OPTION", _invalid_option_message(definition, value))
        return value
    kept = current.split(";") if current and value.startswith(";") else []
    chosen = [part for part in value.split(";") if part]
    for part in chosen:
        if definition.option(part) is None:
            raise InvalidPropertyValueError(definition.name, "INVALID_OPTION", _invalid_option_message(definition, part))
    return ";".join(dict.fromkeys([*kept, *chosen]))


def _invalid_option_message(definition: PropertyDefinition, value: str) -> str:
    options = ", ".join(f'label: "{option.label}"\nvalue: "{option.value}"\n' for option in definition.options)
    return f"{value} was not one of the allowed options: [{options}]"


def _normalize_datetime(definition: PropertyDefinition, value: str) -> str:
    ms = parse_ms(value)
    if ms is None:
        raise InvalidPropertyValueError(definition.name, "INVALID_LONG", f"{value} was not a valid long.")
    return format_iso(ms)


def _normalize_date(definition: PropertyDefinition, value: str) -> str:
    ms = parse_ms(value)
    if ms is None or ms % DAY_MS or not (_DATE_PATTERN.fullmatch(value) or value.isdigit()):
        raise InvalidPropertyValueError(definition.name, "INVALID_DATE", f"{value} is not at midnight UTC.")
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")


def _normalize_text(definition: PropertyDefinition, value: str) -> str:
    if len(value) > MAX_TEXT_LENGTH:
        raise InvalidPropertyValueError(
            definition.name, "PROPERTY_VALUE_TOO_LONG", f"The value is longer than {MAX_TEXT_LENGTH} characters."
        )
    if definition.name != "email":
        return value
    if not _EMAIL_PATTERN.fullmatch(value.strip()):
        raise InvalidPropertyValueError(definition.name, "INVALID_EMAIL", f"Email address {value} is invalid")
    return value.strip().lower()
