"""HubSpot's error replies as exceptions with a hint for the operator.

HubSpot's messages may quote values and email addresses. So the exceptions contain only codes, categories and property names; an error
without a code keeps its message, with addresses masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import orjson

from sync_worker.errors import BadRequest, Forbidden, NotFound, QuotaExceeded, SyncWorkerError, Unauthorized, Unavailable

EMAIL_PATTERN: Final = re.compile(r"(?<!\S)[^\s@]*+@\S*+")
LOCKED_WAIT_SECONDS: Final = 2.0  # HubSpot's advice for 423
MAX_QUOTE_CHARS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDetail:
    """One error of a request, with the ids of the records and the names of the properties that it concerns."""

    message: str = ""
    code: str | None = None
    category: str | None = None
    ids: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the reason without any property value."""
        properties = ", ".join(self.properties)
        reason = self.code or self.category or redact(self.message)
        return f"{properties}: {reason}" if properties else reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """An error reply. Every field except `status` may be missing."""

    status: int
    message: str = ""
    category: str | None = None
    sub_category: str | None = None
    policy: str | None = None
    correlation_id: str | None = None
    details: tuple[ErrorDetail, ...] = ()

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all details."""
        return frozenset(detail.code for detail in self.details if detail.code)

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that the token lacks."""
        return tuple(dict.fromkeys(scope for detail in self.details for scope in detail.scopes))

    def __str__(self) -> str:
        """Return the reason in one line, without any property value."""
        reasons = [str(detail) for detail in self.details if str(detail)]
        coded = [reason for reason, detail in zip(reasons, self.details, strict=False) if detail.code]
        return "; ".join(dict.fromkeys(coded)) or redact(self.message) or "; ".join(reasons) or f"status {self.status}"


class InvalidRequest(BadRequest):
    """HubSpot did not accept the request. `response` has the reason."""

    def __init__(self, response: ErrorResponse, *, operation: str | None = None, hint: str | None = None) -> None:
        super().__init__(f"HubSpot did not accept the request ({response}).", operation=operation, hint=hint)
        self.response = response


class Conflict(InvalidRequest):
    """The object already exists."""


class MissingScope(Forbidden):
    """The token lacks a scope. `scopes` are the ones that HubSpot names."""

    def __init__(self, scopes: tuple[str, ...], *, operation: str | None = None) -> None:
        named = f"the scope {' or '.join(scopes)}" if scopes else "a scope"
        super().__init__(f"The token lacks {named}.", operation=operation, hint="Add it to the private app or service key.")
        self.scopes = scopes


class BulkLimitReached(QuotaExceeded):
    """HubSpot is not accepting more exports or imports right now."""


def redact(text: str) -> str:
    """Return a text of HubSpot, truncated and without email addresses."""
    return EMAIL_PATTERN.sub("<address>", text)[:MAX_QUOTE_CHARS]


def parse_error_response(status: int, body: bytes) -> ErrorResponse:
    """Parse an error reply. HTML and truncated JSON result in a response without a message."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = {}
    if not isinstance(data, dict):
        data = {}
    return ErrorResponse(
        status=status,
        message=_as_text(data.get("message")),
        category=_as_optional_text(data.get("category")),
        sub_category=_as_optional_text(data.get("subCategory")),
        policy=_as_optional_text(data.get("policyName")),
        correlation_id=_as_optional_text(data.get("correlationId")),
        details=tuple(_parse_details(data)),
    )


def parse_error_details(errors: Iterable[Mapping[str, object]]) -> tuple[ErrorDetail, ...]:
    """Parse the `errors` of a reply, including those of a partial success."""
    return tuple(_parse_detail(error) for error in errors)


def translate_error(response: ErrorResponse, *, operation: str, retry_after: float | None = None) -> SyncWorkerError:
    """Return the exception for an error reply, except 429."""
    status = response.status
    if status == 401:
        return Unauthorized(_add_correlation_id("HubSpot does not accept the token", response), operation=operation, hint=UNAUTHORIZED_HINT)
    if status == 403:
        return _build_forbidden(response, operation)
    if status == 404:
        return NotFound(f"HubSpot does not know this path ({response}).", operation=operation, hint="Check HUBSPOT_BASE_URL.")
    if status == 409:
        return Conflict(response, operation=operation)
    if status in {408, 423, 477} or status >= 500 or status < 400:
        return _build_unavailable(response, operation, retry_after)
    return InvalidRequest(response, operation=operation, hint=URL_TOO_LONG_HINT if status == 414 else None)


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date."""
    value = headers.get("Retry-After", "").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())


UNAUTHORIZED_HINT: Final = "Check HUBSPOT_ACCESS_TOKEN: it may be truncated, rotated or revoked, or belong to another portal."
URL_TOO_LONG_HINT: Final = "Request fewer properties."
PLAN_HINT: Final = "The portal's plan may lack this feature, or the user behind the token may not use it."


def _build_forbidden(response: ErrorResponse, operation: str) -> Forbidden:
    if response.scopes or response.category == "MISSING_SCOPES":
        return MissingScope(response.scopes, operation=operation)
    return Forbidden(f"HubSpot denies access ({response}).", operation=operation, hint=PLAN_HINT)


def _build_unavailable(response: ErrorResponse, operation: str, retry_after: float | None) -> Unavailable:
    hint = "All retries failed; run again later."
    if response.status == 423:
        retry_after = max(retry_after or 0.0, LOCKED_WAIT_SECONDS)
    if response.status == 477:
        wait = f"; Retry-After is {retry_after:.0f} s" if retry_after else ""
        hint = f"HubSpot is moving this portal to another data center{wait}."
    if response.status == 530:  # Cloudflare: the server cannot be reached, or the token contains a line break
        hint = UNAUTHORIZED_HINT
    return Unavailable(
        _add_correlation_id(f"HubSpot answered {response.status}", response), operation=operation, hint=hint, retry_after=retry_after
    )


def _add_correlation_id(sentence: str, response: ErrorResponse) -> str:
    return f"{sentence} (correlation id {response.correlation_id})." if response.correlation_id else f"{sentence}."


def _parse_details(body: Mapping[str, object]) -> Iterator[ErrorDetail]:
    errors = body.get("errors")
    if isinstance(errors, list):
        yield from (_parse_detail(error) for error in errors if isinstance(error, dict))
    if not errors:
        yield from _parse_embedded_details(_as_text(body.get("message")))
    if body.get("context"):
        yield _parse_detail(body)


def _parse_detail(error: Mapping[str, object]) -> ErrorDetail:
    context = error.get("context")
    context = context if isinstance(context, dict) else {}
    return ErrorDetail(
        message=_as_text(error.get("message")),
        code=_as_optional_text(error.get("code")),
        category=_as_optional_text(error.get("category")),
        ids=(*_as_texts(context.get("ids")), *_as_texts(context.get("id"))),
        properties=_as_texts(context.get("propertyName")),
        scopes=(*_as_texts(context.get("requiredGranularScopes")), *_as_texts(context.get("requiredScopes"))),
    )


def _parse_embedded_details(message: str) -> Iterator[ErrorDetail]:
    """Parse the JSON in a message such as `Property values were not valid: [{...}]`."""
    start = message.find("[{")
    try:
        errors = orjson.loads(message[start:]) if start >= 0 else []
    except orjson.JSONDecodeError:
        return
    for error in errors:
        if isinstance(error, dict):
            yield ErrorDetail(
                message=_as_text(error.get("message")), code=_as_optional_text(error.get("error")), properties=_as_texts(error.get("name"))
            )


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _as_optional_text(value: object) -> str | None:
    return _as_text(value) or None


def _as_texts(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(str(each) for each in values)
