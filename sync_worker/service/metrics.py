"""The metrics of the service, in Prometheus's terms.

A scrape reads memory only: counters of finished runs, the figures of the state as of the end of the last cycle, and the counters of the
HubSpot client. Each name is part of the contract with deploy/prometheus.
"""

from __future__ import annotations

from collections import Counter as CountByLabels
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from sync_worker import __version__, log
from sync_worker.hubspot.client import HubSpot
from sync_worker.reports.state_figures import StateFigures
from sync_worker.service.cycle_schedule import CycleInterval
from sync_worker.service.failure_cause import CAUSES
from sync_worker.sync.run_report import RunReport

FRESHNESS_BUCKETS: Final = (15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400)
MAX_REASON: Final = 80  # characters of a reason in a label
COMMANDS: Final = ("sync", "re-evaluation", "rescan")
OUTCOMES: Final = ("done", "rejected", "interrupted", *CAUSES)


class ServiceMetrics:
    """The metrics of one service. Only the thread of the cycles sets them; any thread may read them."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._clock = clock
        self._runs = Counter("sync_worker_runs", "Runs by job and outcome", ["job", "outcome"], registry=registry)
        self._step_seconds = Counter("sync_worker_step_seconds", "Seconds of all runs by step", ["step"], registry=registry)
        self._read = Counter("sync_worker_records_read", "Records read by kind", ["kind"], registry=registry)
        self._evaluated = Counter("sync_worker_contacts_evaluated", "Contacts evaluated", registry=registry)
        self._written = Counter("sync_worker_contacts_written", "Contacts written to HubSpot", registry=registry)
        self._new_mqls = Counter("sync_worker_new_mqls", "Contacts added to the list of MQLs", registry=registry)
        self._freshness = Histogram(
            "sync_worker_freshness_seconds", "From a form to the MQL in HubSpot", buckets=FRESHNESS_BUCKETS, registry=registry
        )
        self._failing = Gauge("sync_worker_failing", "1 if the last cycle failed with this cause", ["cause"], registry=registry)
        self._failures = Gauge("sync_worker_failures_in_a_row", "Cycles that failed since the last good one", registry=registry)
        self._interval = Gauge("sync_worker_cycle_interval_seconds", "Time between two cycles, and why", ["reason"], registry=registry)
        self._paused = Gauge("sync_worker_paused", "1 while `service pause` is in effect", registry=registry)
        self._reload = Gauge("sync_worker_last_reload_successful", "0 if the last reload was refused", registry=registry)
        self._contacts = Gauge("sync_worker_contacts", "Contacts in the state", registry=registry)
        self._mqls = Gauge("sync_worker_mqls", "Contacts that are MQLs", registry=registry)
        self._approved = Gauge("sync_worker_model_approved", "1 if the model may change lists and stages", registry=registry)
        self._overdue = Gauge("sync_worker_review_overdue_days", "Days since the review of the model was due", registry=registry)
        self._hand_offs = Gauge("sync_worker_hand_offs_waiting", "Messages to sales that are not sent yet", registry=registry)
        self._left_out = Gauge("sync_worker_left_out", "Forms, webinars and lists that could not be read", registry=registry)
        self._last_done = Gauge("sync_worker_last_done_timestamp_seconds", "End of the last good cycle", registry=registry)
        self.figures: StateFigures | None = None  # of the last `set_figures`
        registry.register(_LabeledFigures(lambda: self.figures))
        self._reload.set(1)
        self._set_zeros()

    def watch(self, find_hubspot: Callable[[], HubSpot]) -> None:
        """Publish the counters and budgets of a HubSpot client, and how far each stream is behind."""
        self.registry.register(_LiveFigures(find_hubspot, self._load_lags))

    def add_report(self, report: RunReport) -> None:
        """Add the counts of a run, whether it was done or not."""
        for step, duration in report.steps.seconds.items():
            self._step_seconds.labels(step).inc(duration)
        for kind, number in report.pulled.items():
            self._read.labels(kind).inc(number)
        if not report.dry_run:
            self._evaluated.inc(report.evaluated)
            self._written.inc(report.written)
            self._new_mqls.inc(len(report.new_mqls))
        for seconds in report.freshness:
            self._freshness.observe(seconds)

    def add_outcome(self, job: str, outcome: str) -> None:
        """Count an attempt of a job. `outcome` is one of `OUTCOMES`."""
        self._runs.labels(job, outcome).inc()

    def set_failure(self, cause: str | None, failures: int) -> None:
        """Set why the last cycle failed, and how many have failed in a row; None: it was done."""
        for each in CAUSES:
            self._failing.labels(each).set(each == cause)
        self._failures.set(failures)

    def set_interval(self, interval: CycleInterval) -> None:
        """Set the time between two cycles."""
        self._interval.clear()
        self._interval.labels(interval.reason).set(interval.length.total_seconds())

    def set_paused(self, *, paused: bool) -> None:
        """Set whether an operator has paused the service."""
        self._paused.set(paused)

    def set_reload(self, *, successful: bool) -> None:
        """Set whether the last reload was taken over."""
        self._reload.set(successful)

    def set_figures(self, figures: StateFigures) -> None:
        """Set the figures of the state."""
        self.figures = figures
        self._contacts.set(figures.contacts)
        self._mqls.set(figures.mqls)
        self._approved.set(figures.approved)
        self._overdue.set(figures.review_overdue_days)
        self._hand_offs.set(figures.hand_offs_waiting)
        self._left_out.set(figures.left_out)
        self._last_done.set(figures.last_done.timestamp() if figures.last_done else 0)

    def _load_lags(self) -> dict[str, float]:
        cursors = self.figures.cursors if self.figures else {}
        now = self._clock()
        return {stream: max(0.0, (now - at).total_seconds()) for stream, at in cursors.items()}

    def _set_zeros(self) -> None:
        # A series that starts with its first event has no rate for that event.
        self.set_failure(None, 0)
        for job in COMMANDS:
            for outcome in OUTCOMES:
                self._runs.labels(job, outcome)
        for step in ("read", "evaluate", "write"):
            self._step_seconds.labels(step)


class _LabeledFigures(Collector):
    """Figures of the state whose labels change. They are built at the scrape from the last figures, so that none is ever missing."""

    def __init__(self, load_figures: Callable[[], StateFigures | None]) -> None:
        self._load_figures = load_figures

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return nothing, so that the registration does not collect."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return version, portal and model, and what HubSpot has rejected, by part and reason."""
        figures = self._load_figures()
        info = GaugeMetricFamily("sync_worker_info", "Version, portal and model", labels=["version", "portal", "model", "model_name"])
        held_back = GaugeMetricFamily("sync_worker_contacts_held_back", "Contacts that HubSpot has rejected", labels=["part", "reason"])
        if figures:
            info.add_metric([__version__, str(figures.portal_id or ""), figures.model_hash, figures.model_name], 1)
            contacts: CountByLabels[tuple[str, str]] = CountByLabels()
            for group in figures.held_back.groups:
                contacts[group.part, log.redact_text(group.reason)[:MAX_REASON]] += group.contacts
            for labels, number in contacts.items():
                held_back.add_metric(labels, number)
        yield info
        yield held_back


class _LiveFigures(Collector):
    """Figures that are computed at the scrape."""

    def __init__(self, find_hubspot: Callable[[], HubSpot], load_lags: Callable[[], dict[str, float]]) -> None:
        self._find_hubspot = find_hubspot
        self._load_lags = load_lags

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return nothing, so that the registration does not collect."""
        return iter(())

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Return the counters and budgets of the client, and the lag of each stream."""
        hubspot = self._find_hubspot()
        counts = hubspot.metrics.snapshot()
        requests = CounterMetricFamily("sync_worker_requests", "Requests by endpoint and status", labels=["endpoint", "status"])
        for (endpoint, status), number in counts.replies.items():
            requests.add_metric([endpoint, status], number)
        yield requests
        yield CounterMetricFamily("sync_worker_retries", "Requests that were repeated", value=counts.retries)
        yield CounterMetricFamily("sync_worker_rate_limited", "Replies with 429", value=counts.rate_limited)
        left = GaugeMetricFamily("sync_worker_budget_left", "Calls left now, by budget", labels=["budget"])
        limit = GaugeMetricFamily("sync_worker_budget_limit", "Calls that the budget allows", labels=["budget"])
        for budget, level in hubspot.budgets.levels().items():
            left.add_metric([budget], level.left)
            limit.add_metric([budget], level.limit)
        yield left
        yield limit
        lag = GaugeMetricFamily("sync_worker_stream_lag_seconds", "How far the state is behind HubSpot", labels=["stream"])
        for stream, seconds in self._load_lags().items():
            lag.add_metric([stream], seconds)
        yield lag
