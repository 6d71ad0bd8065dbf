"""HTTP connections whose replies have a deadline, from the first byte of the head to the last one of the body.

The read timeout of a session is the time between two bytes: a server that sends one byte a minute would never exceed it.
"""

from __future__ import annotations

import io
import socket
import time
from functools import partial
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose replies must be complete within `seconds`."""

    def __init__(self, *, seconds: float, pool_size: int) -> None:
        self._pool_classes = _build_pool_classes(seconds)
        super().__init__(pool_connections=1, pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 -- the signature of requests
        """Create the pools of direct connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, *args: Any, **options: Any) -> PoolManager:  # noqa: ANN401 -- the signature of requests
        """Return the pools of connections through a proxy."""
        manager: PoolManager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = self._pool_classes
        return manager


class DeadlineResponse(HTTPResponse):
    """A reply that must be complete `seconds` after the request was sent."""

    def __init__(self, sock: socket.socket, *args: Any, seconds: float, **options: Any) -> None:  # noqa: ANN401 -- the signature of http.client
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_DeadlineStream(sock, self.fp.detach(), time.monotonic() + seconds))


class _DeadlineStream(io.RawIOBase):
    """The bytes of a socket until the deadline, in monotonic seconds."""

    def __init__(self, sock: socket.socket, stream: io.RawIOBase, deadline: float) -> None:
        self._socket = sock
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 -- any writable buffer
        """Read bytes. Raises TimeoutError after the deadline, or after the timeout of the socket."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        pause = self._socket.gettimeout()
        self._socket.settimeout(left if pause is None else min(pause, left))
        try:
            count: int | None = self._stream.readinto(buffer)
            return count
        finally:
            self._socket.settimeout(pause)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _build_pool_classes(seconds: float) -> dict[str, type]:
    response = staticmethod(partial(DeadlineResponse, seconds=seconds))
    plain = type("DeadlineHTTPConnection", (HTTPConnection,), {"response_class": response})
    secure = type("DeadlineHTTPSConnection", (HTTPSConnection,), {"response_class": response})
    return {
        "http": type("DeadlineHTTPConnectionPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("DeadlineHTTPSConnectionPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
