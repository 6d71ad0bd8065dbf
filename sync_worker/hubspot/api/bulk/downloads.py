"""Download of export files from signed URLs, possibly on another host. The token is never sent there."""

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
OPERATION: Final = "download an export file"
CHUNK_BYTES: Final = 1 << 20
TIMEOUT_SECONDS: Final = (5.0, 60.0)  # to connect, between two bytes
MAX_REDIRECTS: Final = 3
EXPIRED_STATUSES: Final = frozenset({401, 403, 404, 410})  # replies of an expired signed URL


class DownloadUrlExpired(Unavailable):
    """The URL of the export file has expired."""


class FileDownloader:
    """Downloads files."""

    def __init__(self, metrics: RequestMetrics) -> None:
        self._metrics = metrics

    def download(self, url: str, target: IO[bytes], *, heartbeat: Callable[[], None]) -> None:
        """Download a URL into `target`. Calls `heartbeat` after every chunk.

        Raises:
            DownloadUrlExpired: the URL has expired; HubSpot can return a new one.
            Unavailable: no reply, an incomplete file, or a URL that is not https (loopback may be http).
        """
        try:
            for _ in range(MAX_REDIRECTS + 1):
                following = self._download_once(url, target, heartbeat)
                if following is None:
                    return
                url = urljoin(url, following)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            # `from None`: the signed URL grants access to the file and must not be in a traceback.
            raise Unavailable("The download of the export file is incomplete.", operation=OPERATION) from None
        raise Unavailable("The URL of the export file redirects too often.", operation=OPERATION)

    def _download_once(self, url: str, target: IO[bytes], heartbeat: Callable[[], None]) -> str | None:
        """Download the file; return the target of a redirect, or None when the file is complete."""
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
                raise Unavailable(f"The host of the export file answered {reply.status_code}.", operation=OPERATION)
            target.seek(0)
            target.truncate()
            for chunk in reply.iter_content(CHUNK_BYTES):
                target.write(chunk)
                heartbeat()
        return None


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))):
        return
    raise Unavailable("HubSpot returned a URL for the export file that is not https.", operation=OPERATION)
