"""A run and its requests are spans of one trace, without personal data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from structlog.testing import capture_logs

from sync_worker import traces
from sync_worker.errors import Unauthorized
from tests.harness import Harness


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces.use_tracer(provider.get_tracer("test"))
    yield exporter
    traces.use_tracer(None)


def attributes_of(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def find_runs(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if not span.name.startswith(("GET ", "POST ", "PATCH ", "PUT "))]


def test_each_request_of_a_run_belongs_to_its_span(harness: Harness, exporter: InMemorySpanExporter) -> None:
    report = harness.backfill()
    (run,) = find_runs(exporter)
    requests = [span for span in exporter.get_finished_spans() if span is not run]
    assert run.name == "backfill"
    assert attributes_of(run).items() >= {"run_id": report.run_id, "written": report.written}.items()
    assert len(requests) == sum(report.requests.values())
    assert {span.parent.span_id for span in requests if span.parent} == {run.context.span_id}
    assert {attributes_of(span)["http.response.status_code"] for span in requests} == {200}
    assert "POST /crm/objects/2026-09/contacts/batch/update" in {span.name for span in requests}


def test_a_failed_run_names_the_type_of_its_error_and_no_text(harness: Harness, exporter: InMemorySpanExporter) -> None:
    harness.backfill()
    harness.inject_fault("POST /crm/objects/2026-09/contacts/search", status=401, body="json")
    with pytest.raises(Unauthorized):
        harness.sync()
    run = find_runs(exporter)[-1]
    assert attributes_of(run)["error.type"] == "Unauthorized"
    assert (run.status.status_code, run.status.description, run.events) == (StatusCode.ERROR, None, ())


def test_without_an_endpoint_nothing_is_traced() -> None:
    traces.start({})
    with traces.trace_run("sync") as span, traces.trace_request("GET /x"):
        span.set_attribute("written", 1)
    assert type(span).__module__ == "sync_worker.traces"


def test_an_endpoint_of_another_program_does_no_harm() -> None:
    with capture_logs() as logs:
        traces.start({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:9"})
    assert logs == []
