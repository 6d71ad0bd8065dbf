"""Files that HubSpot has made ready at an address of their own, perhaps another host's: the token never goes there."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Final
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from sync_worker.base_url import is_loopback
from sync_worker.errors import Unavailable
from sync_worker.hubspot.rest.metrics import RequestMetrics
from sync_worker.hubspot.rest.session import open_anonymous_session

METRICS_ENDPOINT: Final = "GET (file of an export)"
OPERATION: Final = "fetch the file of an export"
CHUNK_BYTES: Final = 1 << 20  # bytes
TIMEOUT_SECONDS: Final = (5.0, 60.0)  # seconds: to connect, between two bytes
MAX_REDIRECTS: Final = 3
EXPIRED_STATUSES: Final = frozenset({401, 403, 404, 410})  # what a signed address answers when its time is over


class DownloadUrlExpired(Unavailable):
    """The address of the file works no more."""


class FileDownloader:
    """Fetches files into files."""

    def __init__(self, metrics: RequestMetrics) -> None:
        self._metrics = metrics

    def download(self, url: str, target: IO[bytes], *, heartbeat: Callable[[], None]) -> None:
        """Put the whole file behind an address into another; `beat` is called with every piece.

        Raises:
            Expired: the address works no more; HubSpot gives another.
            Unavailable: no answer, half a file, or an address that is not https (loopback may be http).
        """
        try:
            for _ in range(MAX_REDIRECTS + 1):
                following = self._download_once(url, target, heartbeat)
                if following is None:
                    return
                url = urljoin(url, following)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            # The chain is cut: the address itself is a key to the file.
            raise Unavailable("The file of the export did not arrive whole.", operation=OPERATION) from None
        raise Unavailable("The address of the export's file leads round in a circle.", operation=OPERATION)

    def _download_once(self, url: str, target: IO[bytes], heartbeat: Callable[[], None]) -> str | None:
        """Fetch the file; return the address that it has moved to, None when it is here."""
        _check_url(url)
        self._metrics.count_request(METRICS_ENDPOINT)
        with (
            open_anonymous_session(loopback=is_loopback(url)) as session,
            session.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True) as reply,
        ):
            if reply.is_redirect:
                return reply.headers["Location"]
            if reply.status_code in EXPIRED_STATUSES:
                raise DownloadUrlExpired(operation=OPERATION)
            if reply.status_code != 200:
                raise Unavailable(f"The host of the export's file answered {reply.status_code}.", operation=OPERATION)
            target.seek(0)
            target.truncate()
            for piece in reply.iter_content(CHUNK_BYTES):
                target.write(piece)
                heartbeat()
        return None


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))):
        return
    raise Unavailable("HubSpot names an address for the export's file that is not https.", operation=OPERATION)
