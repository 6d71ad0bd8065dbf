"""What HubSpot says when something is wrong, as errors that tell the operator the way out.

HubSpot's texts may quote values and addresses, so only their codes, categories and property names are passed on; what has no code is
passed on with the addresses masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson

from sync_worker.errors import BadRequest, Forbidden, NotFound, OutOfQuota, SyncWorkerError, Unauthorized, Unavailable

ADDRESS: Final = re.compile(r"(?<!\S)[^\s@]*+@\S*+")
LOCKED_WAIT: Final = 2.0  # seconds; HubSpot's advice for 423
LONGEST_QUOTE: Final = 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One of the things wrong with a request: `ids` are the records it is about, `properties` the properties."""

    message: str = ""
    code: str | None = None
    category: str | None = None
    ids: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the reason without any value in it."""
        about = ", ".join(self.properties)
        said = self.code or self.category or quoted(self.message)
        return f"{about}: {said}" if about else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The envelope of HubSpot's errors; every field of it may be missing."""

    status: int
    message: str = ""
    category: str | None = None
    sub_category: str | None = None
    policy: str | None = None
    correlation_id: str | None = None
    details: tuple[Detail, ...] = ()

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all details."""
        return frozenset(detail.code for detail in self.details if detail.code)

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that the token lacks."""
        return tuple(dict.fromkeys(scope for detail in self.details for scope in detail.scopes))

    def __str__(self) -> str:
        """Return the reason in one line, without any value in it."""
        reasons = [str(detail) for detail in self.details if str(detail)]
        coded = [reason for reason, detail in zip(reasons, self.details, strict=False) if detail.code]
        return "; ".join(dict.fromkeys(coded)) or quoted(self.message) or "; ".join(reasons) or f"status {self.status}"


class InvalidRequest(BadRequest):
    """HubSpot did not accept the request; `problem` says why."""

    def __init__(self, problem: Problem, *, operation: str | None = None, hint: str | None = None) -> None:
        super().__init__(f"HubSpot did not accept the request ({problem}).", operation=operation, hint=hint)
        self.problem = problem


class Conflict(InvalidRequest):
    """What was to be created exists already."""


class MissingScope(Forbidden):
    """The token lacks a scope; `scopes` are those that HubSpot names."""

    def __init__(self, scopes: tuple[str, ...], *, operation: str | None = None) -> None:
        named = f"the scope {' or '.join(scopes)}" if scopes else "a scope"
        super().__init__(f"The token lacks {named}.", operation=operation, hint="Add it to the private app or service key.")
        self.scopes = scopes


class LimitReached(OutOfQuota):
    """HubSpot begins no more exports or imports for now; other calls are not concerned."""


def quoted(text: str) -> str:
    """Return a text of HubSpot's, cut, and without e-mail addresses."""
    return ADDRESS.sub("<address>", text)[:LONGEST_QUOTE]


def read_problem(status: int, body: bytes) -> Problem:
    """Read an error reply; HTML and cut JSON give a problem without words."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    return Problem(
        status=status,
        message=_text(said.get("message")),
        category=_name(said.get("category")),
        sub_category=_name(said.get("subCategory")),
        policy=_name(said.get("policyName")),
        correlation_id=_name(said.get("correlationId")),
        details=tuple(_details(said)),
    )


def read_details(errors: Iterable[Mapping[str, Any]]) -> tuple[Detail, ...]:
    """Read the `errors` of a reply, of a partial success also."""
    return tuple(_detail(error) for error in errors)


def translate(problem: Problem, *, operation: str, retry_after: float | None = None) -> SyncWorkerError:
    """Return the error that an answer other than 2xx and 429 means."""
    status = problem.status
    if status == 401:
        return Unauthorized(_with_id("HubSpot does not accept the token", problem), operation=operation, hint=CHECK_CREDENTIALS)
    if status == 403:
        return _forbidden(problem, operation)
    if status == 404:
        return NotFound(f"HubSpot has no such thing ({problem}).", operation=operation)
    if status == 409:
        return Conflict(problem, operation=operation)
    if status in {408, 423, 477} or status >= 500 or status < 400:
        return _unavailable(problem, operation, retry_after)
    return InvalidRequest(problem, operation=operation, hint=TOO_LONG if status == 414 else None)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a Retry-After header names, in either of its two forms."""
    value = headers.get("Retry-After", "").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


CHECK_CREDENTIALS: Final = "Check HUBSPOT_ACCESS_TOKEN: it may be cut, rotated or revoked, or belong to another portal."
TOO_LONG: Final = "Ask for fewer properties."
CHECK_PLAN: Final = "The portal's plan may lack this feature, or the user behind the token may not use it."


def _forbidden(problem: Problem, operation: str) -> Forbidden:
    if problem.scopes or problem.category == "MISSING_SCOPES":
        return MissingScope(problem.scopes, operation=operation)
    return Forbidden(f"HubSpot forbids it ({problem}).", operation=operation, hint=CHECK_PLAN)


def _unavailable(problem: Problem, operation: str, named: float | None) -> Unavailable:
    hint = "It was tried again in vain; run again later."
    if problem.status == 423:
        named = max(named or 0.0, LOCKED_WAIT)
    if problem.status == 477:
        hint = (
            f"HubSpot is moving this portal to another data centre; it names {named:.0f} s." if named else "HubSpot is moving this portal."
        )
    if problem.status == 530:  # Cloudflare, seen for tokens with line breaks in them as well as for a lost origin
        hint = CHECK_CREDENTIALS
    return Unavailable(_with_id(f"HubSpot answered {problem.status}", problem), operation=operation, hint=hint, retry_after=named)


def _with_id(sentence: str, problem: Problem) -> str:
    return f"{sentence} (correlation id {problem.correlation_id})." if problem.correlation_id else f"{sentence}."


def _details(said: Mapping[str, Any]) -> Iterator[Detail]:
    errors = said.get("errors")
    if isinstance(errors, list):
        yield from (_detail(error) for error in errors if isinstance(error, dict))
    if not errors:
        yield from _listed_in_text(_text(said.get("message")))
    if said.get("context"):
        yield _detail(said)


def _detail(error: Mapping[str, Any]) -> Detail:
    context = error.get("context")
    context = context if isinstance(context, dict) else {}
    return Detail(
        message=_text(error.get("message")),
        code=_name(error.get("code")),
        category=_name(error.get("category")),
        ids=(*_texts(context.get("ids")), *_texts(context.get("id"))),
        properties=_texts(context.get("propertyName")),
        scopes=(*_texts(context.get("requiredGranularScopes")), *_texts(context.get("requiredScopes"))),
    )


def _listed_in_text(message: str) -> Iterator[Detail]:
    """Read `Property values were not valid: [{...}]`, where the message carries JSON."""
    start = message.find("[{")
    try:
        listed = orjson.loads(message[start:]) if start >= 0 else []
    except orjson.JSONDecodeError:
        return
    for error in listed:
        if isinstance(error, dict):
            yield Detail(message=_text(error.get("message")), code=_name(error.get("error")), properties=_texts(error.get("name")))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _name(value: object) -> str | None:
    return _text(value) or None


def _texts(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(str(each) for each in values)
