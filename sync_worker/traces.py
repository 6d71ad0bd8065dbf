"""OpenTelemetry traces: one span for each run, and below it one for each request to HubSpot.

They need the extra `traces` and an address in OTEL_EXPORTER_OTLP_ENDPOINT; without them, a span costs nothing. Spans contain only path
templates, numbers and types of errors, no personal data. OpenTelemetry's own variables apply:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol

import structlog

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

ENDPOINT_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE_NAME: Final = "sync_worker"

log = structlog.get_logger()


class Span(Protocol):
    """What a traced block may add to its span."""

    def set_attribute(self, key: str, value: str | float) -> None:
        """Add a value to the span, or replace it."""


class _NoSpan:
    def set_attribute(self, key: str, value: str | float) -> None:
        """Drop the value."""


class _Tracing:
    """The tracer of this process, and the context of the active run: requests are sent by other threads than the run's."""

    tracer: Tracer | None = None
    run: Context | None = None


def start(environment: Mapping[str, str] | None = None) -> None:
    """Trace the runs of this process if an endpoint is set. Without the extra, only a warning is logged."""
    environment = os.environ if environment is None else environment
    if not any(environment.get(name) for name in ENDPOINT_VARIABLES) or _Tracing.tracer is not None:
        return
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        log.warning("traces.not_installed", hint="Install the extra `traces`, or unset OTEL_EXPORTER_OTLP_ENDPOINT.")
        return
    # The imports take a quarter of a second.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": environment.get("OTEL_SERVICE_NAME") or SERVICE_NAME}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use_tracer(provider.get_tracer(SERVICE_NAME))


def use_tracer(tracer: Tracer | None) -> None:
    """Trace with this tracer; None: trace nothing."""
    _Tracing.tracer = tracer


@contextmanager
def trace_run(name: str, **attributes: str | float) -> Iterator[Span]:
    """Trace a run; until its end, the requests of all threads belong to it."""
    with _open_span(name, attributes) as span:
        if _Tracing.tracer is not None:
            _Tracing.run = _current_context()
        try:
            yield span
        finally:
            _Tracing.run = None


@contextmanager
def trace_request(endpoint: str) -> Iterator[Span]:
    """Trace one attempt of a request; `endpoint` is the method and the template of the path."""
    with _open_span(endpoint, {}, parent=_Tracing.run, is_request=True) as span:
        yield span


@contextmanager
def _open_span(
    name: str, attributes: Mapping[str, str | float], *, parent: Context | None = None, is_request: bool = False
) -> Iterator[Span]:
    if _Tracing.tracer is None:
        yield _NoSpan()
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415 -- only if traces are on

    kind = SpanKind.CLIENT if is_request else SpanKind.INTERNAL
    with _Tracing.tracer.start_as_current_span(
        name,
        context=parent,
        kind=kind,
        attributes=attributes,
        record_exception=False,  # its text may quote a value; only its type is added
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise


def _current_context() -> Context:
    from opentelemetry.context import get_current  # noqa: PLC0415 -- only if traces are on

    return get_current()
