"""The one way to HubSpot: pooled connections, their timeouts, the brake, the retries, the errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Any, Final, TypeAlias
from urllib.parse import urlencode

import msgspec
import orjson
import requests
import urllib3

from sync_worker.errors import RateLimited, SyncWorkerError, Unavailable
from sync_worker.hubspot.rest import clock_skew
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.endpoints import ApiVersion, Route, resolve
from sync_worker.hubspot.rest.error_responses import (
    BulkLimitReached,
    ErrorResponse,
    parse_error_response,
    parse_retry_after,
    redact,
    translate_error,
)
from sync_worker.hubspot.rest.metrics import RequestMetrics
from sync_worker.hubspot.rest.rate_limiter import Limiter, RateLimiter
from sync_worker.hubspot.rest.retry import Retrier
from sync_worker.hubspot.rest.session import Body, Query

CHUNK_BYTES: Final = 1 << 16  # bytes

Json: TypeAlias = Any  # what a decoder makes of a reply; the nouns parse it
BodyDecoder: TypeAlias = Callable[[bytes], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a request may take, in seconds: to connect, between two bytes, and in all."""

    connect: float = 5.0
    read: float = 60.0
    total: float = 120.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A reply as it came over the line."""

    status: int
    headers: Mapping[str, str]  # whatever the case of a name
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUpload:
    """A body that lies in a file, sent from there piece by piece."""

    file: IO[bytes]
    content_type: str


class Transport:
    """Sends one call after the other, from any number of threads, and returns the JSON of its reply."""

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
        self.clock = clock
        self._clock_tolerance = clock_tolerance  # between HubSpot's clock and ours

    def send(self, method: str, path: str, *, query: Query = (), body: object = None, decode: BodyDecoder = orjson.loads) -> Json:
        """Return what HubSpot replies as `decode` has it, None for an empty reply.

        `path` is the v3/v4 path, whatever version is in use.

        Raises:
            SyncWorkerError: one of errors.py, after as many attempts as it deserves.
        """
        route = resolve(method, path, self._version)
        content = None if body is None else orjson.dumps(body)
        parameters = list(query)
        return self._retrier.call(lambda: self._send_once(method, route, parameters, content, decode))

    def get(self, path: str, query: Query = ()) -> Json:
        """Return the JSON of a GET."""
        return self.send("GET", path, query=query)

    def upload(self, path: str, file_upload: FileUpload) -> Json:
        """Return the JSON of a POST of a file. It is sent once: where no answer was heard, the caller finds out what has become of it."""
        route = resolve("POST", path, self._version)
        return self._retrier.call(lambda: self._send_once("POST", route, [], file_upload, orjson.loads), non_idempotent=True)

    def close(self) -> None:
        """Wake whoever waits, with `Closed`, and close the connections."""
        self.clock.stop()
        self.rate_limiter.interrupt()
        self._session.close()

    def _send_once(
        self, method: str, route: Route, query: list[tuple[str, str]], content: bytes | FileUpload | None, decode: BodyDecoder
    ) -> Json:
        self.rate_limiter.quota.raise_if_exhausted(route.operation)
        lane = self.rate_limiter.limiter(route.budget)
        sent, began = lane.acquire(), self.clock.now()
        self._metrics.count_request(route.endpoint)
        try:
            answer = self._send_request(method, route, query, content)
        except BaseException:
            lane.release(sent, answered=False)
            raise
        lane.release(sent)
        self._retrier.mark_reachable()
        self.rate_limiter.update_from_headers(route.budget, answer.headers, sent)
        if answer.status == 429:
            raise self._handle_429(answer, route, lane, sent)
        lane.on_success(sent)
        read = self._decode_response(answer, route, decode)
        clock_skew.check(answer.headers, sent_at=began, received_at=self.clock.now(), tolerance=self._clock_tolerance)
        return read

    def _send_request(self, method: str, route: Route, query: list[tuple[str, str]], content: bytes | FileUpload | None) -> HttpResponse:
        deadline = self.clock.monotonic() + self._timeouts.total
        body, kind = _request_body(content)
        timeout = (self._timeouts.connect, self._timeouts.read)
        try:
            response = self._session.request(
                method,
                self.base_url + route.path,
                params=urlencode(query, safe=","),  # HubSpot writes its own lists of names with plain commas
                data=body,
                headers={"Content-Type": kind},
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            )
            return HttpResponse(response.status_code, response.headers, self._read_body(response, deadline))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            # The chain is cut: the library's own texts show the whole address, and that may hold somebody's data.
            raise self._build_unreachable(error, route) from None

    def _read_body(self, response: requests.Response, deadline: float) -> bytes:
        chunks = []
        # Read as it comes, so that a body that drips for ever is noticed.
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            chunks.append(chunk)
            if self.clock.monotonic() > deadline:
                response.close()
                raise requests.Timeout
        return b"".join(chunks)

    def _decode_response(self, response: HttpResponse, route: Route, decode: BodyDecoder) -> Json:
        if not 200 <= response.status < 300:
            named = parse_retry_after(response.headers, self.clock.now())
            raise translate_error(parse_error_response(response.status, response.body), operation=route.operation, retry_after=named)
        if not response.body:
            return None
        try:
            return decode(response.body)
        except (orjson.JSONDecodeError, msgspec.DecodeError):
            raise Unavailable(f"HubSpot answered {response.status}, but not with whole JSON.", operation=route.operation) from None

    def _handle_429(self, response: HttpResponse, route: Route, limiter: Limiter, sent_at: float) -> SyncWorkerError:
        self._metrics.count_rate_limited()
        problem = parse_error_response(response.status, response.body)
        if route.has_job_limit and problem.policy is None:
            said = f" ({redact(problem.message)})" if problem.message else ""
            return BulkLimitReached(f"HubSpot begins no more of these for now{said}.", operation=route.operation)
        if _is_daily_limit(problem):
            return self.rate_limiter.quota.mark_exhausted(route.operation)
        named = parse_retry_after(response.headers, self.clock.now())
        wait = max(limiter.on_429(sent_at, named), named or 0.0)
        policy = f" ({problem.policy})" if problem.policy else ""
        hint = "Other integrations of the portal use the same limits."
        return RateLimited(f"HubSpot asks for a slower pace{policy}.", operation=route.operation, hint=hint, retry_after=wait)

    def _build_unreachable(self, error: Exception, route: Route) -> Unavailable:
        hint = "Check HUBSPOT_BASE_URL and the network."
        return Unavailable(f"{self.base_url} cannot be reached: {_root_cause(error)}.", operation=route.operation, hint=hint)


def _request_body(content: bytes | FileUpload | None) -> tuple[Body, str]:
    if not isinstance(content, FileUpload):
        return content, "application/json"
    content.file.seek(0)
    return content.file, content.content_type


def _is_daily_limit(response: ErrorResponse) -> bool:
    return response.policy == "DAILY" or (response.policy is None and "daily" in response.message.lower())


def _root_cause(error: BaseException) -> str:
    """Return what the innermost error says; the outer ones quote the address with its query."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return "no answer in time"
    if isinstance(error, urllib3.exceptions.ProtocolError | requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    innermost = error
    while (inner := innermost.__cause__ or innermost.__context__) is not None:
        innermost = inner
    return innermost.strerror or type(innermost).__name__ if isinstance(innermost, OSError) else type(innermost).__name__
