"""The console as an ASGI application: paths, forms, and errors as sentences. One page at a time reads the state."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, Protocol

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sync_worker.console.access import AccessGuard, FormTokens, split_hosts
from sync_worker.console.held_back import build_held_back_page
from sync_worker.console.overview import build_overview
from sync_worker.console.page import ConsolePage, render, render_style
from sync_worker.console.runs import build_runs_page
from sync_worker.console.service_facts import ServiceFacts
from sync_worker.errors import SyncWorkerError, TransientError
from sync_worker.reports.html.page import ReportPage, Section
from sync_worker.worker import Worker

MAX_FORM_BYTES: Final = 16_384

log = structlog.get_logger()

BuildPage = Callable[[Worker, Request], ConsolePage]


class CopyWorker(Protocol):
    """Returns a worker with its own connection to the state."""

    def __call__(self, *, read_only: bool) -> Worker:
        """Return the worker."""


def build_console(copy_worker: CopyWorker, read_service: Callable[[], ServiceFacts], hosts: Collection[str] = ()) -> ASGIApp:
    """Return the console; `hosts` are the names under which other machines may open it."""
    console = Console(copy_worker=copy_worker)

    def show_overview(worker: Worker, _request: Request) -> ConsolePage:
        return build_overview(worker, read_service())

    pages: Mapping[str, BuildPage] = {
        "/": show_overview,
        "/runs": lambda worker, _: build_runs_page(worker),
        "/held-back": lambda worker, _: build_held_back_page(worker),
    }
    routes = [Route(path, console.show(build)) for path, build in pages.items()]
    routes.append(Route("/style.css", lambda _: Response(render_style(), media_type="text/css")))
    routes.append(Route("/{rest:path}", console.show(lambda _worker, _request: build_error_page("There is no such page.", 404))))
    return AccessGuard(Starlette(routes=routes), split_hosts(hosts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Answers requests in their own threads, so that a slow page delays no probe; one page at a time, so that it delays no run."""

    copy_worker: CopyWorker
    tokens: FormTokens = field(default_factory=FormTokens)
    _page_lock: Lock = field(default_factory=Lock)

    def show(self, build: BuildPage) -> Callable[[Request], Response]:
        """Return the endpoint of a page."""

        def answer(request: Request) -> Response:
            return self._respond(request, self._build(build, request))

        return answer

    def _build(self, build: BuildPage, request: Request) -> ConsolePage:
        try:
            with self._page_lock, self.copy_worker(read_only=True) as worker:
                return build(worker, request)
        except SyncWorkerError as error:
            return build_error_page(str(error), 503 if isinstance(error, TransientError) else 500)
        except Exception as error:
            log.exception("console.page_failed")
            return build_error_page(f"The page could not be made ({type(error).__name__}). The log has the details.", 500)

    def _respond(self, request: Request, page: ConsolePage) -> Response:
        name = _name_cookie(request)
        session = request.cookies.get(name) or secrets.token_urlsafe(16)
        response = HTMLResponse(render(page, token=self.tokens.issue(session)), page.status)
        if name not in request.cookies:
            response.set_cookie(name, session, httponly=True, samesite="strict")
        return response


def build_error_page(sentence: str, status: int) -> ConsolePage:
    """Return a page with a sentence in place of a page that could not be made."""
    section = Section(name="problem", title="What happened", text=sentence)
    return ConsolePage(path="", content=ReportPage(title="No page", facts=[], figures=[], sections=[section]), status=status)


def _name_cookie(request: Request) -> str:
    # Cookies do not depend on the port, and another service may run on this machine.
    _, port = request.scope.get("server") or ("", 0)
    return f"sync_worker_{port}"
