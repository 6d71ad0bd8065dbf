"""The metrics of a worker process of the fleet, in Prometheus's terms. Each name is part of the contract with docs/scaling.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, disable_created_metrics

from sync_worker.fleet.fleet_portal import Lane, PortalCondition, RunKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFigures:
    """Figures of the whole fleet at one moment."""

    portals: Mapping[PortalCondition, int]
    queued: Mapping[Lane, int]  # runs that wait for a place
    max_lag_seconds: float  # of the portals that are not paused


class FleetMetrics:
    """Runs are those of this process, the other figures those of the whole fleet."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._portals = Gauge("sync_worker_fleet_portals", "Portals by condition", ["condition"], registry=registry)
        self._queued = Gauge("sync_worker_fleet_runs_queued", "Runs that wait for a place", ["lane"], registry=registry)
        self._lag = Gauge("sync_worker_fleet_max_lag_seconds", "How far the last portal is behind HubSpot", registry=registry)
        self._runs = Counter("sync_worker_fleet_runs", "Runs of this process by kind and outcome", ["kind", "outcome"], registry=registry)
        self._seconds = Counter("sync_worker_fleet_run_seconds", "Seconds of the runs of this process", ["kind"], registry=registry)
        for kind in RunKind:
            self._runs.labels(kind, "done")
            self._seconds.labels(kind)

    def add_run(self, kind: RunKind, outcome: str, seconds: float) -> None:
        """Count a run; callable from any thread."""
        self._runs.labels(kind, outcome).inc()
        self._seconds.labels(kind).inc(seconds)

    def set_figures(self, figures: FleetFigures) -> None:
        """Set the figures of the fleet."""
        for condition in PortalCondition:
            self._portals.labels(condition).set(figures.portals.get(condition, 0))
        for lane in Lane:
            self._queued.labels(lane).set(figures.queued.get(lane, 0))
        self._lag.set(figures.max_lag_seconds)
