"""The first page: does the service run, what did it do, what does it do next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sync_worker import __version__
from sync_worker.console.page import ConsolePage
from sync_worker.console.runs import build_run_table
from sync_worker.console.service_facts import ServiceFacts
from sync_worker.console.texts import DASH, format_age, format_duration, format_time
from sync_worker.reports.html.numbers import format_number
from sync_worker.reports.html.page import Part, ReportPage, Section, Table
from sync_worker.reports.status import WorkerStatus
from sync_worker.worker import Worker


def build_overview(worker: Worker, service: ServiceFacts) -> ConsolePage:
    """Return the page."""
    status, now = worker.status(), worker.clock()
    content = ReportPage(
        title="Overview",
        facts=[
            ("Portal", str(status.portal_id or "none yet")),
            ("Model", f"{status.model.name} · {status.model.hash}"),
            ("Version", __version__),
            ("Time", f"{format_time(now)} UTC"),
        ],
        figures=list(_find_figures(status, service, now)),
        sections=list(_build_sections(status, service, now)),
        notes=list(_find_notes(status, service)),
    )
    return ConsolePage(path="/", content=content)


def _find_figures(status: WorkerStatus, service: ServiceFacts, now: datetime) -> Iterator[tuple[str, str, str]]:
    pending, model = status.pending, status.model
    state = "paused" if status.paused_since else "not ready" if service.problems else "running" if service.is_running else "ready"
    yield "Service", state, f"last good cycle {format_age(status.last_done, now)}"
    yield "Contacts", format_number(status.contacts), f"{format_number(status.mqls)} MQLs"
    yield "To be written", format_number(pending.contacts), f"contacts; {format_number(_count_members(status))} list members"
    yield "Held back", format_number(pending.held_back.contacts), "contacts that HubSpot has rejected"
    if freshness := status.freshness:
        yield "Form to MQL", f"{freshness.p50 / 60:.1f}\u00a0min", f"median; 95 % within {freshness.p95 / 60:.1f}\u00a0min"
    yield (
        "Model",
        "approved" if model.approved_at else "not approved",
        f"{model.approved_at:%Y-%m-%d}" if model.approved_at else "lists wait",
    )
    if model.review_due:
        days = model.review_overdue_days
        yield "Review", "overdue" if days else "not due", f"by {days:,} days" if days else f"due {model.review_due:%Y-%m-%d}"


def _count_members(status: WorkerStatus) -> int:
    return sum(sum(counts.values()) for counts in status.pending.lists.values())


def _find_notes(status: WorkerStatus, service: ServiceFacts) -> Iterator[str]:
    yield from service.problems
    if status.paused_since:
        yield f"Paused since {format_time(status.paused_since)} UTC: `sync-worker service resume` ends the pause."
    if status.service and status.service.degraded_since:
        yield f"Degraded since {format_time(status.service.degraded_since)} UTC: {status.service.error}"
    if status.pending.reason:
        yield f"Waiting: {status.pending.reason}."
    if status.hand_offs.reason:
        yield f"Messages to sales: {status.hand_offs.reason}"


def _build_sections(status: WorkerStatus, service: ServiceFacts, now: datetime) -> Iterator[Section]:
    next_runs = [(each.job, format_time(each.at), format_duration(each.at - now)) for each in service.next_runs]
    if next_runs:
        table = Table(caption="Next runs; times in UTC", columns=("job", "start", "in"), rows=next_runs, text_columns=(0, 1))
        yield Section(name="next", title="Next", parts=[Part(table=table)])
    text = "" if status.runs else "No run has started yet: run `sync-worker backfill`."
    yield Section(name="runs", title="Last runs", text=text, parts=[Part(table=build_run_table(status.runs))] if status.runs else [])
    streams = [(_name_stream(stream), format_time(at), format_age(at, now)) for stream, at in _parse_cursors(status)]
    if streams:
        table = Table(caption="Read to; times in UTC", columns=("stream", "until", "age"), rows=streams, text_columns=(0, 1))
        yield Section(name="streams", title="Read from HubSpot", parts=[Part(table=table)])


def _parse_cursors(status: WorkerStatus) -> Iterator[tuple[str, datetime]]:
    yield from ((stream, datetime.fromisoformat(at)) for stream, at in status.cursors.items())


def _name_stream(stream: str) -> str:
    return stream.replace("_", " ") or DASH
