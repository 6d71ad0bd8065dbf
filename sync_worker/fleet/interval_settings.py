"""The intervals of a worker process of the fleet."""

from __future__ import annotations

from dataclasses import dataclass

from sync_worker.service.scheduler import STOP_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetIntervals:
    """Seconds. Only tests have others than these."""

    poll: float = 1.0  # a notification wakes a lane at once; this is for those that get lost
    restart: float = 5.0  # after the queue has failed, such as in an outage of the database
    look: float = 10.0  # between two looks at the table, for health and metrics
    heartbeat: float = 5.0
    dead_after: float = 30.0  # without a heartbeat, a process is dead
    stop: float = STOP_SECONDS  # how long a stop waits for the active runs
    repeat: int = 30  # after a run whose result could not be saved
