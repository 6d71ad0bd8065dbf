"""What the fields of request bodies may hold: HubSpot reads a body into typed models before it looks at what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sync_worker.sandbox.base.responses import invalid

Shape = Callable[[Any], bool]
_WHOLE = re.compile(r"(-?\d{1,18})?", re.ASCII)


def _scalar(value: Any) -> bool:  # noqa: ANN401 -- whatever the client sent, here and below
    return isinstance(value, str | int | float)


def _whole(value: Any) -> bool:  # noqa: ANN401
    return not isinstance(value, bool | float) and _scalar(value) and _WHOLE.fullmatch(str(value)) is not None


def _flag(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, bool) or value in ("true", "false")


def _scalars(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(map(_scalar, value))


def _object(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, dict)


def _objects(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(isinstance(item, dict) and misfit(item) is None for item in value)


def _request(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, dict) and misfit(value) is None


def _names_or_values(value: Any) -> bool:  # noqa: ANN401
    """The names of properties that are asked for, or the values of those that are written; null writes nothing."""
    return _scalars(value) or (isinstance(value, dict) and all(item is None or _scalar(item) for item in value.values()))


def _scalar_or_scalars(value: Any) -> bool:  # noqa: ANN401
    return _scalar(value) or _scalars(value)


def _sorts(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(_scalar(item) or _request(item) for item in value)


_KINDS: tuple[tuple[Shape, str], ...] = (
    (_scalar, "id idProperty propertyName operator value highValue direction query name label type fieldType groupName description"),
    (_scalar, "primaryObjectId objectIdToMerge objectId objectTypeId processingType recordId listId objectWriteTraceId"),
    (_scalar, "exportType exportName format language objectType fileName fileFormat columnObjectTypeId columnName columnType"),
    (_whole, "limit after count offset displayOrder"),
    (_flag, "hidden hasUniqueValue formField archived"),
    (_scalars, "values propertiesWithHistory listIds processingTypes recordIdsToAdd recordIdsToRemove objectProperties"),
    (_scalars, "exportInternalValuesOptions"),
    (_scalar_or_scalars, "associatedObjectType"),
    (_objects, "inputs filterGroups filters options files columnMappings"),
    (_sorts, "sorts"),
    (_object, "filterBranch importOperations"),
    (_request, "publicCrmSearchRequest fileImportPage"),
    (_names_or_values, "properties"),
)
SHAPES: Mapping[str, Shape] = {name: shape for shape, names in _KINDS for name in names.split()}


def misfit(body: Mapping[str, Any]) -> str | None:
    """Return the name of a field that holds something else than it may; null is nothing, and unknown fields are ignored."""
    return next((name for name, value in body.items() if value is not None and name in SHAPES and not SHAPES[name](value)), None)


def whole(body: Mapping[str, Any], name: str, default: int) -> int:
    """Return a whole number of a checked body."""
    value = body.get(name)
    return default if value is None or value == "" else int(value)


def checked(body: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a body that is an object with fields of the right kinds.

    Raises:
        ReplyError: 400.
    """
    if not isinstance(body, dict):
        raise invalid("Invalid input JSON on line 1, column 1: Cannot deserialize value: an object was expected")
    wrong = misfit(body)
    if wrong is not None:
        raise invalid(f"Invalid input JSON on line 1, column 1: Cannot deserialize value of field `{wrong}`")
    return body
