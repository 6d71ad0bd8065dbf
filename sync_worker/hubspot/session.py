"""The HTTP session under everything, and what must be true of its address and token before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import IO, Final, TypeAlias
from urllib.parse import quote_plus

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


class Nobody(AuthBase):
    """Puts nothing into a request, neither a token nor what a .netrc of the machine may hold for the host."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request as it is."""
        return request


Query: TypeAlias = Iterable[tuple[str, str]]
Body: TypeAlias = bytes | IO[bytes] | None


class Line:
    """The connections to HubSpot, and what is the same in each request: made once, not for each of ten thousand.

    `requests` would put headers, proxies, cookies and the address together anew each time, which costs as much as the sending.
    """

    def __init__(self, session: requests.Session, base_url: str) -> None:
        self._session = session
        self._base_url = base_url
        self._blank = session.prepare_request(requests.Request("GET", base_url))
        self.settings = session.merge_environment_settings(base_url, {}, True, None, None)

    def send(self, method: str, path: str, query: Query, body: Body, *, kind: str, timeout: tuple[float, float]) -> requests.Response:
        """Send one request, with a body of that content type; return the reply, whose body is still to be read.

        `timeout`: seconds to connect, and between two bytes.

        Raises:
            requests.RequestException: as `requests` does; there is no redirect and no retry.
        """
        request = self._blank.copy()
        request.method = method
        asked = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in query)
        request.url = f"{self._base_url}{path}?{asked}" if asked else f"{self._base_url}{path}"
        request.headers["Content-Type"] = kind
        request.prepare_body(body, None)
        return self._session.get_adapter(self._base_url).send(request, timeout=timeout, **self.settings)  # type: ignore[arg-type]  # the stubs know less of `verify`

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


_quoted: Final = lru_cache(maxsize=1024)(quote_plus)


def open_line(token: str, base_url: str, *, pool_size: int) -> Line:
    """Return a line of one pool, with no cookies and no retries of its own, and the token in every request."""
    session = requests.Session()
    session.auth = Bearer(checked_token(token))
    session.headers.update({"User-Agent": "sync-worker", "Accept": "application/json"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = not is_loopback(base_url)  # a proxy of the company's is for the world outside
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return Line(session, base_url)


def open_bare_session(*, loopback: bool) -> requests.Session:
    """Return a session that says nothing of who asks, for addresses that are not HubSpot's API."""
    session = requests.Session()
    session.auth = Nobody()
    session.headers.update({"User-Agent": "sync-worker", "Accept-Encoding": "identity"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = not loopback
    return session


def checked_token(token: str) -> str:
    """Return the token without blanks around it; refuse one that cannot be sent, without quoting it."""
    plain = token.strip()
    if not plain:
        hint = "Put the token of a private app or service key into HUBSPOT_ACCESS_TOKEN."
        raise ConfigurationError("There is no HubSpot token.", hint=hint)
    if not (plain.isascii() and plain.isprintable()) or " " in plain:
        hint = "Copy it again as a whole."
        raise ConfigurationError("The HubSpot token holds blanks, line breaks or letters that no token has.", hint=hint)
    return plain
