"""The HTTP port of `serve --ui`: the console, and the pages of http_server.py on the same port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from operator import attrgetter
from typing import Final

import structlog
import uvicorn
from apscheduler.schedulers.base import BaseScheduler
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from sync_worker.console.app import build_console
from sync_worker.console.endpoints import CopyWorker
from sync_worker.console.service_facts import NextRun, ServiceFacts
from sync_worker.service.health import Health
from sync_worker.service.http_server import Page, explain_bind_error
from sync_worker.service.metrics import COMMANDS
from sync_worker.settings import Settings

log = structlog.get_logger()

STOP_SECONDS: Final = 0.5  # how long a stop waits for active requests; the release of the leases comes after it
ANY_HOST: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 -- the addresses are compared only
IDLE_SECONDS: Final = 5  # after which an unused connection is closed


def serve_console(
    settings: Settings, pages: Mapping[str, Page], copy_worker: CopyWorker, read_service: Callable[[], ServiceFacts]
) -> AbstractContextManager[int]:
    """Serve the pages and the console at the address of the settings. Raises ConfigurationError if the port cannot be used."""
    return serve_app(settings.http_host, settings.http_port, pages, build_console(copy_worker, read_service, settings.ui_hosts or ()))


def read_facts(health: Health, scheduler: BaseScheduler) -> ServiceFacts:
    """Return what the console shows of the service."""
    jobs = [NextRun(job=job.id, at=job.next_run_time) for job in scheduler.get_jobs() if job.id in COMMANDS and job.next_run_time]
    return ServiceFacts(problems=health.problems(), is_running=health.is_running, next_runs=sorted(jobs, key=attrgetter("at")))


@contextmanager
def serve_app(host: str, port: int, pages: Mapping[str, Page], console: ASGIApp) -> Iterator[int]:
    """Serve the pages and the console in threads while the block runs, and yield the port; 0 picks a free one."""
    listening = _bind(host, port)
    config = uvicorn.Config(
        Starlette(routes=[*(Route(path, _build_endpoint(page)) for path, page in pages.items()), Mount("/", console)]),
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="warning",
        access_log=False,  # paths contain ids of contacts
        server_header=False,
        proxy_headers=False,  # the console decides by the real address of the client
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), name="console", daemon=True)
    thread.start()
    port = listening.getsockname()[1]
    log.info("console.opened", address=f"http://{'localhost' if host in ANY_HOST else f'[{host}]' if ':' in host else host}:{port}/")
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)


def _build_endpoint(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:  # not in a thread: slow pages of the console may use all of them
        reply = page(request.headers.get("accept", ""))
        return Response(reply.body, reply.status, headers={"Content-Type": reply.content_type})

    return answer


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise explain_bind_error(host, port, error) from None
    listening.listen()
    return listening
