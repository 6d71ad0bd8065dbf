"""The HTTP port of the service: /healthz, /readyz and /metrics, for probes and Prometheus. No reply contains personal data."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socket import AF_INET, AF_INET6
from socketserver import ThreadingTCPServer
from typing import Final, Protocol

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from sync_worker import log as log_format
from sync_worker.errors import ConfigurationError

log = structlog.get_logger()

REQUEST_SECONDS: Final = 10.0  # a client that sends no request is disconnected


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the service."""

    status: HTTPStatus
    content_type: str
    body: bytes


Page = Callable[[str], Reply]  # gets the Accept header


class ProbedHealth(Protocol):
    """What the probes ask; called from the threads of the HTTP server."""

    def is_alive(self) -> bool:
        """Return whether the process works."""

    def problems(self) -> list[str]:
        """Return why the process is not ready, one sentence each."""

    def details(self) -> Mapping[str, object]:
        """Return what /readyz shows as well."""


@contextmanager
def serve_http(host: str, port: int, pages: Mapping[str, Page]) -> Iterator[int]:
    """Serve the pages in threads while the block runs, and yield the port; 0 picks a free one.

    Raises ConfigurationError if the port is in use or may not be used.
    """
    try:
        server = _Server((host, port), pages)
    except OSError as error:
        raise explain_bind_error(host, port, error) from None
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def explain_bind_error(host: str, port: int, error: OSError) -> ConfigurationError:
    """Return the error for a port that cannot be used."""
    return ConfigurationError(
        f"The service cannot use port {port} of {host}: {error.strerror}.",
        hint="Set SYNC_WORKER_HTTP_PORT to another port, or to 0 for none.",
    )


def build_pages(health: ProbedHealth, registry: CollectorRegistry) -> dict[str, Page]:
    """Return the pages by path."""

    def check_health(_accept: str) -> Reply:
        alive = health.is_alive()
        return _build_json_reply({"alive": alive}, HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE)

    def check_readiness(_accept: str) -> Reply:
        problems = [log_format.redact_text(problem) for problem in health.problems()]
        content = {"ready": not problems, **health.details(), "problems": problems}
        return _build_json_reply(content, HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK)

    def show_metrics(accept: str) -> Reply:
        encode, content_type = choose_encoder(accept)
        return Reply(HTTPStatus.OK, content_type, encode(registry))

    return {"/healthz": check_health, "/readyz": check_readiness, "/metrics": show_metrics}


def _build_json_reply(content: Mapping[str, object], status: HTTPStatus) -> Reply:
    return Reply(status, "application/json", json.dumps(content).encode() + b"\n")


class _Server(ThreadingTCPServer):
    """A TCP server; unlike `http.server.HTTPServer`, it does not look up the name of its address, which may take seconds."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], pages: Mapping[str, Page]) -> None:
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        self.pages = pages
        super().__init__(address, _Handler)

    def handle_error(self, _request: object, _address: object) -> None:
        """Ignore a client that has closed its connection."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_SECONDS
    server_version = "sync_worker"
    sys_version = ""

    def do_GET(self) -> None:
        reply = self._answer(self.path.partition("?")[0])
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_HEAD = do_GET  # noqa: N815 -- the name that http.server calls

    def _answer(self, path: str) -> Reply:
        if not (page := self.server.pages.get(path)):
            return Reply(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
        try:
            return page(self.headers.get("Accept", ""))
        except Exception:  # else the probe fails, and nothing says why
            log.exception("service.page_failed", page=path)
            return Reply(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", b"internal error\n")

    def log_message(self, *_: object) -> None:
        """Log nothing: probes ask every few seconds."""
