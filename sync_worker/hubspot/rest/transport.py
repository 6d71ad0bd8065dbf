"""The one way to HubSpot: pooled connections, their timeouts, the brake, the retries, the errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Any, Final, TypeAlias

import msgspec
import orjson
import requests
import urllib3

from sync_worker.errors import RateLimited, SyncWorkerError, Unavailable
from sync_worker.hubspot.rest import clock_skew
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.endpoints import Route, Version, resolve
from sync_worker.hubspot.rest.error_responses import LimitReached, Problem, quoted, read_problem, retry_after, translate
from sync_worker.hubspot.rest.metrics import Traffic
from sync_worker.hubspot.rest.rate_limiter import Lane, Throttle
from sync_worker.hubspot.rest.retry import Retrying
from sync_worker.hubspot.rest.session import Body, Line, Query

CHUNK: Final = 1 << 16  # bytes

Json: TypeAlias = Any  # what a decoder makes of a reply; the nouns parse it
Decode: TypeAlias = Callable[[bytes], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a request may take, in seconds: to connect, between two bytes, and in all."""

    connect: float = 5.0
    read: float = 60.0
    total: float = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as it came over the line."""

    status: int
    headers: Mapping[str, str]  # whatever the case of a name
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A body that lies in a file, sent from there piece by piece."""

    file: IO[bytes]
    content_type: str


class Transport:
    """Sends one call after the other, from any number of threads, and returns the JSON of its reply."""

    def __init__(
        self,
        *,
        line: Line,
        base_url: str,
        version: Version,
        throttle: Throttle,
        retrying: Retrying,
        traffic: Traffic,
        timeouts: Timeouts,
        clock: Clock,
        tolerance: timedelta = clock_skew.TOLERANCE,
    ) -> None:
        self._line = line
        self.base_url = base_url
        self._version = version
        self.throttle = throttle
        self._retrying = retrying
        self._traffic = traffic
        self._timeouts = timeouts
        self.clock = clock
        self._tolerance = tolerance  # between HubSpot's clock and ours

    def send(self, method: str, path: str, *, query: Query = (), body: object = None, decode: Decode = orjson.loads) -> Json:
        """Return what HubSpot replies as `decode` has it, None for an empty reply.

        `path` is the v3/v4 path, whatever version is in use.

        Raises:
            SyncWorkerError: one of errors.py, after as many attempts as it deserves.
        """
        route = resolve(method, path, self._version)
        content = None if body is None else orjson.dumps(body)
        parameters = list(query)
        return self._retrying.call(lambda: self._attempt(method, route, parameters, content, decode))

    def get(self, path: str, query: Query = ()) -> Json:
        """Return the JSON of a GET."""
        return self.send("GET", path, query=query)

    def upload(self, path: str, upload: Upload) -> Json:
        """Return the JSON of a POST of a file. It is sent once: where no answer was heard, the caller finds out what has become of it."""
        route = resolve("POST", path, self._version)
        return self._retrying.call(lambda: self._attempt("POST", route, [], upload, orjson.loads), once=True)

    def close(self) -> None:
        """Wake whoever waits, with `Closed`, and close the connections."""
        self.clock.stop()
        self.throttle.interrupt()
        self._line.close()

    def _attempt(self, method: str, route: Route, query: list[tuple[str, str]], content: bytes | Upload | None, decode: Decode) -> Json:
        self.throttle.quota.check(route.doing)
        lane = self.throttle.lane(route.budget)
        sent, began = lane.take(), self.clock.now()
        self._traffic.sent(route.endpoint)
        try:
            answer = self._exchange(method, route, query, content)
        except BaseException:
            lane.give_back(sent, answered=False)
            raise
        lane.give_back(sent)
        self._retrying.meet()
        self.throttle.learn(route.budget, answer.headers, sent)
        if answer.status == 429:
            raise self._refused(answer, route, lane, sent)
        lane.succeed(sent)
        read = self._read(answer, route, decode)
        clock_skew.compare(answer.headers, sent=began, answered=self.clock.now(), tolerance=self._tolerance)
        return read

    def _exchange(self, method: str, route: Route, query: list[tuple[str, str]], content: bytes | Upload | None) -> Answer:
        deadline = self.clock.monotonic() + self._timeouts.total
        body, kind = _body(content)
        timeout = (self._timeouts.connect, self._timeouts.read)
        try:
            response = self._line.send(method, route.path, query, body, kind=kind, timeout=timeout)
            return Answer(response.status_code, response.headers, self._drain(response, deadline))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            # The chain is cut: the library's own texts show the whole address, and that may hold somebody's data.
            raise self._unreachable(error, route) from None

    def _drain(self, response: requests.Response, deadline: float) -> bytes:
        chunks = []
        # Read as it comes, so that a body that drips for ever is noticed.
        while chunk := response.raw.read1(CHUNK, decode_content=True):
            chunks.append(chunk)
            if self.clock.monotonic() > deadline:
                response.close()
                raise requests.Timeout
        return b"".join(chunks)

    def _read(self, answer: Answer, route: Route, decode: Decode) -> Json:
        if not 200 <= answer.status < 300:
            named = retry_after(answer.headers, self.clock.now())
            raise translate(read_problem(answer.status, answer.body), operation=route.doing, retry_after=named)
        if not answer.body:
            return None
        try:
            return decode(answer.body)
        except (orjson.JSONDecodeError, msgspec.DecodeError):
            raise Unavailable(f"HubSpot answered {answer.status}, but not with whole JSON.", operation=route.doing) from None

    def _refused(self, answer: Answer, route: Route, lane: Lane, sent: float) -> SyncWorkerError:
        self._traffic.limited()
        problem = read_problem(answer.status, answer.body)
        if route.limited and problem.policy is None:
            said = f" ({quoted(problem.message)})" if problem.message else ""
            return LimitReached(f"HubSpot begins no more of these for now{said}.", operation=route.doing)
        if _is_daily(problem):
            return self.throttle.quota.exhaust(route.doing)
        named = retry_after(answer.headers, self.clock.now())
        wait = max(lane.refuse(sent, named), named or 0.0)
        policy = f" ({problem.policy})" if problem.policy else ""
        hint = "Other integrations of the portal use the same limits."
        return RateLimited(f"HubSpot asks for a slower pace{policy}.", operation=route.doing, hint=hint, retry_after=wait)

    def _unreachable(self, error: Exception, route: Route) -> Unavailable:
        hint = "Check HUBSPOT_BASE_URL and the network."
        return Unavailable(f"{self.base_url} cannot be reached: {_cause(error)}.", operation=route.doing, hint=hint)


def _body(content: bytes | Upload | None) -> tuple[Body, str]:
    if not isinstance(content, Upload):
        return content, "application/json"
    content.file.seek(0)
    return content.file, content.content_type


def _is_daily(problem: Problem) -> bool:
    return problem.policy == "DAILY" or (problem.policy is None and "daily" in problem.message.lower())


def _cause(error: BaseException) -> str:
    """Return what the innermost error says; the outer ones quote the address with its query."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return "no answer in time"
    if isinstance(error, urllib3.exceptions.ProtocolError | requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    innermost = error
    while (inner := innermost.__cause__ or innermost.__context__) is not None:
        innermost = inner
    return innermost.strerror or type(innermost).__name__ if isinstance(innermost, OSError) else type(innermost).__name__
