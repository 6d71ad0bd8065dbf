"""The HTTP session under everything, and what must be true of its address and token before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from http.cookiejar import DefaultCookiePolicy
from typing import IO, TypeAlias

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from sync_worker.base_url import is_loopback
from sync_worker.errors import ConfigurationError


class Bearer(AuthBase):
    """Puts the token into each request, and shows it to nobody else."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request with its Authorization header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __repr__(self) -> str:
        return "Bearer(***)"


class NoAuth(AuthBase):
    """Puts nothing into a request, neither a token nor what a .netrc of the machine may hold for the host."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request as it is."""
        return request


Query: TypeAlias = Iterable[tuple[str, str]]
Body: TypeAlias = bytes | IO[bytes] | None


def open_session(token: str, base_url: str, *, pool_size: int) -> requests.Session:
    """Return a session of one pool, with no cookies and no retries of its own, and the token in every request."""
    session = requests.Session()
    session.auth = Bearer(validate_token(token))
    session.headers.update({"User-Agent": "sync-worker", "Accept": "application/json"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = not is_loopback(base_url)  # a proxy of the company's is for the world outside
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def open_anonymous_session(*, loopback: bool) -> requests.Session:
    """Return a session that says nothing of who asks, for addresses that are not HubSpot's API."""
    session = requests.Session()
    session.auth = NoAuth()
    session.headers.update({"User-Agent": "sync-worker", "Accept-Encoding": "identity"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = not loopback
    return session


def validate_token(token: str) -> str:
    """Return the token without blanks around it; refuse one that cannot be sent, without quoting it."""
    plain = token.strip()
    if not plain:
        hint = "Put the token of a private app or service key into HUBSPOT_ACCESS_TOKEN."
        raise ConfigurationError("There is no HubSpot token.", hint=hint)
    if not (plain.isascii() and plain.isprintable()) or " " in plain:
        hint = "Copy it again as a whole."
        raise ConfigurationError("The HubSpot token holds blanks, line breaks or letters that no token has.", hint=hint)
    return plain
