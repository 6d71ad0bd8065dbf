"""The connections of the job queue to PostgreSQL, which may restart or be away."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, Final, LiteralString

from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException
from psycopg import OperationalError

CONNECT_SECONDS: Final = 10.0  # how long a statement waits for a connection
RECONNECT_SECONDS: Final = 5.0  # the pool waits longer after each failed attempt; a new series of attempts begins after this time
SAVE_SECONDS: Final = 20.0  # less than the time after which a process without a heartbeat is dead
SAVE_AGAIN_SECONDS: Final = 0.5


class QueueConnector(PsycopgConnector):
    """Repeats a statement without a result whose connection has ended.

    One of them saves that a job has ended. If it was lost, the job would be active in the table for as long as its process lives, because
    a heartbeat says nothing about a single job.
    """

    def __init__(self, *, conninfo: str, connections: int) -> None:
        super().__init__(conninfo=conninfo, min_size=1, max_size=connections, timeout=CONNECT_SECONDS, reconnect_timeout=RECONNECT_SECONDS)

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:  # noqa: ANN401 -- the interface
        """Execute a statement, again if its connection ends; raises ConnectorException if PostgreSQL is away for longer."""
        deadline = monotonic() + SAVE_SECONDS
        while True:
            try:
                await super().execute_query_async(query, **arguments)
            except ConnectorException as error:
                if not isinstance(error.__cause__, OperationalError) or monotonic() > deadline:
                    raise
            else:
                return
            await asyncio.sleep(SAVE_AGAIN_SECONDS)
