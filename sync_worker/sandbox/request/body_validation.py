"""Validates the types of the fields in request bodies, as HubSpot does before it checks their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sync_worker.sandbox.base.responses import validation_error

FieldValidator = Callable[[Any], bool]
_INTEGER_PATTERN = re.compile(r"(-?\d{1,18})?", re.ASCII)


def _is_scalar(value: Any) -> bool:  # noqa: ANN401 -- raw JSON of the client, here and below
    return isinstance(value, str | int | float)


def _is_integer(value: Any) -> bool:  # noqa: ANN401
    return not isinstance(value, bool | float) and _is_scalar(value) and _INTEGER_PATTERN.fullmatch(str(value)) is not None


def _is_boolean(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, bool) or value in ("true", "false")


def _is_scalar_list(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(map(_is_scalar, value))


def _is_object(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, dict)


def _is_object_list(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(isinstance(item, dict) and first_invalid_field(item) is None for item in value)


def _is_valid_object(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, dict) and first_invalid_field(value) is None


def _is_names_or_values(value: Any) -> bool:  # noqa: ANN401
    """Property names in a read, property values in a write; null writes nothing."""
    return _is_scalar_list(value) or (isinstance(value, dict) and all(item is None or _is_scalar(item) for item in value.values()))


def _is_scalar_or_scalar_list(value: Any) -> bool:  # noqa: ANN401
    return _is_scalar(value) or _is_scalar_list(value)


def _is_sort_list(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(_is_scalar(item) or _is_valid_object(item) for item in value)


_FIELDS_BY_VALIDATOR: tuple[tuple[FieldValidator, str], ...] = (
    (_is_scalar, "id idProperty propertyName operator value highValue direction query name label type fieldType groupName description"),
    (_is_scalar, "primaryObjectId objectIdToMerge objectId objectTypeId processingType recordId listId objectWriteTraceId"),
    (_is_scalar, "exportType exportName format language objectType fileName fileFormat columnObjectTypeId columnName columnType"),
    (_is_integer, "limit after count offset displayOrder"),
    (_is_boolean, "hidden hasUniqueValue formField archived"),
    (_is_scalar_list, "values propertiesWithHistory listIds processingTypes recordIdsToAdd recordIdsToRemove objectProperties"),
    (_is_scalar_list, "exportInternalValuesOptions"),
    (_is_scalar_or_scalar_list, "associatedObjectType"),
    (_is_object_list, "inputs filterGroups filters options files columnMappings"),
    (_is_sort_list, "sorts"),
    (_is_object, "filterBranch importOperations"),
    (_is_valid_object, "publicCrmSearchRequest fileImportPage"),
    (_is_names_or_values, "properties"),
)
FIELD_VALIDATORS: Mapping[str, FieldValidator] = {name: shape for shape, names in _FIELDS_BY_VALIDATOR for name in names.split()}


def first_invalid_field(body: Mapping[str, Any]) -> str | None:
    """Return the name of the first field with a value of the wrong type; null and unknown fields are ignored."""
    return next(
        (name for name, value in body.items() if value is not None and name in FIELD_VALIDATORS and not FIELD_VALIDATORS[name](value)), None
    )


def integer_field(body: Mapping[str, Any], name: str, default: int) -> int:
    """Return an integer field of a validated body."""
    value = body.get(name)
    return default if value is None or value == "" else int(value)


def validate_body(body: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the body if it is an object with fields of the right types.

    Raises:
        ApiError: 400.
    """
    if not isinstance(body, dict):
        raise validation_error("Invalid input JSON on line 1, column 1: Cannot deserialize value: an object was expected")
    invalid = first_invalid_field(body)
    if invalid is not None:
        raise validation_error(f"Invalid input JSON on line 1, column 1: Cannot deserialize value of field `{invalid}`")
    return body
