"""Serves a portal over HTTP on loopback."""

from __future__ import annotations

import asyncio
import gc
import sys
from asyncio import Transport
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from signal import SIGINT, SIGTERM, signal
from socket import AF_INET, IPPROTO_TCP, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from threading import Event, Thread, current_thread, main_thread

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sync_worker.sandbox import counters, web
from sync_worker.sandbox.api.routes import ENDPOINTS
from sync_worker.sandbox.base.config import SandboxConfig, Switches
from sync_worker.sandbox.base.errors import PortUnavailableError
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.request.url_paths import expand_paths
from sync_worker.sandbox.server import admin
from sync_worker.sandbox.server.fault_injection import TRANSPORT_KEY
from sync_worker.sandbox.server.middleware import ApiGateway
from sync_worker.sandbox.server.oauth import OAuthEndpoints

__all__ = ["RunningServer", "SandboxConfig", "Switches", "create_app", "load_portal", "run_in_thread", "serve"]

HOST = "127.0.0.1"
MAX_HEADER_BYTES = 1 << 17  # bytes of request line and headers: addresses that are too long must reach us to be refused
KEEP_ALIVE_S = 75
STARTUP_TIMEOUT_S = 60
TICK_INTERVAL_S = 0.1
SHUTDOWN_GRACE_S = 3
SHUTDOWN_POLL_S = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A portal that is being served."""

    base_url: str
    token: str
    portal: SandboxPortal


def load_portal(data: PortalData, config: SandboxConfig, *, clock: Callable[[], datetime] | None = None) -> SandboxPortal:
    """Return the portal of some data, with its counters, behaving as the options say."""
    return SandboxPortal.load(
        data,
        clock=clock or _utc_now,
        switches=config.switches,
        index_lag_s=config.index_lag_s,
        seed=config.seed,
        counters=counters.compute_counters,
    )


def create_app(portal: SandboxPortal, config: SandboxConfig) -> Starlette:
    """Return the ASGI application of a portal: the API, the endpoints for tests and the web page."""
    return create_gateway_app(ApiGateway.create(portal, config))


def create_gateway_app(gateway: ApiGateway) -> Starlette:
    """Return the ASGI application behind a gate."""
    routes: list[BaseRoute] = [
        Route(path, gateway.endpoint_handler(endpoint, version, path), methods=[endpoint.method])
        for endpoint in ENDPOINTS
        for version, path in expand_paths(endpoint.api, endpoint.path_suffix)
    ]
    handlers = {404: gateway.handle_unknown_path, 405: gateway.handle_unknown_path}
    built = Starlette(
        routes=[
            *routes,
            *OAuthEndpoints(gateway=gateway, client=gateway.oauth_client).routes(),
            *admin.routes(gateway),
            *web.routes(gateway.portal),
        ],
        exception_handlers=handlers,
    )
    built.router.redirect_slashes = False
    return built


def serve(data: PortalData, config: SandboxConfig, *, port: int = 0) -> None:
    """Serve a portal until SIGINT or SIGTERM; one line of JSON on standard output says where, when it is ready.

    Args:
        data: what the portal holds.
        config: how it behaves.
        port: of 127.0.0.1; 0 takes a free one.

    Raises:
        PortUnavailableError: the server cannot listen on the port.
        FaultConfigError: the fault rules are not valid.
    """

    def announce(base_url: str) -> None:
        sys.stdout.write(orjson.dumps({"base_url": base_url, "token": config.token}).decode() + "\n")
        sys.stdout.flush()

    with _bind_socket(port) as listening:
        portal = load_portal(data, config)
        gc.freeze()  # the collector would walk through millions of lasting values again and again
        _SandboxServer(_uvicorn_config(create_app(portal, config)), announce).run(sockets=[listening])


@contextmanager
def run_in_thread(data: PortalData, config: SandboxConfig, *, clock: Callable[[], datetime] | None = None) -> Iterator[RunningServer]:
    """Serve a portal in a thread for the time of a `with` block."""
    portal = load_portal(data, config, clock=clock)
    ready, addresses = Event(), list[str]()

    def publish_address(base_url: str) -> None:
        addresses.append(base_url)
        ready.set()

    server = _SandboxServer(_uvicorn_config(create_app(portal, config)), publish_address)
    thread = Thread(target=server.run, name="sandbox", daemon=True)
    thread.start()
    try:
        ready.wait(STARTUP_TIMEOUT_S)
        yield RunningServer(base_url=addresses[0], token=config.token, portal=portal)
    finally:
        server.stop()
        thread.join()


class _SandboxServer(uvicorn.Server):
    """Says where it listens as soon as it does, and ends without an error and at once when it is told to."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._stop_requested = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Stop serving; called from any thread."""
        self.should_exit = True
        if self._loop:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stop_requested.set)

    async def startup(self, sockets: list[socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            self._on_ready(f"http://{HOST}:{port}")

    async def main_loop(self) -> None:
        # uvicorn's own sleeps from tick to tick, and whoever closes hundreds of portals waits for each.
        tick = 0
        while not await self.on_tick(tick):
            tick += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop_requested.wait(), TICK_INTERVAL_S)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        # As uvicorn's own, without the tenth of a second that it gives to connections of which most are closed by then.
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_GRACE_S):
                while (self.server_state.connections or self.server_state.tasks) and not self.force_exit:  # noqa: ASYNC110 -- nobody is told
                    await asyncio.sleep(SHUTDOWN_POLL_S)
        for task in list(self.server_state.tasks):
            task.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own raises the signal again when it has stopped, and the process would end with an error.
        if current_thread() is not main_thread():
            yield
            return
        before = {one: signal(one, self.handle_exit) for one in (SIGINT, SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal(one, handler)


class _AbortableProtocol(H11Protocol):
    """Leaves the connection where a fault can end it."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[TRANSPORT_KEY] = transport
            await inner(scope, receive, send)

        self.app = with_transport


def _uvicorn_config(application: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        host=HOST,
        port=0,
        http=_AbortableProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )


def _bind_socket(port: int) -> socket:
    # TCP by name: asyncio lets small packets go at once for no other, and each reply would come 40 ms late.
    listening = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)
    listening.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise PortUnavailableError(
            f"Port {port} of {HOST} cannot be used: {error}.", hint="Choose another port, or 0 for a free one."
        ) from None
    return listening


def _utc_now() -> datetime:
    return datetime.now(UTC)
