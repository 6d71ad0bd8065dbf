"""The causes of rejected writes: what an error reply says about the values, and what only about this moment or this portal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from sync_worker.errors import NotFound, SyncWorkerError
from sync_worker.hubspot.records.models import CauseKind, ContactUpdate, RejectionCause
from sync_worker.hubspot.rest.error_responses import ErrorDetail, ErrorResponse, InvalidRequest

# Errors of the definition: HubSpot would reject every record.
DEFINITION_ERROR_CODES: Final = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})
OPERATION: Final = "write contacts"
SETUP_HINT: Final = "Run `sync-worker setup`: it repairs the properties."
INVALID_VALUE_PREFIX: Final = "INVALID_"  # of the next codes, and of administrators' rules about a value, such as INVALID_REGEX
# The type or the options of a property do not admit the value.
TYPE_ERROR_CODES: Final = frozenset(
    f"{INVALID_VALUE_PREFIX}{kind}"
    for kind in (
        *("OPTION", "ENUMERATION_OPTION", "INTEGER", "LONG", "NUMBER", "DOUBLE", "FLOAT", "DECIMAL", "BOOLEAN"),
        *("DATE", "DATETIME", "DATE_TIME", "TIMESTAMP", "EMAIL", "PHONE_NUMBER"),
    )
)
VALIDATION_CATEGORY: Final = "VALIDATION_ERROR"
TEMPORARY_CODES: Final = frozenset({"INTERNAL_ERROR", "LOCKED", "RATE_LIMIT", "RATE_LIMITS", "SERVICE_UNAVAILABLE", "TIMEOUT"})
BAD_REQUEST, NOT_FOUND = 400, 404

UNCONFIRMED: Final = RejectionCause(kind=CauseKind.TEMPORARY, reason="HubSpot reported success, but did not confirm this contact.")
# The request was retried already, so only a later run tries again.
LOCKED: Final = RejectionCause(kind=CauseKind.RULE, reason="LOCKED: HubSpot has locked contacts of this batch (423); all retries failed.")
NOT_SENT_AGAIN: Final = RejectionCause(kind=CauseKind.TEMPORARY, reason="The values were not sent again without the invalid one.")


def read_response(error: SyncWorkerError) -> ErrorResponse:
    """Return the reply behind an error."""
    if isinstance(error, InvalidRequest):
        return error.response
    return ErrorResponse(status=NOT_FOUND if isinstance(error, NotFound) else BAD_REQUEST, message=error.message)


def find_invalid_properties(response: ErrorResponse, names: Collection[str]) -> list[str]:
    """Return the properties, of those that were sent, whose value HubSpot or an administrator's rule calls invalid."""
    invalid = [detail for detail in response.details if (_code(detail) or "").startswith(INVALID_VALUE_PREFIX)]
    return [name for name in dict.fromkeys(name for detail in invalid for name in detail.properties) if name in names]


def find_named_properties(response: ErrorResponse, names: Collection[str]) -> set[str]:
    """Return the properties, of those that were sent, that an error is about."""
    return {name for detail in response.details for name in detail.properties if name in names}


def raise_definition_error(response: ErrorResponse, names: Collection[str]) -> None:
    """Raise InvalidRequest if a property that was sent does not exist or is read-only. Rules may name other properties."""
    named = {name for detail in response.details if _code(detail) in DEFINITION_ERROR_CODES for name in detail.properties}
    if not named.isdisjoint(names):
        raise InvalidRequest(response, operation=OPERATION, hint=SETUP_HINT)


def build_cause(response: ErrorResponse) -> RejectionCause:
    """Return the cause of an error that is no verdict on a value.

    An error without a known code inside a success is temporary; for a request that HubSpot rejected, it is a rule.
    """
    codes = {response.category, *response.codes} - {None}
    in_success = response.status < BAD_REQUEST
    temporary = codes & TEMPORARY_CODES or (in_success and not response.codes and response.category != VALIDATION_CATEGORY)
    return RejectionCause(kind=CauseKind.TEMPORARY if temporary else CauseKind.RULE, reason=describe(response))


def build_value_cause(response: ErrorResponse) -> RejectionCause:
    """Return the cause of an invalid value: a verdict on it, or a rule of an administrator, who may change it."""
    codes = {code for detail in response.details if (code := _code(detail) or "").startswith(INVALID_VALUE_PREFIX)}
    return RejectionCause(kind=CauseKind.VALUE if codes <= TYPE_ERROR_CODES else CauseKind.RULE, reason=describe(response))


def build_batch_cause(response: ErrorResponse, updates: Sequence[ContactUpdate]) -> RejectionCause:
    """Return the cause for updates that were rejected together and not one by one."""
    cause = build_cause(response)
    return cause if len(updates) == 1 else replace(cause, reason=f"{cause.reason} (rejected in one batch with others)")


def describe(response: ErrorResponse) -> str:
    """Return the reason of an error with its code, which some replies have in the category only."""
    text, category = str(response), response.category
    return text if category in (None, VALIDATION_CATEGORY) or category in text else f"{category}: {text}"


def _code(detail: ErrorDetail) -> str | None:
    return detail.code or detail.category
