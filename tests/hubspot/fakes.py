"""Doubles and HubSpot replies for the tests of the client."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import responses

from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.retry import RetryPolicy

BASE_URL = "http://127.0.0.1:9"  # the discard port: nothing listens there, `responses` answers
START_TIME = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
TIMESTAMP = "2026-01-02T03:04:05.678Z"
CORRELATION_ID = "d0f2c1e8-6f0e-4b7a-9f2c-0d6a3e0a1b2c"


class FakeClock(Clock):
    """A clock that advances only during waits."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1_000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return START_TIME + timedelta(seconds=self.time - 1_000.0)

    def sleep(self, seconds: float) -> None:
        self.raise_if_stopped()
        self.slept.append(seconds)
        self.time += seconds

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:  # noqa: ARG002
        assert seconds is not None, "this wait would never end"
        self.time += seconds
        self.raise_if_stopped()


FakeResponse = tuple[int, dict[str, str], bytes | Exception]


class FakeServer:
    """HubSpot, played by `responses`: replies come in order, the last one repeats; all requests are recorded."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self._mock = mock

    def respond(self, method: str, path: str, *replies: FakeResponse, query: dict[str, str] | None = None) -> None:
        """Set the replies for a method and path, and for a part of the query."""
        replies_left = list(replies)

        def reply(_request: object) -> tuple[int, dict[str, str], bytes | Exception]:
            status, headers, body = replies_left.pop(0) if len(replies_left) > 1 else replies_left[0]
            return status, headers, body

        match = [responses.matchers.query_param_matcher(query, strict_match=False)] if query else []
        self._mock.add_callback(method, BASE_URL + path, callback=reply, match=match)

    def answer(self, method: str, path: str, reply: Callable[[Any], FakeResponse]) -> None:
        """Reply to each request to a method and path by a function of the request."""
        self._mock.add_callback(method, BASE_URL + path, callback=reply)

    @property
    def paths(self) -> list[str]:
        return [f"{call.request.method} {call.request.path_url.partition('?')[0]}" for call in self._mock.calls]

    @property
    def timeouts(self) -> list[tuple[float, float]]:
        return [call.request.req_kwargs["timeout"] for call in self._mock.calls]

    @property
    def urls(self) -> list[str]:
        return [call.request.url for call in self._mock.calls]

    @property
    def queries(self) -> list[dict[str, str]]:
        return [call.request.params for call in self._mock.calls]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(call.request.body) if call.request.body else None for call in self._mock.calls]

    @property
    def headers(self) -> list[Any]:
        return [call.request.headers for call in self._mock.calls]


def json_response(body: object = None, status: int = 200, **headers: str) -> FakeResponse:
    """Return a reply with a JSON body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "application/json;charset=utf-8", **named}, b"" if body is None else json.dumps(body).encode()


def html_response(status: int) -> FakeResponse:
    """Return a reply of a gateway."""
    return status, {"Content-Type": "text/html"}, b"<html><head><title>Bad gateway</title></head></html>"


def network_error(error: Exception) -> FakeResponse:
    """Return an error in place of a reply."""
    return 0, {}, error


@contextmanager
def serve_fake() -> Iterator[FakeServer]:
    """Serve a fake HubSpot. An unexpected request is an error."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield FakeServer(mock)


def make_random(seed: int) -> Random:
    """Return a seeded random generator."""
    return Random(seed)  # noqa: S311 - no secret


def make_client(clock: Clock | None = None, **more: object) -> HubSpot:
    """Return a client with a fake clock."""
    settings: dict[str, Any] = {
        "base_url": BASE_URL,
        "api_version": "v3",
        "retry_policy": RetryPolicy(max_attempts=5),
        "rng": make_random(7),
    }
    return connect(token="pat-na1-sandbox", clock=clock or FakeClock(), **settings | more)


def make_record(id_: int, **properties: str | None) -> dict[str, Any]:
    """Return the JSON of a record."""
    shown = {"hs_object_id": str(id_), "createdate": TIMESTAMP, "lastmodifieddate": TIMESTAMP, **properties}
    return {"id": str(id_), "properties": shown, "createdAt": TIMESTAMP, "updatedAt": TIMESTAMP, "archived": False}


def error_body(message: str, category: str | None = None, **more: object) -> dict[str, Any]:
    """Return an error reply."""
    body = {"status": "error", "message": message, "correlationId": CORRELATION_ID, **more}
    return body | ({"category": category} if category else {})


def not_found_body(*ids: str) -> dict[str, Any]:
    """Return the error of a partial success that lists the missing ids."""
    message = "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."
    return {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"ids": list(ids)}}


def next_page_body(after: str) -> dict[str, Any]:
    """Return the `paging` of a page that is not the last."""
    return {"paging": {"next": {"after": after, "link": f"https://api.hubapi.com/?after={after}"}}}


def run_in_threads(thread_count: int, function: Callable[[int], object]) -> None:
    """Run a function in several threads and wait for all."""
    threads = [threading.Thread(target=function, args=(each,)) for each in range(thread_count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
