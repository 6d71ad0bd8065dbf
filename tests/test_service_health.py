"""Health, metrics and signals of the service: what probes, Prometheus and a dead man's switch see."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import timedelta
from http.client import BadStatusLine, InvalidURL
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from sync_worker.errors import ConfigurationError, PortalBusy, RateLimited, StateBusy, Unauthorized, Unavailable
from sync_worker.hubspot.client import connect
from sync_worker.reports.state_figures import FreshnessSummary
from sync_worker.service.dead_man import DeadManSwitch
from sync_worker.service.failure_cause import CAUSES, find_cause
from sync_worker.service.health import Health
from sync_worker.service.http_server import Reply, build_pages, serve_http
from sync_worker.service.metrics import ServiceMetrics
from sync_worker.store.writes.held_back import HeldBack, HeldBackGroup
from sync_worker.sync.run_report import RunReport
from tests.service_factories import NOW, make_figures


def make_health() -> Health:
    health = Health(clock=lambda: NOW, uptime=lambda: 0.0, cycle=timedelta(minutes=5), last_done=NOW)
    health.confirm_lease(timedelta(minutes=2))
    return health


def fetch(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
            return reply.status, reply.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def read_samples(metrics: ServiceMetrics) -> dict[str, float]:
    _, text = ask(metrics, "/metrics")
    families = text_string_to_metric_families(text)
    return {sample.name + str(sample.labels or ""): sample.value for family in families for sample in family.samples}


def ask(metrics: ServiceMetrics, path: str) -> tuple[int, str]:
    reply = build_pages(make_health(), metrics.registry)[path]("")
    return reply.status, reply.body.decode()


class TestHealth:
    """Readiness without a call and without a query."""

    def test_a_service_with_a_lease_and_a_young_cycle_is_ready(self) -> None:
        assert make_health().problems() == []

    def test_an_old_cycle_names_its_age_and_the_last_error(self) -> None:
        health = make_health()
        health.last_done, health.error = NOW - timedelta(minutes=16), "HubSpot answered 502."
        assert health.problems() == ["The last good cycle ended 0:16:00 ago. HubSpot answered 502."]

    def test_before_the_first_cycle_it_is_not_ready(self) -> None:
        health = make_health()
        health.last_done = None
        assert health.problems() == ["No cycle is done yet."]

    def test_a_long_scan_that_advances_is_ready_and_one_of_a_failing_service_is_not(self) -> None:
        health = make_health()
        health.last_done, health.is_running = NOW - timedelta(hours=2), True
        assert health.problems()
        health.advance("contacts", 100)
        assert health.problems() == []
        health.error = "HubSpot denies access."
        assert health.problems() == ["The last good cycle ended 2:00:00 ago. HubSpot denies access."]

    def test_a_lease_that_is_not_renewed_or_has_expired_is_a_problem(self) -> None:
        uptime = [0.0]
        health = Health(clock=lambda: NOW, uptime=lambda: uptime[0], cycle=timedelta(minutes=5), last_done=NOW)
        assert health.problems() == ["The lease of the service is not acquired yet."]
        health.confirm_lease(timedelta(minutes=2))
        uptime[0] = 121
        assert health.problems() == ["The lease of the service has expired."]
        health.miss_lease("The database does not respond.")
        assert health.problems() == ["The database does not respond."]
        assert health.is_alive()
        uptime[0] = 500
        assert not health.is_alive()  # the thread that renews the lease has ended

    def test_a_pause_is_no_problem(self) -> None:
        health = make_health()
        health.last_done, health.paused_since = NOW - timedelta(days=1), NOW
        assert health.problems() == []


def test_the_port_answers_probes_and_prometheus() -> None:
    health, registry = make_health(), CollectorRegistry()
    with serve_http("127.0.0.1", 0, build_pages(health, registry)) as port:
        assert fetch(port, "/healthz") == (200, '{"alive": true}\n')
        assert json.loads(fetch(port, "/readyz")[1]) == {"ready": True, "paused": False, "problems": []}
        assert fetch(port, "/metrics?x=1")[0] == 200
        assert fetch(port, "/other")[0] == 404
        health.last_done, health.error = None, "ana@example.com is locked."
        status, body = fetch(port, "/readyz")
    assert (status, "ana@" in body, "<address>" in body) == (503, False, True)


def test_a_page_that_cannot_be_made_is_logged() -> None:
    def fail(_accept: str) -> Reply:
        raise ValueError("odd")

    with capture_logs() as lines, serve_http("127.0.0.1", 0, {"/metrics": fail}) as port:
        assert fetch(port, "/metrics")[0] == 500
    assert [(line["event"], line["page"]) for line in lines] == [("service.page_failed", "/metrics")]


def test_a_port_in_use_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot use port {port} of 127.0.0.1: Address already in use.*HTTP_PORT"):
            serve_http("127.0.0.1", port, {}).__enter__()


def test_the_counts_of_a_run_become_metrics() -> None:
    metrics = ServiceMetrics(lambda: NOW)
    report = RunReport(run_id="1", command="sync", dry_run=False, model="abc", evaluated=5, written=3, freshness=[90.0])
    report.pulled["contacts"] = 7
    report.steps.seconds["read"] = 1.5
    metrics.add_report(report)
    metrics.add_outcome("sync", "done")
    samples = read_samples(metrics)
    assert samples["sync_worker_records_read_total{'kind': 'contacts'}"] == 7
    assert samples["sync_worker_contacts_evaluated_total"] == 5
    assert samples["sync_worker_contacts_written_total"] == 3
    assert samples["sync_worker_step_seconds_total{'step': 'read'}"] == 1.5
    assert samples["sync_worker_runs_total{'job': 'sync', 'outcome': 'done'}"] == 1
    assert samples["sync_worker_runs_total{'job': 'sync', 'outcome': 'token'}"] == 0
    assert samples["sync_worker_freshness_seconds_bucket{'le': '120.0'}"] == 1


def test_a_scrape_while_figures_are_set_misses_no_series() -> None:
    metrics, seen = ServiceMetrics(lambda: NOW), []
    figures = make_figures(held_back=HeldBack(4, (HeldBackGroup("properties", "locked", 4, 0, None),)))
    metrics.set_figures(figures)

    class Scraped:
        """Figures that are scraped whenever one of them is read."""

        is_active = False

        def __getattr__(self, name: str) -> object:
            if not self.is_active:
                self.is_active = True
                seen.append({name.partition("{")[0] for name in read_samples(metrics)})
                self.is_active = False
            return getattr(figures, name)

    metrics.set_figures(Scraped())  # type: ignore[arg-type]
    assert len(seen) > 5
    assert all({"sync_worker_info", "sync_worker_contacts_held_back"} <= names for names in seen)


def test_the_figures_of_the_state_become_metrics_without_personal_data() -> None:
    metrics = ServiceMetrics(lambda: NOW)
    group = HeldBackGroup("properties", "ana@example.com is locked", 4, 0, None)
    figures = make_figures(
        cursors={"contacts": NOW - timedelta(seconds=90)}, held_back=HeldBack(4, (group,)), review_overdue_days=3, hand_offs_waiting=5
    )
    metrics.set_figures(figures)
    metrics.set_failure("token", 2)
    with connect(token="pat-na1-x") as hubspot:
        hubspot.metrics.count_reply("GET /crm/lists", 200)
        hubspot.metrics.count_reply("GET /crm/lists", None)
        metrics.watch(lambda: hubspot)
        samples = read_samples(metrics)
        text = ask(metrics, "/metrics")[1]
    assert samples["sync_worker_stream_lag_seconds{'stream': 'contacts'}"] == 90
    assert samples["sync_worker_contacts_held_back{'part': 'properties', 'reason': '<address> is locked'}"] == 4
    assert samples["sync_worker_review_overdue_days"] == 3
    assert (samples["sync_worker_mqls"], samples["sync_worker_hand_offs_waiting"]) == (2, 5)
    assert [samples[f"sync_worker_failing{{'cause': '{cause}'}}"] for cause in ("token", "scope")] == [1, 0]
    assert samples["sync_worker_requests_total{'endpoint': 'GET /crm/lists', 'status': 'none'}"] == 1
    assert samples["sync_worker_budget_left{'budget': 'burst'}"] == samples["sync_worker_budget_limit{'budget': 'burst'}"] == 100
    assert 'model="abc"' in text
    assert "@" not in text


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (Unauthorized(), "token"),
        (PortalBusy(), "other_worker"),
        (StateBusy(), "database"),
        (ConfigurationError(), "missing_object"),
        (RateLimited(), "hubspot"),
        (Unavailable(), "hubspot"),
    ],
)
def test_each_error_has_one_of_the_causes(error: Exception, cause: str) -> None:
    assert find_cause(error) == cause  # type: ignore[arg-type]
    assert cause in CAUSES


def make_switch(url: str, *, fail: Callable[[], None] = lambda: None) -> tuple[DeadManSwitch, list[tuple[str, str]]]:
    sent: list[tuple[str, str]] = []

    def send(address: str, text: str) -> None:
        fail()
        sent.append((address, text))

    return DeadManSwitch(url, send=send), sent


def test_the_dead_mans_switch_gets_start_success_and_failure() -> None:
    switch, sent = make_switch("https://hc.example/key?create=1")
    switch.report_start()
    switch.report_success("sync: 3 contacts read")
    switch.report_failure("ana@example.com is locked")
    switch.wait()
    assert sent == [
        ("https://hc.example/key/start?create=1", ""),
        ("https://hc.example/key?create=1", "sync: 3 contacts read"),
        ("https://hc.example/key/fail?create=1", "<address> is locked"),
    ]


@pytest.mark.parametrize("error", [OSError("no route"), BadStatusLine("x"), InvalidURL("x"), ValueError("x")])
def test_a_monitor_that_fails_misses_one_signal_and_ends_nothing(error: Exception) -> None:
    errors = [error]

    def fail() -> None:
        if errors:
            raise errors.pop()

    switch, sent = make_switch("https://hc.example/key", fail=fail)
    switch.report_start()
    switch.report_success("")
    switch.wait()
    assert sent == [("https://hc.example/key", "")]


def test_freshness_is_summarized_by_its_median_and_its_95th_percentile() -> None:
    assert FreshnessSummary.of([]) is None
    assert FreshnessSummary.of([float(n) for n in range(100, 0, -1)]) == FreshnessSummary(mqls=100, p50=51.0, p95=96.0)
