"""Files that HubSpot has made ready at an address of their own, perhaps another host's: the token never goes there."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Final
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from sync_worker.base_url import is_loopback
from sync_worker.errors import Unavailable
from sync_worker.hubspot.rest.metrics import Traffic
from sync_worker.hubspot.rest.session import open_bare_session

ENDPOINT: Final = "GET (file of an export)"
OPERATION: Final = "fetch the file of an export"
PIECE: Final = 1 << 20  # bytes
TIMEOUT: Final = (5.0, 60.0)  # seconds: to connect, between two bytes
MOST_REDIRECTS: Final = 3
OVER: Final = frozenset({401, 403, 404, 410})  # what a signed address answers when its time is over


class Expired(Unavailable):
    """The address of the file works no more."""


class Downloads:
    """Fetches files into files."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def fetch(self, address: str, into: IO[bytes], *, beat: Callable[[], None]) -> None:
        """Put the whole file behind an address into another; `beat` is called with every piece.

        Raises:
            Expired: the address works no more; HubSpot gives another.
            Unavailable: no answer, half a file, or an address that is not https (loopback may be http).
        """
        try:
            for _ in range(MOST_REDIRECTS + 1):
                following = self._fetched(address, into, beat)
                if following is None:
                    return
                address = urljoin(address, following)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            # The chain is cut: the address itself is a key to the file.
            raise Unavailable("The file of the export did not arrive whole.", operation=OPERATION) from None
        raise Unavailable("The address of the export's file leads round in a circle.", operation=OPERATION)

    def _fetched(self, address: str, into: IO[bytes], beat: Callable[[], None]) -> str | None:
        """Fetch the file; return the address that it has moved to, None when it is here."""
        _check(address)
        self._traffic.sent(ENDPOINT)
        with (
            open_bare_session(loopback=is_loopback(address)) as session,
            session.get(address, timeout=TIMEOUT, allow_redirects=False, stream=True) as reply,
        ):
            if reply.is_redirect:
                return reply.headers["Location"]
            if reply.status_code in OVER:
                raise Expired(operation=OPERATION)
            if reply.status_code != 200:
                raise Unavailable(f"The host of the export's file answered {reply.status_code}.", operation=OPERATION)
            into.seek(0)
            into.truncate()
            for piece in reply.iter_content(PIECE):
                into.write(piece)
                beat()
        return None


def _check(address: str) -> None:
    parts = urlsplit(address)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(address))):
        return
    raise Unavailable("HubSpot names an address for the export's file that is not https.", operation=OPERATION)
