"""The dead man's switch: a URL that gets a signal at the start and the end of each cycle, and alarms when the signals stop.

The form is that of healthchecks.io and similar monitors: URL/start, URL, URL/fail, each a POST with a short text.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.client import HTTPException
from queue import Full, Queue
from typing import Final
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import structlog

from sync_worker import log as log_format

SIGNAL_SECONDS: Final = 10.0
MAX_WAITING: Final = 10  # signals; a monitor that does not answer must not fill the memory
USER_AGENT: Final = "sync_worker"

log = structlog.get_logger()


def post(url: str, text: str) -> None:
    """Send a signal; raises OSError, HTTPException or ValueError."""
    with urlopen(Request(url, text.encode(), {"User-Agent": USER_AGENT}), timeout=SIGNAL_SECONDS):  # noqa: S310 -- http or https, checked by the settings
        pass


class DeadManSwitch:
    """Sends the signals in a thread of its own, in order, so that no cycle waits for the monitor. Without a URL, it does nothing."""

    def __init__(self, url: str | None, *, send: Callable[[str, str], None] = post) -> None:
        self._url = url
        self._send = send
        self._signals: Queue[tuple[str, str]] = Queue(MAX_WAITING)
        self._failed = False
        if url:
            threading.Thread(target=self._send_all, name="dead-man", daemon=True).start()

    def report_start(self) -> None:
        """Signal that a cycle has started."""
        self._put("/start", "")

    def report_success(self, summary: str) -> None:
        """Signal that a cycle was done."""
        self._put("", summary)

    def report_failure(self, reason: str) -> None:
        """Signal that a cycle failed. Email addresses and tokens are masked."""
        self._put("/fail", log_format.redact_text(reason))

    def wait(self) -> None:
        """Wait until all signals are sent."""
        self._signals.join()

    def _put(self, suffix: str, text: str) -> None:
        if not self._url:
            return
        parts = urlsplit(self._url)
        try:
            self._signals.put_nowait((parts._replace(path=parts.path.rstrip("/") + suffix).geturl(), text))
        except Full:
            log.warning("dead_man.signal_dropped", reason="the monitor does not answer")

    def _send_all(self) -> None:
        while True:
            url, text = self._signals.get()
            try:
                self._send(url, text)
            except (OSError, HTTPException, ValueError) as error:  # an invalid reply or URL, too; the next signal may arrive
                if not self._failed:  # once, not in each cycle; the URL is a secret
                    log.warning("dead_man.not_reached", reason=type(error).__name__)
                self._failed = True
            else:
                self._failed = False
            finally:
                self._signals.task_done()
