"""HTTP sessions: connection pool, authentication, proxy and cookie settings; validation of the token."""

from __future__ import annotations

from collections.abc import Iterable
from http.cookiejar import DefaultCookiePolicy
from typing import IO, TypeAlias

import requests
from requests.auth import AuthBase

from sync_worker.base_url import is_loopback
from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.rest.deadline import DeadlineAdapter


class Bearer(AuthBase):
    """Adds the token to each request. Its `repr` does not show the token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the Authorization header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __repr__(self) -> str:
        return "Bearer(***)"


class NoAuth(AuthBase):
    """Adds no authentication. Without it, requests would use the machine's .netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request unchanged."""
        return request


class DirectSession(requests.Session):
    """A session that treats a redirect like any other reply: its body is read by the caller, who limits its size."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None. Otherwise, requests would read the whole body, even if it may not follow the redirect."""


Query: TypeAlias = Iterable[tuple[str, str]]
Body: TypeAlias = bytes | IO[bytes] | None


def open_session(token: str, base_url: str, *, pool_size: int, reply_seconds: float) -> requests.Session:
    """Return a session for HubSpot's API: one connection pool, the token in every request, no cookies, no retries.

    A reply must be complete within `reply_seconds`.
    """
    session = DirectSession()
    session.auth = Bearer(validate_token(token))
    session.headers.update({"User-Agent": "sync-worker", "Accept": "application/json"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = not is_loopback(base_url)  # no proxy for loopback
    adapter = DeadlineAdapter(seconds=reply_seconds, pool_size=pool_size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def open_anonymous_session(*, loopback: bool) -> requests.Session:
    """Return a session without authentication, for addresses outside of HubSpot's API."""
    session = requests.Session()
    session.auth = NoAuth()
    session.headers.update({"User-Agent": "sync-worker", "Accept-Encoding": "identity"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = not loopback
    return session


def validate_token(token: str) -> str:
    """Return the token without surrounding whitespace.

    Raises:
        ConfigurationError: the token is empty or cannot be sent in a header. The message does not quote it.
    """
    plain = token.strip()
    if not plain:
        hint = "Set HUBSPOT_ACCESS_TOKEN to the token of a private app or service key."
        raise ConfigurationError("The HubSpot token is empty.", hint=hint)
    if not (plain.isascii() and plain.isprintable()) or " " in plain:
        hint = "Copy the whole token again."
        raise ConfigurationError("The HubSpot token contains spaces, line breaks or characters that no token has.", hint=hint)
    return plain
