"""Tests over real HTTP: pooled connections, slow bodies, certificates."""

from __future__ import annotations

import gzip
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sync_worker.errors import ExitCode, OversizedReply, Unavailable
from sync_worker.hubspot.rest.retry import RetryPolicy
from sync_worker.hubspot.rest.session import open_session
from sync_worker.hubspot.rest.transport import Timeouts
from tests.hubspot.fakes import START_TIME, FakeClock, make_client, run_in_threads

ACCOUNT = json.dumps({"portalId": 77, "timeZone": "UTC", "accountType": "STANDARD", "filler": "x" * 300_000}).encode()


class AccountHandler(BaseHTTPRequestHandler):
    """Answers the account details over HTTP/1.1, as the `respond` of its server does."""

    protocol_version = "HTTP/1.1"
    server: RawServer

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def do_GET(self) -> None:
        self.server.respond(self)

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        del timestamp
        return format_datetime(START_TIME, usegmt=True)  # the same time as the client

    def send_headers(self, **headers: str) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


class RawServer(ThreadingHTTPServer):
    daemon_threads = True
    connections = 0
    respond: Callable[[AccountHandler], None]

    def handle_error(self, *_: object) -> None:
        """Ignore disconnects, which these tests cause."""


@contextmanager
def serve_raw(send: Callable[[AccountHandler], None]) -> Iterator[RawServer]:
    with RawServer(("127.0.0.1", 0), AccountHandler) as server:
        server.respond = send
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def base_url_of(server: socketserver.TCPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def send_plain(request: AccountHandler) -> None:
    request.send_headers(Content_Length=str(len(ACCOUNT)))
    request.wfile.write(ACCOUNT)


def send_gzip(request: AccountHandler) -> None:
    body = gzip.compress(ACCOUNT)
    request.send_headers(Content_Length=str(len(body)), Content_Encoding="gzip")
    request.wfile.write(body)


def send_chunked(request: AccountHandler) -> None:
    request.send_headers(Transfer_Encoding="chunked")
    for start in range(0, len(ACCOUNT), 50_000):
        piece = ACCOUNT[start : start + 50_000]
        request.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    request.wfile.write(b"0\r\n\r\n")


def send_bomb(request: AccountHandler) -> None:
    body = gzip.compress(bytes(3 << 20))
    request.send_headers(Content_Length=str(len(body)), Content_Encoding="gzip")
    request.wfile.write(body)


def send_head_slowly(request: AccountHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    with suppress(OSError):
        while True:
            request.wfile.write(b"X-Filler: y\r\n")
            time.sleep(0.01)


def send_truncated(request: AccountHandler) -> None:
    request.send_headers(Content_Length=str(len(ACCOUNT)))
    request.wfile.write(ACCOUNT[:1_000])
    request.close_connection = True


@pytest.mark.parametrize("send", [send_plain, send_gzip, send_chunked])
def test_one_connection_serves_one_request_after_the_other(send: Callable[[AccountHandler], None]) -> None:
    with serve_raw(send) as server, make_client(base_url=base_url_of(server)) as hubspot:
        for _ in range(5):
            assert hubspot.account.read_details().portal_id == 77

        assert server.connections == 1


def test_threads_share_the_pool() -> None:
    with serve_raw(send_plain) as server, make_client(base_url=base_url_of(server), pool_size=4) as hubspot:
        run_in_threads(4, lambda _: [hubspot.account.read_details() for _ in range(5)])

        assert server.connections <= 4
        assert hubspot.metrics.snapshot().total == 20


def test_a_truncated_body_is_an_error() -> None:
    with (
        serve_raw(send_truncated) as server,
        make_client(base_url=base_url_of(server)) as hubspot,
        pytest.raises(Unavailable, match="the connection was interrupted"),
    ):
        hubspot.account.read_details()


def test_a_slow_body_fails_after_the_total_timeout() -> None:
    clock = FakeClock()

    def send_slowly(request: AccountHandler) -> None:
        request.send_headers(Content_Length="1000000")
        for _ in range(1_000_000):
            clock.time += 1
            request.wfile.write(b" ")
            request.wfile.flush()

    timeouts = Timeouts(total=30)
    with (
        serve_raw(send_slowly) as server,
        make_client(clock, base_url=base_url_of(server), timeouts=timeouts) as hubspot,
        pytest.raises(Unavailable, match="no answer in time"),
    ):
        hubspot.account.read_details()


def redirect(request: AccountHandler) -> None:
    body = gzip.compress(json.dumps({"status": "error", "correctHublet": "ap1", "filler": " " * 100_000}).encode())
    request.send_response(307)
    headers = {"Location": "https://api-ap1.hubapi.com/x", "Content-Encoding": "gzip", "Content-Length": str(len(body))}
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


def test_a_redirect_is_read_and_not_followed() -> None:
    with serve_raw(redirect) as server, make_client(base_url=base_url_of(server), retry_policy=RetryPolicy(max_attempts=1)) as hubspot:
        with pytest.raises(Unavailable, match=r"address, https://api-ap1\.hubapi\.com"):
            hubspot.account.read_details()

        assert hubspot.metrics.snapshot().total == 1


def test_a_redirect_is_limited_in_size() -> None:
    with (
        serve_raw(redirect) as server,
        make_client(base_url=base_url_of(server), max_reply_bytes=50_000) as hubspot,
        pytest.raises(OversizedReply),
    ):
        hubspot.account.read_details()


@pytest.mark.parametrize("send", [send_bomb, send_plain, send_chunked])
def test_a_reply_beyond_the_limit_is_not_read_to_its_end_and_not_requested_again(send: Callable[[AccountHandler], None]) -> None:
    with serve_raw(send) as server, make_client(base_url=base_url_of(server), max_reply_bytes=200_000) as hubspot:
        with pytest.raises(OversizedReply, match="SYNC_WORKER_MAX_REPLY_MEGABYTES") as caught:
            hubspot.account.read_details()

        assert hubspot.metrics.snapshot().total == 1
        assert caught.value.exit_code == ExitCode.TRY_AGAIN


def test_a_head_that_never_ends_fails_after_the_total_timeout() -> None:
    with (
        serve_raw(send_head_slowly) as server,
        make_client(base_url=base_url_of(server), timeouts=Timeouts(total=0.05), retry_policy=RetryPolicy(max_attempts=1)) as hubspot,
        pytest.raises(Unavailable, match="no answer in time"),
    ):
        hubspot.account.read_details()


def test_a_server_with_an_invalid_certificate_is_rejected() -> None:
    base = "https://127.0.0.1:{}"
    with (
        serve_raw(send_plain) as server,
        make_client(base_url=base.format(server.server_address[1])) as hubspot,
        pytest.raises(Unavailable, match=r"cannot be reached: .*SSL"),
    ):
        hubspot.account.read_details()

    assert open_session("t", base.format(1), pool_size=1, reply_seconds=1).verify is True


def test_a_silent_server_times_out() -> None:
    silent = threading.Event()
    timeouts = Timeouts(read=0.05)
    with serve_raw(lambda _: silent.wait(10) and None) as server, make_client(base_url=base_url_of(server), timeouts=timeouts) as hubspot:
        with pytest.raises(Unavailable, match="no answer in time"):
            hubspot.account.read_details()
        silent.set()
