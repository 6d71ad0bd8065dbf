"""A worker process of the fleet with short intervals: `python -m tests.fleet.quick_process`; the environment has the settings."""

from __future__ import annotations

from sync_worker import log
from sync_worker.fleet.interval_settings import FleetIntervals
from sync_worker.fleet.service import FleetService
from sync_worker.settings import load_settings

INTERVALS = FleetIntervals(poll=0.1, restart=0.2, look=0.1, heartbeat=0.5, dead_after=3.0, stop=0.5)

if __name__ == "__main__":
    settings = load_settings()
    log.configure(level=settings.log_level_number, log_format=settings.log_format)
    log.capture_libraries()
    FleetService(settings=settings, short_runs=2, long_runs=2, intervals=INTERVALS).serve()
