"""The HTTP session under everything, and what must be true of its address and token before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import IO, Any, TypeAlias
from urllib.parse import quote_plus, urlsplit

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


class SingleHostAdapter(HTTPAdapter):
    """The connections to one host, by one way.

    `requests` looks for the pool, takes the address to pieces and keeps a jar of cookies for each request anew, which costs as much as
    the sending; here all of that is the same each time. It documents these methods as those to be overridden.
    """

    def __init__(self, base_url: str, *, pool_size: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
        parts = urlsplit(base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._pool: Any = None

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- as `requests` has it
        """Return the pool, found once."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def request_url(self, request: requests.PreparedRequest, _proxies: object) -> str:
        """Return path and query: only what is not encrypted is asked of a proxy by its whole address, and that goes to this machine."""
        return (request.url or "").removeprefix(self._origin)

    def build_response(self, request: requests.PreparedRequest, reply: Any) -> requests.Response:  # noqa: ANN401 -- see above
        """Return the reply with status, headers and the body still to be read."""
        response = requests.Response()
        response.status_code, response.headers, response.raw = reply.status, reply.headers, reply
        response.request, response.url = request, request.url or ""
        return response


class HttpClient:
    """The connections to HubSpot, and what is the same in each request: made once, not for each of ten thousand.

    `requests` would put headers, proxies and cookies together anew each time.
    """

    def __init__(self, session: requests.Session, base_url: str) -> None:
        self._session = session
        self._base_url = base_url
        self._request_template = session.prepare_request(requests.Request("GET", base_url))
        self.environment_settings = session.merge_environment_settings(base_url, {}, True, None, None)

    def send(
        self, method: str, path: str, query: Query, body: Body, *, content_type: str, timeout: tuple[float, float]
    ) -> requests.Response:
        """Send one request, with a body of that content type; return the reply, whose body is still to be read.

        `timeout`: seconds to connect, and between two bytes.

        Raises:
            requests.RequestException: as `requests` does; there is no redirect and no retry.
        """
        request = self._request_template.copy()
        request.method = method
        asked = "&".join(f"{_quote(name)}={_quote(value)}" for name, value in query)
        request.url = f"{self._base_url}{path}?{asked}" if asked else f"{self._base_url}{path}"
        request.headers["Content-Type"] = content_type
        request.prepare_body(body, None)
        return self._session.get_adapter(self._base_url).send(request, timeout=timeout, **self.environment_settings)  # type: ignore[arg-type]  # the stubs know less of `verify`

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


@lru_cache(maxsize=1024)
def _quote(text: str) -> str:
    return quote_plus(text, safe=",")  # as HubSpot writes its own lists of names: a third of the letters, and each is looked at


def open_http_client(token: str, base_url: str, *, pool_size: int) -> HttpClient:
    """Return a line of one pool, with no cookies and no retries of its own, and the token in every request."""
    session = requests.Session()
    session.auth = Bearer(validate_token(token))
    session.headers.update({"User-Agent": "sync-worker", "Accept": "application/json"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = not is_loopback(base_url)  # a proxy of the company's is for the world outside
    adapter = SingleHostAdapter(base_url, pool_size=pool_size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return HttpClient(session, base_url)


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
