"""Rejects requests that a web page of another site sends to the sandbox through the user's browser."""

from __future__ import annotations

from collections.abc import Collection
from email.utils import formatdate
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sync_worker.sandbox.base.responses import ApiError

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class HostGuard:
    """Middleware for every route: a foreign Host gets a 421, a write with a foreign Origin a 403.

    Without it, a page could reach the sandbox under a name of its own (DNS rebinding), or post to /sandbox, which needs no token.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = LOOPBACK_NAMES | set(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or reject it; every response has a Date."""

        async def send_with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Date", formatdate(usegmt=True))
            await send(message)

        rejection = self._find_problem(scope["method"], Headers(scope=scope)) if scope["type"] == "http" else None
        if rejection is None:
            await self._app(scope, receive, send_with_date)
        else:
            await rejection.to_response("sandbox")(scope, receive, send_with_date)

    def _find_problem(self, method: str, headers: Headers) -> ApiError | None:
        host = headers.get("host", "")
        if _split_host(host) not in self._hosts:
            return ApiError(421, f"This server is not {host or 'a host without a name'}.")
        origin = headers.get("origin")
        if method not in _READING_METHODS and origin is not None and origin.partition("://")[2] != host:
            return ApiError(403, f"Requests from {origin} are not allowed.")
        return None


def _split_host(host: str) -> str | None:
    """Return the name in a Host header, without the port; None for an invalid header."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
