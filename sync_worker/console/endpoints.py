"""How the console answers a request: pages, forms, and errors as sentences. One page at a time reads the state."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, Protocol
from urllib.parse import parse_qsl

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sync_worker.console.access import NOT_OWN_FORM, FormTokens
from sync_worker.console.page import ConsolePage, render
from sync_worker.errors import ConfigurationError, SyncWorkerError, TransientError
from sync_worker.reports.html.page import ReportPage, Section
from sync_worker.worker import Worker

MAX_FORM_BYTES: Final = 16_384
#: What the last action did, by the parameter `done` of the page that follows.
MESSAGES: Final = {"report": "The report is recorded.", "review": "The review is recorded."}

log = structlog.get_logger()

BuildPage = Callable[[Worker, Request], ConsolePage]


class CopyWorker(Protocol):
    """Returns a worker with its own connection to the state."""

    def __call__(self, *, read_only: bool) -> Worker:
        """Return the worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What a form does; `run` returns the page that follows."""

    run: Callable[[Worker, Mapping[str, str]], str]
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Answers requests in their own threads, so that a slow page delays no probe; one page at a time, so that it delays no run."""

    copy_worker: CopyWorker
    tokens: FormTokens = field(default_factory=FormTokens)
    _page_lock: Lock = field(default_factory=Lock)
    _action_lock: Lock = field(default_factory=Lock)

    def show(self, build: BuildPage) -> Callable[[Request], Response]:
        """Return the endpoint of a page."""

        def answer(request: Request) -> Response:
            return self._respond(request, self._build(build, request))

        return answer

    def act(self, action: Action) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint of a form."""

        async def answer(request: Request) -> Response:
            form = await _read_form(request)
            return await run_in_threadpool(self._execute, action, request, form)

        return answer

    def _build(self, build: BuildPage, request: Request) -> ConsolePage:
        try:
            with self._page_lock, self.copy_worker(read_only=True) as worker:
                return build(worker, request)
        except Exception as error:  # noqa: BLE001 -- each error is a sentence on the page
            return build_failure_page(error)

    def _execute(self, action: Action, request: Request, form: Mapping[str, str]) -> Response:
        if not self.tokens.verify(request.cookies.get(_name_cookie(request), ""), form.get("token", "")):
            return self._respond(request, build_error_page(NOT_OWN_FORM, 403))
        lock = self._page_lock if action.read_only else self._action_lock
        if not lock.acquire(blocking=action.read_only):
            return self._respond(request, build_error_page("Another action is active. Go back, and try again when it has ended.", 409))
        try:
            with self.copy_worker(read_only=action.read_only) as worker:
                return RedirectResponse(action.run(worker, form), 303)
        except Exception as error:  # noqa: BLE001 -- the same
            return self._respond(request, build_failure_page(error))
        finally:
            lock.release()

    def _respond(self, request: Request, page: ConsolePage) -> Response:
        name = _name_cookie(request)
        session = request.cookies.get(name) or secrets.token_urlsafe(16)
        message = MESSAGES.get(request.query_params.get("done", ""), "")
        response = HTMLResponse(render(page, token=self.tokens.issue(session), message=message), page.status)
        if name not in request.cookies:
            response.set_cookie(name, session, httponly=True, samesite="strict")
        return response


def build_failure_page(error: Exception) -> ConsolePage:
    """Return a page with an error as a sentence; the log gets an error that is not expected."""
    if isinstance(error, SyncWorkerError):
        status = 503 if isinstance(error, TransientError) else 404 if isinstance(error, ConfigurationError) else 500
        return build_error_page(str(error), status)
    log.error("console.page_failed", exc_info=error)
    return build_error_page(f"The page could not be made ({type(error).__name__}). The log has the details.", 500)


def build_error_page(sentence: str, status: int) -> ConsolePage:
    """Return a page with a sentence in place of a page that could not be made."""
    section = Section(name="problem", title="What happened", text=sentence)
    return ConsolePage(path="", content=ReportPage(title="No page", facts=[], figures=[], sections=[section]), status=status)


async def _read_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form; a form that is too large or incomplete has none, and so no token."""
    body = bytearray()
    with suppress(ClientDisconnect):
        async for part in request.stream():
            body += part
            if len(body) > MAX_FORM_BYTES:
                return {}
    return dict(parse_qsl(body.decode(errors="replace")))


def _name_cookie(request: Request) -> str:
    # Cookies do not depend on the port, and another service may run on this machine.
    _, port = request.scope.get("server") or ("", 0)
    return f"sync_worker_{port}"
