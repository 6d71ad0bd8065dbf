"""HTTP server of a portal, on loopback only."""

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
from starlette.middleware import Middleware
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
from sync_worker.sandbox.server.host_guard import HostGuard
from sync_worker.sandbox.server.middleware import ApiGateway
from sync_worker.sandbox.server.oauth import OAuthEndpoints

__all__ = ["RunningServer", "SandboxConfig", "Switches", "create_app", "load_portal", "run_in_thread", "serve"]

HOST = "127.0.0.1"
MAX_HEADER_BYTES = 1 << 17  # request line and headers: a URL that is too long must reach the gateway, which returns the 414
KEEP_ALIVE_S = 75
STARTUP_TIMEOUT_S = 60
TICK_INTERVAL_S = 0.1
SHUTDOWN_GRACE_S = 3
SHUTDOWN_POLL_S = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A portal that is served in a thread."""

    base_url: str
    token: str
    portal: SandboxPortal


def load_portal(data: PortalData, config: SandboxConfig, *, clock: Callable[[], datetime] | None = None) -> SandboxPortal:
    """Return a portal with the data, the computed counters and the configuration."""
    return SandboxPortal.load(
        data,
        clock=clock or _utc_now,
        switches=config.switches,
        index_lag_s=config.index_lag_s,
        seed=config.seed,
        counters=counters.compute_counters,
    )


def create_app(portal: SandboxPortal, config: SandboxConfig) -> Starlette:
    """Return the ASGI application of a portal: the API, the admin endpoints and the web page."""
    return create_gateway_app(ApiGateway.create(portal, config))


def create_gateway_app(gateway: ApiGateway) -> Starlette:
    """Return the ASGI application of a gateway."""
    routes: list[BaseRoute] = [
        Route(path, gateway.endpoint_handler(endpoint, version, path), methods=[endpoint.method])
        for endpoint in ENDPOINTS
        for version, path in expand_paths(endpoint.api, endpoint.path_suffix)
    ]
    handlers = {404: gateway.handle_unknown_path, 405: gateway.handle_unknown_path}
    app = Starlette(
        routes=[
            *routes,
            *OAuthEndpoints(gateway=gateway, client=gateway.oauth_client).routes(),
            *admin.routes(gateway),
            *web.routes(gateway.portal),
        ],
        exception_handlers=handlers,
        middleware=[Middleware(HostGuard, hosts=gateway.hosts)],
    )
    app.router.redirect_slashes = False
    return app


def serve(data: PortalData, config: SandboxConfig, *, port: int = 0) -> None:
    """Serve a portal until SIGINT or SIGTERM; when it is ready, print one line of JSON with its address and token.

    Args:
        data: the content of the portal.
        config: its limits, switches and faults.
        port: a port of 127.0.0.1; 0 selects a free one.

    Raises:
        PortUnavailableError: the server cannot listen on the port.
        FaultConfigError: the fault rules are not valid.
    """

    def announce(base_url: str) -> None:
        sys.stdout.write(orjson.dumps({"base_url": base_url, "token": config.token}).decode() + "\n")
        sys.stdout.flush()

    with _bind_socket(port) as listening:
        portal = load_portal(data, config)
        gc.freeze()  # keeps the garbage collector from scanning millions of permanent values
        _SandboxServer(_uvicorn_config(create_app(portal, config)), announce).run(sockets=[listening])


@contextmanager
def run_in_thread(data: PortalData, config: SandboxConfig, *, clock: Callable[[], datetime] | None = None) -> Iterator[RunningServer]:
    """Serve a portal with the data in a thread during a `with` block."""
    with serve_in_thread(load_portal(data, config, clock=clock), config) as server:
        yield server


@contextmanager
def serve_in_thread(portal: SandboxPortal, config: SandboxConfig) -> Iterator[RunningServer]:
    """Serve a portal in a thread during a `with` block."""
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
    """A uvicorn server that reports its address when it listens, and stops at once and without an error."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._stop_requested = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Stop serving; called from any thread."""
        self.should_exit = True
        if self._loop:
            with suppress(RuntimeError):  # the server has already stopped
                self._loop.call_soon_threadsafe(self._stop_requested.set)

    async def startup(self, sockets: list[socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            self._on_ready(f"http://{HOST}:{port}")

    async def main_loop(self) -> None:
        # uvicorn sleeps between its ticks, so every stop would take up to 0.1 s; the tests stop hundreds of portals.
        tick = 0
        while not await self.on_tick(tick):
            tick += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop_requested.wait(), TICK_INTERVAL_S)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        # Like uvicorn, but without its wait of 0.1 s for connections, most of which are already closed.
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_GRACE_S):
                while (self.server_state.connections or self.server_state.tasks) and not self.force_exit:  # noqa: ASYNC110 -- uvicorn has no event for it
                    await asyncio.sleep(SHUTDOWN_POLL_S)
        for task in list(self.server_state.tasks):
            task.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again after the shutdown, so the process would end with an error.
        if current_thread() is not main_thread():
            yield
            return
        previous = {one: signal(one, self.handle_exit) for one in (SIGINT, SIGTERM)}
        try:
            yield
        finally:
            for one, handler in previous.items():
                signal(one, handler)


class _AbortableProtocol(H11Protocol):
    """Passes the connection to the request scope, so that a fault can close it."""

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
        date_header=False,  # HostGuard adds it, so that a fault can send another one
        timeout_keep_alive=KEEP_ALIVE_S,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )


def _bind_socket(port: int) -> socket:
    # asyncio sets TCP_NODELAY only if the protocol is named; without it, each response would take 40 ms longer.
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
