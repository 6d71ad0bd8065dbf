"""The page of the distribution of scores, with the button that records a report."""

from __future__ import annotations

from sync_worker.console.page import ActionForm, ConsolePage
from sync_worker.console.texts import format_time
from sync_worker.reports.html.page import ReportPage
from sync_worker.reports.html.score_page import build_sections, find_figures
from sync_worker.worker import Worker

RECORD_REPORT = ActionForm(
    action="/reports",
    title="Record a report",
    text="Does the same as `sync-worker report`: evaluates the contacts that are due, and keeps the numbers. "
    "`sync-worker approve` needs such a report of the model.",
    button="Record a report",
)


def build_scores_page(worker: Worker) -> ConsolePage:
    """Return the page."""
    report = worker.load_scores()
    last = f"{report.earlier.id}, {format_time(report.earlier.at)} UTC, model {report.earlier.model.hash}" if report.earlier else "none yet"
    content = ReportPage(
        title="Scores",
        facts=[("Model", f"{report.model_name} · {report.model_hash}"), ("Last report", last)],
        figures=list(find_figures(report)),
        sections=[section for section in build_sections(report) if section.name != "mqls"],  # the page of contacts has them
        notes=["These are the scores after the last run."],
    )
    return ConsolePage(path="/scores", content=content, form=RECORD_REPORT)


def record_report(worker: Worker) -> str:
    """Record a report, and return the page to show next."""
    worker.report()
    return "/scores?done=report"
