"""The refusals that several endpoints share."""

from __future__ import annotations

import json

from sync_worker.sandbox.base.responses import ReplyError, invalid
from sync_worker.sandbox.crm.value_validation import ValueProblemError


def values_problem(problems: list[ValueProblemError]) -> ReplyError:
    """Return the 400 of values that were not valid, with each of them."""
    told = [{"isValid": False, "message": p.message, "error": p.code, "name": p.name, "localizedErrorMessage": p.message} for p in problems]
    errors = [{"message": p.message, "code": p.code, "context": {"propertyName": [p.name]}} for p in problems]
    return invalid(f"Property values were not valid: {json.dumps(told, separators=(',', ':'))}", errors=errors)


def conflict(existing: int) -> ReplyError:
    """Return the 409 of a contact whose address is known."""
    return ReplyError(409, f"Contact already exists. Existing ID: {existing}", "CONFLICT")
