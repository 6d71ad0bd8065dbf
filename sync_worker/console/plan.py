"""The page of what waits to be written, with names: after the next run, or after the approval of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sync_worker.console.page import ConsolePage
from sync_worker.console.texts import DASH, format_time, link_contact
from sync_worker.reports.html.numbers import format_grade, format_number
from sync_worker.reports.html.page import Part, ReportPage, Section, Table
from sync_worker.reports.texts.plan_changes import LABELS, describe_changes
from sync_worker.sync.plan.contact_names import ContactName
from sync_worker.sync.plan.named_mqls import NamedMql
from sync_worker.sync.plan.plan import PAGE_SIZE
from sync_worker.sync.plan.plan_summary import PlanSummary
from sync_worker.sync.plan.waiting_plan import WaitingPlan
from sync_worker.worker import Worker

NOT_APPROVED = (
    "The model is not approved: lists and lifecycle stages do not change. Look at the scores, record a report, and run "
    "`sync-worker approve --note ...`."
)
AS_OF = "This page shows the state after the last run. `sync-worker plan` reads what has changed in HubSpot since, and can save the plan."
INCOMPLETE = (
    f"More contacts wait than the {PAGE_SIZE:,} that this page compares, in order of id. The numbers of MQLs, stages and list members are "
    "of all contacts. `sync-worker plan` compares all."
)


def build_plan_page(worker: Worker) -> ConsolePage:
    """Return the page."""
    plan, model = worker.load_waiting_plan(), worker.status().model
    listed = [*(change.id for change in plan.summary.samples), *(mql.contact_id for mql in plan.mqls)]
    names = worker.read_names(list(dict.fromkeys(listed)))
    members = sum(sum(counts.values()) for counts in plan.summary.lists.values())
    more = "" if plan.is_complete else "at least "
    content = ReportPage(
        title="Plan",
        facts=[
            ("Model", f"{model.name} · {model.hash}"),
            ("Approved", f"{format_time(model.approved_at)}{' UTC' if model.approved_at else ''}"),
        ],
        figures=[
            ("New MQLs", format_number(plan.mql_count), "contacts that join the list"),
            ("Stages", format_number(plan.stages), "contacts that move to the stage MQL"),
            ("List members", format_number(members), "to add or to remove"),
            ("Contacts", f"{more}{format_number(plan.summary.contacts)}", "with another value"),
        ],
        sections=list(_build_sections(plan, names)),
        notes=[*([] if model.approved_at else [NOT_APPROVED]), AS_OF, *([] if plan.is_complete else [INCOMPLETE])],
    )
    return ConsolePage(path="/plan", content=content)


def build_mql_table(caption: str, mqls: Sequence[NamedMql], names: Mapping[int, ContactName]) -> Table:
    """Return a table of MQLs with links to their pages."""
    rows = [
        (
            link_contact(mql.contact_id, names),
            format_number(mql.score),
            format_grade(mql.grade) or DASH,
            mql.reason.replace("_", " ") or DASH,
            "\n".join(mql.score_reasons),
        )
        for mql in mqls
    ]
    columns = ("contact", "score", "grade", "MQL reason", "reasons of the score")
    return Table(caption=caption, columns=columns, rows=rows, text_columns=(0, 3, 4))


def _build_sections(plan: WaitingPlan, names: Mapping[int, ContactName]) -> Iterator[Section]:
    summary = plan.summary
    if summary.is_empty:
        yield Section(name="nothing", title="Nothing waits", text="HubSpot shows all values that the model gives.")
    if plan.mqls:
        text = f"The {format_number(len(plan.mqls))} with the highest scores are listed." if len(plan.mqls) < plan.mql_count else ""
        table = build_mql_table("New MQLs, the highest score first", plan.mqls, names)
        yield Section(name="mqls", title="New MQLs", text=text, parts=[Part(table=table)])
    if summary.lists:
        rows = [(name, format_number(counts["add"]), format_number(counts["remove"])) for name, counts in summary.lists.items()]
        table = Table(caption="Members to add and to remove", columns=("list", "to add", "to remove"), rows=rows)
        yield Section(name="lists", title="Lists", parts=[Part(table=table)])
    if summary.samples:
        yield _build_contacts(summary, names)


def _build_contacts(summary: PlanSummary, names: Mapping[int, ContactName]) -> Section:
    rows = [
        (link_contact(change.id, names), LABELS[change.consequence][0], "\n".join(describe_changes(change))) for change in summary.samples
    ]
    table = Table(caption="Contacts, the gravest change first", columns=("contact", "change", "values"), rows=rows, text_columns=(0, 1, 2))
    shown, detailed = len(rows), sum(number for kind, number in summary.consequences.items() if kind in LABELS)
    text = f"{format_number(shown)} of {format_number(detailed)} contacts." if shown < detailed else ""
    return Section(name="contacts", title="Contacts", text=text, parts=[Part(table=table)])
