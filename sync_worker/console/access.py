"""Who may use the console: requests of this machine, or for a host name of the settings. Forms are accepted from its own pages only."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
#: A proxy adds them: the client may be on another machine, although the connection comes from this one.
PROXY_HEADERS: Final = ("forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-server")
PROXY_VERSION: Final = "1.0"  # of HTTP: the default of nginx toward its upstream; no browser sends it
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with `no-referrer`, browsers would send no Origin with a form
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
NOT_LOCAL: Final = (
    "The console answers only to requests of the machine of the service, under the address 127.0.0.1 or localhost. "
    "To open it under another name, set ui_hosts (SYNC_WORKER_UI_HOSTS); docs/operations.md has the details."
)
NOT_OWN_FORM: Final = "The form was not sent by a page of this console. Open the page again and repeat the action."


@dataclass(frozen=True, slots=True)
class AccessGuard:
    """An ASGI application in front of another one. It refuses requests from elsewhere, and adds the headers for security.

    The check of `Host` stops a foreign page whose name resolves to this machine (DNS rebinding); the check of `Origin` stops its forms.
    """

    app: ASGIApp
    hosts: Collection[str]  # names of the settings, in lower case

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        reason = self._find_refusal(Request(scope))
        app = self.app if reason is None else PlainTextResponse(f"{reason}\n", 403)
        await app(scope, receive, partial(_send_with_headers, send))

    def _find_refusal(self, request: Request) -> str | None:
        if not self._is_permitted(request):
            return NOT_LOCAL
        return None if request.method in SAFE_METHODS or _has_own_origin(request.headers) else NOT_OWN_FORM

    def _is_permitted(self, request: Request) -> bool:
        host = _find_name(f"//{request.headers.get('host', '')}")
        if host in self.hosts:
            return True
        is_direct = request.client is not None and _is_loopback(request.client.host)
        return is_direct and host in LOCAL_HOSTS and not _comes_from_proxy(request)


@dataclass(frozen=True, slots=True)
class FormTokens:
    """Tokens that connect a form with the cookie of the browser that got it. The key ends with the process."""

    key: bytes = field(default_factory=partial(secrets.token_bytes, 32), repr=False)

    def issue(self, session: str) -> str:
        """Return the token of a session."""
        return hmac.new(self.key, session.encode(), sha256).hexdigest()

    def verify(self, session: str, token: str) -> bool:
        """Return whether a token belongs to a session."""
        return bool(session) and hmac.compare_digest(self.issue(session).encode(), token.encode())


def split_hosts(names: Iterable[str]) -> frozenset[str]:
    """Return host names in lower case."""
    return frozenset(name.strip().lower() for name in names if name.strip())


def _comes_from_proxy(request: Request) -> bool:
    return request.scope.get("http_version") == PROXY_VERSION or any(name in request.headers for name in PROXY_HEADERS)


def _has_own_origin(headers: Headers) -> bool:
    try:
        origin = urlsplit(headers.get("origin", ""))
    except ValueError:
        return False
    return bool(origin.netloc) and origin.netloc.lower() == headers.get("host", "").lower()


def _find_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    # A socket for IPv6 shows a client with IPv4 as ::ffff:127.0.0.1.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


async def _send_with_headers(send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        MutableHeaders(scope=message).update(SECURITY_HEADERS)
    await send(message)
