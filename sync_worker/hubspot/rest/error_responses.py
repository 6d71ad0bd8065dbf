"""HubSpot's error replies, and exceptions that carry them.

HubSpot's messages may quote values and email addresses. So the exceptions contain only codes, categories and property names; an error
without a code keeps its message, with addresses masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import nan
from typing import Final

import orjson

from sync_worker.errors import BadRequest, Forbidden, QuotaExceeded, Unavailable
from sync_worker.hubspot.rest.http_date import parse_http_date
from sync_worker.hubspot.rest.json_body import InvalidJson, decode_body

EMAIL_PATTERN: Final = re.compile(r"(?<!\S)[^\s@]*+@\S*+")
MAX_QUOTE_CHARS: Final = 200
MAX_ID_DIGITS: Final = 18
MAX_RETRY_AFTER_SECONDS: Final = 2 * 86_400.0  # HubSpot's longest is a day; a longer one is a mistake of the sender
#: HubSpot answers these with JSON. A gateway in between, or a wrong address, answers with a page of its own.
JSON_ONLY_STATUSES: Final = frozenset({401, 403, 404, 410})


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
    """An error reply. Every field except `status` may be missing. `is_json`: it has the format of HubSpot's errors."""

    status: int
    is_json: bool = False
    message: str = ""
    category: str | None = None
    sub_category: str | None = None
    policy: str | None = None
    correlation_id: str | None = None
    data_center: str | None = None  # of the portal, if the request reached another one; such as eu1
    details: tuple[ErrorDetail, ...] = ()

    @property
    def is_credible(self) -> bool:
        """Whether HubSpot itself has answered, as far as the reply shows."""
        return self.is_json or self.status not in JSON_ONLY_STATUSES

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all details."""
        return frozenset(detail.code for detail in self.details if detail.code)

    @property
    def ids(self) -> frozenset[int]:
        """The ids of the records that the details name."""
        return frozenset(int(id_) for detail in self.details for id_ in detail.ids if id_.isdecimal() and len(id_) <= MAX_ID_DIGITS)

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


class Locked(Unavailable):
    """HubSpot has locked the records of a request, for example during a large sync (423)."""


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
        data = decode_body(body, orjson.loads)
    except InvalidJson:
        data = {}
    return build_error_response(status, data if isinstance(data, dict) else {})


def build_error_response(status: int, data: Mapping[str, object]) -> ErrorResponse:
    """Return the error of a decoded reply, or of one entry in the `errors` of a partial success."""
    return ErrorResponse(
        status=status,
        is_json=data.get("status") == "error" or not data.keys().isdisjoint({"correlationId", "category"}),
        message=_as_text(data.get("message")),
        category=_as_optional_text(data.get("category")),
        sub_category=_as_optional_text(data.get("subCategory")),
        policy=_as_optional_text(data.get("policyName")),
        correlation_id=_as_optional_text(data.get("correlationId")),
        data_center=_as_optional_text(data.get("correctHublet")),
        details=tuple(_parse_details(data)),
    )


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date. None if it is missing, invalid or longer than two days."""
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        date = parse_http_date(value)
        seconds = (date - now).total_seconds() if date else nan
    return max(0.0, seconds) if seconds <= MAX_RETRY_AFTER_SECONDS else None  # a comparison with NaN is false


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
        ids=(*_as_texts(context.get("ids")), *_as_texts(context.get("id")), *_as_texts(context.get("objectWriteTraceId"))),
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
