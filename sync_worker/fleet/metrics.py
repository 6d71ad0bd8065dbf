"""The metrics of a worker process of the fleet, in Prometheus's terms. Each name is part of the contract with docs/scaling.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Metric, ProcessCollector, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sync_worker.fleet.fleet_portal import FleetPortal, Lane, PortalCondition, RunKind
from sync_worker.fleet.fleet_status import FleetStatus


class FleetMetrics(Collector):
    """Runs are those of this process, the other figures those of the whole fleet: each process shows the same."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._runs = Counter("sync_worker_fleet_runs", "Runs of this process by kind and outcome", ["kind", "outcome"], registry=registry)
        self._seconds = Counter("sync_worker_fleet_run_seconds", "Seconds of the runs of this process", ["kind"], registry=registry)
        for kind in RunKind:
            self._runs.labels(kind, "done")
            self._seconds.labels(kind)
        self._status: FleetStatus | None = None
        self._is_reached = False
        registry.register(self)

    def add_run(self, kind: RunKind, outcome: str, seconds: float) -> None:
        """Count a run; callable from any thread."""
        self._runs.labels(kind, outcome).inc()
        self._seconds.labels(kind).inc(seconds)

    def set_status(self, status: FleetStatus) -> None:
        """Set the figures of the fleet."""
        self._status, self._is_reached = status, True

    def miss_status(self) -> None:
        """Record that the database did not respond; the other figures stay as they are."""
        self._is_reached = False

    def collect(self) -> Iterator[Metric]:
        """Yield the figures of the fleet at one moment, so that no scrape sees half of them."""
        yield GaugeMetricFamily("sync_worker_fleet_database_up", "Whether the database of the fleet responds", value=self._is_reached)
        if (status := self._status) is None:
            return
        yield GaugeMetricFamily("sync_worker_fleet_workers", "Worker processes that were seen lately", value=len(status.workers))
        yield GaugeMetricFamily("sync_worker_fleet_max_lag_seconds", "How far the last portal is behind HubSpot", value=status.max_lag)
        counts, waits = status.count(), status.find_oldest_waits()
        yield _build_gauge("portals", "Portals by condition", ["condition"], (([each], counts[each]) for each in PortalCondition))
        yield _build_gauge("runs_queued", "Runs that wait for a place", ["lane"], (([lane], status.queued[lane]) for lane in Lane))
        yield _build_gauge("oldest_wait_seconds", "How long a run has been due", ["lane"], (([lane], waits[lane]) for lane in Lane))
        yield from _collect_portals([portal for portal in status.portals if not portal.paused_at or portal.failures.number])


def _collect_portals(portals: list[FleetPortal]) -> Iterator[Metric]:
    failures = (([each.name, each.last.cause or "unknown"], each.failures.number) for each in portals if each.failures.number)
    yield _build_gauge("portal_failures", "Failed runs in a row, by the cause of the last one", ["portal", "cause"], failures)
    held_back = (([each.name], each.last.held_back) for each in portals if each.last.held_back)
    yield _build_gauge("portal_held_back", "Contacts that HubSpot rejected", ["portal"], held_back)
    done = (([each.name], each.last.done_at.timestamp()) for each in portals if each.last.done_at)
    yield _build_gauge("portal_last_done_timestamp_seconds", "End of the last good run", ["portal"], done)


def _build_gauge(name: str, text: str, labels: list[str], values: Iterable[tuple[Sequence[str], float]]) -> Metric:
    family = GaugeMetricFamily(f"sync_worker_fleet_{name}", text, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family
