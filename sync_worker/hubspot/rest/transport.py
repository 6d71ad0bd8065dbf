"""Transport of all calls to HubSpot: rate limit, send, retry, decode, translate errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import IO, Final, TypeAlias
from urllib.parse import urlencode

import orjson
import requests
import urllib3

from sync_worker.errors import OversizedReply, RateLimited, SyncWorkerError, Unavailable, Unreachable
from sync_worker.hubspot.rest import clock_skew
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.endpoints import ApiVersion, Route, resolve
from sync_worker.hubspot.rest.error_responses import (
    BulkLimitReached,
    ErrorResponse,
    parse_error_response,
    parse_retry_after,
    redact,
)
from sync_worker.hubspot.rest.error_translation import translate_error
from sync_worker.hubspot.rest.json_body import BodyDecoder, InvalidJson, Json, decode_body
from sync_worker.hubspot.rest.metrics import RequestMetrics
from sync_worker.hubspot.rest.rate_limiter import Limiter, RateLimiter
from sync_worker.hubspot.rest.retry import Retrier
from sync_worker.hubspot.rest.session import Body, Query
from sync_worker.traces import Span, trace_request

CHUNK_BYTES: Final = 1 << 16
UNKNOWN_PATH_STATUS: Final = 404
MAX_REPLY_BYTES: Final = 32 << 20  # decompressed; HubSpot's largest pages have a few MB

Permit: TypeAlias = Callable[[], float]  # returns how many seconds a request may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Timeouts of one request in seconds: to connect, between two bytes, until the reply is complete."""

    connect: float = 5.0
    read: float = 60.0
    total: float = 120.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A reply with its undecoded body."""

    status: int
    headers: Mapping[str, str]  # names ignore case
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUpload:
    """A request body that is streamed from a file."""

    file: IO[bytes]
    content_type: str


@dataclass(frozen=True, slots=True)
class _Call:
    """A call as each attempt sends it."""

    method: str
    route: Route
    query: str  # URL-encoded with plain commas, as HubSpot writes its own lists of names
    content: bytes | FileUpload | None
    decode: BodyDecoder


class _UnknownPath(Exception):
    """HubSpot or a gateway does not know a path that has an alternative."""

    def __init__(self, alternative: Route) -> None:
        super().__init__()
        self.alternative = alternative


class Transport:
    """Sends calls from any number of threads and returns the JSON of the replies."""

    def __init__(
        self,
        *,
        session: requests.Session,
        base_url: str,
        version: ApiVersion,
        rate_limiter: RateLimiter,
        retrier: Retrier,
        metrics: RequestMetrics,
        timeouts: Timeouts,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        clock: Clock,
        clock_tolerance: timedelta = clock_skew.DEFAULT_TOLERANCE,
    ) -> None:
        self._session = session
        self.base_url = base_url
        self._version = version
        self.rate_limiter = rate_limiter
        self._retrier = retrier
        self._metrics = metrics
        self._timeouts = timeouts
        self._max_reply_bytes = max_reply_bytes  # after decompression
        self.clock = clock
        self._clock_tolerance = clock_tolerance  # between HubSpot's clock and ours
        self._permit: Permit = _permit_all

    def send(self, method: str, path: str, *, query: Query = (), body: object = None, decode: BodyDecoder = orjson.loads) -> Json:
        """Send a call and return the decoded reply, or None for an empty one.

        `path` is the v3/v4 path, also for the dated API version.

        Raises:
            SyncWorkerError: a type of errors.py, after all retries.
        """
        content = None if body is None else orjson.dumps(body)
        call = _Call(method, resolve(method, path, self._version), urlencode(list(query), safe=","), content, decode)
        try:
            return self._retrier.start()(self._send_once, call)
        except _UnknownPath as unknown:
            return self._retrier.start()(self._send_once, replace(call, route=unknown.alternative))

    def get(self, path: str, query: Query = ()) -> Json:
        """Send a GET and return the JSON of the reply."""
        return self.send("GET", path, query=query)

    def create(self, path: str, body: object) -> Json:
        """POST new records and return the JSON of the reply. If HubSpot does not reply, the caller must check whether it created them."""
        call = _Call("POST", resolve("POST", path, self._version), "", orjson.dumps(body), orjson.loads)
        return self._retrier.start(non_idempotent=True)(self._send_once, call)

    def upload(self, path: str, file_upload: FileUpload) -> Json:
        """POST a file and return the JSON of the reply. If HubSpot does not reply, the caller must check whether it got the file."""
        call = _Call("POST", resolve("POST", path, self._version), "", file_upload, orjson.loads)
        return self._retrier.start(non_idempotent=True)(self._send_once, call)

    @contextmanager
    def require_permit(self, permit: Permit) -> Iterator[None]:
        """Ask for a permit, such as the lease, before each request and each retry; an error of `permit` prevents the request."""
        self._permit = permit
        try:
            yield
        finally:
            self._permit = _permit_all

    def close(self) -> None:
        """End all waits with `ConnectionClosed` and close the connections."""
        self.clock.stop()
        self.rate_limiter.interrupt()
        self._session.close()

    def _send_once(self, call: _Call) -> Json:
        with trace_request(call.route.endpoint) as span:
            return self._send_traced(call, span)

    def _send_traced(self, call: _Call, span: Span) -> Json:
        route = call.route
        body, content_type = _request_body(call.content)
        self.rate_limiter.quota.raise_if_exhausted(route.operation)
        limiter = self.rate_limiter.limiter(route.budget)
        slot, sent_at = limiter.acquire(), self.clock.now()
        answered = False
        try:
            permitted = self._permit()
            deadline = self.clock.monotonic() + min(self._timeouts.total, permitted)
            self._metrics.count_request(route.endpoint)
            response = self._session.request(
                call.method,
                self.base_url + route.path,
                params=call.query,
                data=body,
                headers={"Content-Type": content_type},
                timeout=(min(self._timeouts.connect, permitted), min(self._timeouts.read, permitted)),
                allow_redirects=False,
                stream=True,
            )
            reply = HttpResponse(response.status_code, response.headers, self._read_body(response, deadline, route))
            answered = True
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            self._metrics.count_reply(route.endpoint, None)
            # `from None`: the messages of the library contain the URL, which may contain personal data.
            raise self._build_unreachable(error, route) from None
        finally:
            limiter.release(slot, answered=answered)
        self._metrics.count_reply(route.endpoint, reply.status)
        span.set_attribute("http.response.status_code", reply.status)
        problem = None if 200 <= reply.status < 300 else parse_error_response(reply.status, reply.body)
        if problem is None or problem.is_credible:
            self._retrier.mark_reachable()
        self.rate_limiter.update_from_headers(route.budget, reply.headers, slot)
        if problem is not None and problem.status == 429:
            raise self._handle_429(problem, reply.headers, route, limiter, slot)
        limiter.on_success(slot)
        if problem is not None and problem.status == UNKNOWN_PATH_STATUS and route.alternative:
            raise _UnknownPath(replace(route, path=route.alternative, alternative=None))
        if problem is not None:
            retry_after = parse_retry_after(reply.headers, self.clock.now())
            raise translate_error(problem, operation=route.operation, retry_after=retry_after)
        data = _decode_response(reply, route, call.decode)
        clock_skew.check(reply.headers, sent_at=sent_at, received_at=self.clock.now(), tolerance=self._clock_tolerance)
        return data

    def _read_body(self, response: requests.Response, deadline: float, route: Route) -> bytes:
        body = bytearray()
        # Read in chunks, to detect a body that never ends, also one that is small until it is decompressed.
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > self._max_reply_bytes:
                response.close()
                raise OversizedReply(
                    f"The reply is larger than {self._max_reply_bytes >> 20:,} MB.", operation=route.operation, hint=OVERSIZED_HINT
                )
            if self.clock.monotonic() > deadline:
                response.close()
                raise requests.Timeout
        return bytes(body)

    def _handle_429(
        self, error: ErrorResponse, headers: Mapping[str, str], route: Route, limiter: Limiter, sent_at: float
    ) -> SyncWorkerError:
        self._metrics.count_rate_limited()
        if route.has_job_limit and error.policy is None:
            quote = f" ({redact(error.message)})" if error.message else ""
            return BulkLimitReached(f"HubSpot is not accepting more exports or imports right now{quote}.", operation=route.operation)
        if _is_daily_limit(error):
            return self.rate_limiter.quota.mark_exhausted(route.operation)
        retry_after = parse_retry_after(headers, self.clock.now())
        wait = max(limiter.on_429(sent_at, retry_after), retry_after or 0.0)
        policy = f" ({error.policy})" if error.policy else ""
        hint = "Other integrations of the portal use the same limits."
        return RateLimited(f"HubSpot rate-limited the call{policy}.", operation=route.operation, hint=hint, retry_after=wait)

    def _build_unreachable(self, error: Exception, route: Route) -> Unreachable:
        hint = "Check HUBSPOT_BASE_URL and the network."
        return Unreachable(f"{self.base_url} cannot be reached: {_root_cause(error)}.", operation=route.operation, hint=hint)


OVERSIZED_HINT: Final = "A proxy may have answered. If HubSpot's replies are that large, increase SYNC_WORKER_MAX_REPLY_MEGABYTES."


def _decode_response(response: HttpResponse, route: Route, decode: BodyDecoder) -> Json:
    if not response.body:
        return None
    try:
        return decode_body(response.body, decode)
    except InvalidJson:
        raise Unavailable(
            f"HubSpot answered {response.status}, but its JSON is incomplete or invalid.", operation=route.operation
        ) from None


def _permit_all() -> float:
    return float("inf")


def _request_body(content: bytes | FileUpload | None) -> tuple[Body, str]:
    if not isinstance(content, FileUpload):
        return content, "application/json"
    content.file.seek(0)
    return content.file, content.content_type


def _is_daily_limit(response: ErrorResponse) -> bool:
    return response.policy == "DAILY" or (response.policy is None and "daily" in response.message.lower())


def _root_cause(error: BaseException) -> str:
    """Return the reason of the innermost error. The outer ones quote the URL with its query."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return "no answer in time"
    if isinstance(error, urllib3.exceptions.ProtocolError | requests.exceptions.ChunkedEncodingError):
        return "the connection was interrupted"
    innermost = error
    while (inner := innermost.__cause__ or innermost.__context__) is not None:
        innermost = inner
    return innermost.strerror or type(innermost).__name__ if isinstance(innermost, OSError) else type(innermost).__name__
