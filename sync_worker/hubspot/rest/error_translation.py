"""Which exception an error reply of HubSpot becomes, with a hint for the operator."""

from __future__ import annotations

from typing import Final

from sync_worker.errors import Forbidden, NotFound, SyncWorkerError, Unauthorized, Unavailable
from sync_worker.hubspot.rest.error_responses import Conflict, ErrorResponse, InvalidRequest, Locked, MissingScope

LOCKED_WAIT_SECONDS: Final = 2.0  # HubSpot's advice for 423
WRONG_DATA_CENTER_STATUSES: Final = frozenset({307, 308, 488})  # not documented; 488 is seen after the move of a portal
UNAVAILABLE_STATUSES: Final = frozenset({408, 423, 477}) | WRONG_DATA_CENTER_STATUSES


def translate_error(response: ErrorResponse, *, operation: str, retry_after: float | None = None) -> SyncWorkerError:
    """Return the exception for an error reply, except 429."""
    status = response.status
    if not response.is_credible or status in UNAVAILABLE_STATUSES or status >= 500 or status < 400:
        return _build_unavailable(response, operation, retry_after)
    if status == 401:
        return Unauthorized(_add_correlation_id("HubSpot does not accept the token", response), operation=operation, hint=UNAUTHORIZED_HINT)
    if status == 403:
        return _build_forbidden(response, operation)
    if status == 404:
        return NotFound(f"HubSpot does not know this path ({response}).", operation=operation, hint="Check HUBSPOT_BASE_URL.")
    if status == 409:
        return Conflict(response, operation=operation)
    return InvalidRequest(response, operation=operation, hint=URL_TOO_LONG_HINT if status == 414 else None)


GATEWAY_HINT: Final = "A gateway or proxy may have answered in HubSpot's place. If it persists, check HUBSPOT_BASE_URL."
UNAUTHORIZED_HINT: Final = "Check HUBSPOT_ACCESS_TOKEN: it may be truncated, rotated or revoked, or belong to another portal."
URL_TOO_LONG_HINT: Final = "Request fewer properties."
PLAN_HINT: Final = "The portal's plan may lack this feature, or the user behind the token may not use it."
RETRY_HINT: Final = "All retries failed; run again later."


def _build_forbidden(response: ErrorResponse, operation: str) -> Forbidden:
    if response.scopes or response.category == "MISSING_SCOPES":
        return MissingScope(response.scopes, operation=operation)
    return Forbidden(f"HubSpot denies access ({response}).", operation=operation, hint=PLAN_HINT)


def _build_unavailable(response: ErrorResponse, operation: str, retry_after: float | None) -> Unavailable:
    if not response.is_credible:
        return Unavailable(f"The answer is {response.status}, but not in HubSpot's format.", operation=operation, hint=GATEWAY_HINT)
    if response.status == 423:
        retry_after = max(retry_after or 0.0, LOCKED_WAIT_SECONDS)
    sentence = _add_correlation_id(f"HubSpot answered {response.status}", response)
    error_type = Locked if response.status == 423 else Unavailable
    return error_type(sentence, operation=operation, hint=_unavailable_hint(response, retry_after), retry_after=retry_after)


def _unavailable_hint(response: ErrorResponse, retry_after: float | None) -> str:
    if response.status in WRONG_DATA_CENTER_STATUSES:
        return _data_center_hint(response.data_center)
    if response.status == 477:
        wait = f"; Retry-After is {retry_after:.0f} s" if retry_after else ""
        return f"HubSpot is moving this portal to another data center{wait}."
    # 530 is Cloudflare's: the server cannot be reached, or the token contains a line break.
    return UNAUTHORIZED_HINT if response.status == 530 else RETRY_HINT


def _data_center_hint(data_center: str | None) -> str:
    """Return how to reach the data center of the portal; HubSpot's name of it is quoted only if it is plausible."""
    name = data_center if data_center and len(data_center) <= 5 and data_center.isascii() and data_center.isalnum() else "eu1"
    address = "https://api.hubapi.com" if name.startswith("na") else f"https://api-{name}.hubapi.com"
    example = "" if data_center == name else "for example "
    return f"The portal is in another data center. Create a new token there, or set HUBSPOT_BASE_URL to the address, {example}{address}."


def _add_correlation_id(sentence: str, response: ErrorResponse) -> str:
    return f"{sentence} (correlation id {response.correlation_id})." if response.correlation_id else f"{sentence}."
