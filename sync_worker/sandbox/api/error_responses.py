"""Error responses that several endpoints share."""

from __future__ import annotations

import json

from sync_worker.sandbox.base.responses import ApiError, validation_error
from sync_worker.sandbox.properties.value_validation import InvalidPropertyValueError


def invalid_values_error(problems: list[InvalidPropertyValueError]) -> ApiError:
    """Return the 400 that lists every invalid property value."""
    results = [
        {"isValid": False, "message": p.message, "error": p.code, "name": p.name, "localizedErrorMessage": p.message} for p in problems
    ]
    errors = [{"message": p.message, "code": p.code, "context": {"propertyName": [p.name]}} for p in problems]
    return validation_error(f"Property values were not valid: {json.dumps(results, separators=(',', ':'))}", errors=errors)


def contact_exists_error(existing_id: int) -> ApiError:
    """Return the 409 for an email address that another contact has."""
    return ApiError(409, f"Contact already exists. Existing ID: {existing_id}", "CONFLICT")
