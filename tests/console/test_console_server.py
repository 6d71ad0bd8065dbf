"""The port of `serve --ui`: console, health and metrics on one port, and a slow page that delays no probe."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from sync_worker.console.app import build_console
from sync_worker.errors import ConfigurationError
from sync_worker.service.console_server import serve_app
from sync_worker.service.http_server import Reply
from sync_worker.service.scheduler import SyncScheduler
from tests.console.conftest import FACTS
from tests.harness import Harness, start_harness

PROBE = {"/healthz": lambda _accept: Reply(200, "text/plain", b"alive\n")}  # type: ignore[arg-type]


def fetch(address: str, **headers: str) -> httpx.Response:
    return httpx.get(address, headers=headers, timeout=30, trust_env=False)


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def do_nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Answer no request."""


def test_a_slow_page_delays_no_probe() -> None:
    asked, released = Event(), Event()

    def copy_slowly(*, read_only: bool) -> Any:  # noqa: ARG001 -- the interface
        asked.set()
        released.wait(30)
        raise ConfigurationError("late")

    with serve_app("127.0.0.1", 0, PROBE, build_console(copy_slowly, lambda: FACTS)) as port, ExitStack() as stack:
        for _ in range(45):  # more than there are threads
            waiting = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            waiting.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert asked.wait(30)
        reply = fetch(f"http://127.0.0.1:{port}/healthz", host="10.0.0.7:9736")  # a probe names the address of the pod
        released.set()
    assert (reply.status_code, reply.text) == (200, "alive\n")


def test_a_port_in_use_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot use port {port} of 127.0.0.1: Address already in use.*HTTP_PORT"):
            serve_app("127.0.0.1", port, {}, do_nothing).__enter__()


def run_service(harness: Harness, port: int) -> tuple[SyncScheduler, Thread, list[BaseException]]:
    harness.settings = {"http_port": port}
    failures: list[BaseException] = []
    ready: list[SyncScheduler] = []

    def run() -> None:
        with harness.worker() as worker:
            ready.append(SyncScheduler(worker, load_settings=lambda: worker.settings, with_console=True))
            try:
                ready[0].run()
            except ConfigurationError as error:
                failures.append(error)

    thread = Thread(target=run)
    thread.start()
    while not ready:
        time.sleep(0.01)
    return ready[0], thread, failures


def test_the_service_has_the_console_on_its_port_until_it_stops(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        port = find_free_port()
        service, thread, failures = run_service(harness, port)
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while service.health.last_done is None:  # the first cycle
            assert time.monotonic() < deadline
            time.sleep(0.02)
        text = fetch(f"{address}/").text
        runs = fetch(f"{address}/runs").text
        metrics = fetch(f"{address}/metrics")
        service.stop()
        thread.join()
        with pytest.raises(httpx.ConnectError):
            fetch(f"{address}/healthz")
    assert "re-evaluation" in text
    assert "<td>6</td>" in runs  # contacts read by the first cycle
    assert (metrics.status_code, "sync_worker_contacts 6.0" in metrics.text) == (200, True)
    assert failures == []


def test_a_console_without_a_port_is_a_sentence(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        _, thread, failures = run_service(harness, 0)
        thread.join()
    assert "The console needs a port" in str(failures)
