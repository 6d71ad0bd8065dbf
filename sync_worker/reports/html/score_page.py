"""The score report as one HTML page."""

from __future__ import annotations

from collections.abc import Iterator

from sync_worker.errors import explain_extra
from sync_worker.reports.html.detail_sections import build_detail_sections
from sync_worker.reports.html.numbers import format_number, format_share
from sync_worker.reports.html.outcome_section import build_outcome_section
from sync_worker.reports.html.page import ReportPage, Section, can_plot, render_page
from sync_worker.reports.html.score_sections import build_score_sections
from sync_worker.reports.html.shadow_section import build_shadow_section
from sync_worker.reports.report_findings import find_problems
from sync_worker.reports.score_report import ScoreReport


def render_score_page(report: ScoreReport, *, with_plots: bool | None = None) -> str:
    """Return the report as HTML. Without the extra `report`, or `with_plots` false, the page has the tables and no plots."""
    plots = can_plot() if with_plots is None else with_plots
    notes = [] if plots else [f"The tables have all numbers; the plots need more libraries. {explain_extra('report')}"]
    if report.newly_evaluated:
        noun = "contact was" if report.newly_evaluated == 1 else "contacts were"
        notes.append(f"{format_number(report.newly_evaluated)} {noun} evaluated for this report; HubSpot may still show earlier values.")
    page = ReportPage(
        title="Lead scoring report",
        facts=[
            ("Model", f"{report.model_name} · {report.model_hash}"),
            ("Portal", str(report.portal_id or "unknown")),
            ("Time", f"{report.at:%Y-%m-%d %H:%M} UTC"),
            ("Report", report.id),
        ],
        figures=list(find_figures(report)),
        sections=list(build_sections(report)),
        notes=notes,
    )
    return render_page(page, with_plots=plots)


def find_figures(report: ScoreReport) -> Iterator[tuple[str, str, str]]:
    """Yield the numbers to see first: name, value, note."""
    numbers = report.distribution
    yield "Contacts", format_number(numbers.contacts), "with a score"
    yield "MQLs", format_number(numbers.mqls), f"{format_share(numbers.mqls, numbers.contacts)} of contacts"
    yield "Median score", format_number(numbers.median), f"highest {format_number(numbers.maximum)}"
    yield "Threshold", f"{report.threshold:g}", f"{report.reachable:g} points possible here"
    if report.details:
        events = sum(kind.events for kind in report.details.events)
        quarantined = sum(kind.quarantined for kind in report.details.events)
        yield "Quarantined", format_number(quarantined), f"{format_share(quarantined, events)} of events"


def build_sections(report: ScoreReport) -> Iterator[Section]:
    """Yield the sections of the page."""
    if not report.distribution.contacts:
        yield Section(name="scores", title="Scores", text="No contact has a score yet: run `sync-worker backfill`.")
        return
    if problems := list(find_problems(report)):
        yield Section(name="findings", title="What to look at", points=problems)
    yield from build_score_sections(report)
    if report.shadow:
        yield build_shadow_section(report.shadow)
    if report.outcomes:
        yield build_outcome_section(report.outcomes)
    if report.details:
        yield from build_detail_sections(report.details)
