"""What only a real line shows: connections kept, bodies that drip, certificates."""

from __future__ import annotations

import gzip
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sync_worker.errors import Unavailable
from sync_worker.hubspot.rest.session import open_http_client
from sync_worker.hubspot.rest.transport import Timeouts
from tests.hubspot.fakes import STARTED, HandWoundClock, connected, in_threads

ACCOUNT = json.dumps({"portalId": 77, "timeZone": "UTC", "accountType": "STANDARD", "filler": "x" * 300_000}).encode()


class Line(BaseHTTPRequestHandler):
    """Answers the account's details in its server's way, over HTTP/1.1."""

    protocol_version = "HTTP/1.1"
    server: LineServer

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def do_GET(self) -> None:
        self.server.way(self)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        del timestamp
        return format_datetime(STARTED, usegmt=True)  # one time for both ends

    def head(self, **headers: str) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


class LineServer(ThreadingHTTPServer):
    daemon_threads = True
    connections = 0
    way: Callable[[Line], None]

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what these tests are about."""


@contextmanager
def line(way: Callable[[Line], None]) -> Iterator[LineServer]:
    with LineServer(("127.0.0.1", 0), Line) as server:
        server.way = way
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def address(server: socketserver.TCPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def plain(request: Line) -> None:
    request.head(Content_Length=str(len(ACCOUNT)))
    request.wfile.write(ACCOUNT)


def zipped(request: Line) -> None:
    body = gzip.compress(ACCOUNT)
    request.head(Content_Length=str(len(body)), Content_Encoding="gzip")
    request.wfile.write(body)


def chunked(request: Line) -> None:
    request.head(Transfer_Encoding="chunked")
    for start in range(0, len(ACCOUNT), 50_000):
        piece = ACCOUNT[start : start + 50_000]
        request.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    request.wfile.write(b"0\r\n\r\n")


def cut(request: Line) -> None:
    request.head(Content_Length=str(len(ACCOUNT)))
    request.wfile.write(ACCOUNT[:1_000])
    request.close_connection = True


@pytest.mark.parametrize("way", [plain, zipped, chunked])
def test_one_connection_serves_one_request_after_the_other(way: Callable[[Line], None]) -> None:
    with line(way) as server, connected(base_url=address(server)) as hubspot:
        for _ in range(5):
            assert hubspot.account.read_details().portal_id == 77

        assert server.connections == 1


def test_threads_share_the_pool() -> None:
    with line(plain) as server, connected(base_url=address(server), pool_size=4) as hubspot:
        in_threads(4, lambda _: [hubspot.account.read_details() for _ in range(5)])

        assert server.connections <= 4
        assert hubspot.metrics.snapshot().total == 20


def test_a_body_that_breaks_off_is_no_answer() -> None:
    with line(cut) as server, connected(base_url=address(server)) as hubspot, pytest.raises(Unavailable, match="broke off"):
        hubspot.account.read_details()


def test_a_body_that_drips_is_given_up_when_the_time_in_all_is_over() -> None:
    clock = HandWoundClock()

    def dripping(request: Line) -> None:
        request.head(Content_Length="1000000")
        for _ in range(1_000_000):
            clock.time += 1
            request.wfile.write(b" ")
            request.wfile.flush()

    timeouts = Timeouts(total=30)
    with (
        line(dripping) as server,
        connected(clock, base_url=address(server), timeouts=timeouts) as hubspot,
        pytest.raises(Unavailable, match="no answer in time"),
    ):
        hubspot.account.read_details()


def test_a_server_whose_certificate_proves_nothing_is_not_spoken_to() -> None:
    base = "https://127.0.0.1:{}"
    with (
        line(plain) as server,
        connected(base_url=base.format(server.server_address[1])) as hubspot,
        pytest.raises(Unavailable, match=r"cannot be reached: .*SSL"),
    ):
        hubspot.account.read_details()

    assert open_http_client("t", base.format(1), pool_size=1).environment_settings["verify"] is True


def test_a_server_that_says_nothing_is_given_up() -> None:
    silent = threading.Event()
    timeouts = Timeouts(read=0.05)
    with line(lambda _: silent.wait(10) and None) as server, connected(base_url=address(server), timeouts=timeouts) as hubspot:
        with pytest.raises(Unavailable, match="no answer in time"):
            hubspot.account.read_details()
        silent.set()
