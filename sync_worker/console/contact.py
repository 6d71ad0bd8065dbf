"""The pages of contacts: the search by address or id, and the ledger of one contact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sync_worker.console.page import ActionForm, ConsolePage, FormField
from sync_worker.console.plan import build_mql_table
from sync_worker.errors import ConfigurationError
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.reports.explain_contact import ContactExplanation
from sync_worker.reports.html.numbers import format_number
from sync_worker.reports.html.page import Part, ReportPage, Section, Table
from sync_worker.reports.texts.contact_rows import format_decay, list_grade_rows, list_ledger_rows, list_notes, list_reasons, list_rules
from sync_worker.reports.texts.ledger import format_exclusion, format_mql, format_subject, format_time
from sync_worker.sync.plan.contact_names import NO_NAME
from sync_worker.worker import Worker

MAX_MQLS: Final = 50
MAX_EVENTS: Final = 50
#: The address is in the body of the request: a path would remain in the history of the browser.
SEARCH = ActionForm(
    action="/contacts",
    title="Find a contact",
    text="Shows how the score of a contact came about.",
    button="Find",
    fields=[FormField(name="contact", label="Email address, or id in HubSpot", max_length=320)],
)


def build_search_page(worker: Worker) -> ConsolePage:
    """Return the page with the search and the MQLs with the highest scores."""
    mqls = worker.load_mqls()
    shown = mqls[:MAX_MQLS]
    text = f"The {format_number(len(shown))} with the highest scores of {format_number(len(mqls))}." if len(shown) < len(mqls) else ""
    names = worker.read_names([mql.contact_id for mql in shown])
    parts = [Part(table=build_mql_table("MQLs, the highest score first", shown, names))] if shown else []
    section = Section(name="mqls", title="MQLs", text=text if shown else "No contact is an MQL.", parts=parts)
    return ConsolePage(path="/contacts", content=ReportPage(title="Contacts", facts=[], figures=[], sections=[section]), form=SEARCH)


def find_contact(worker: Worker, form: Mapping[str, str]) -> str:
    """Return the page of the contact with the address or id of the form. Raises ConfigurationError if the state does not contain it."""
    email_or_id = form.get("contact", "").strip()
    if not email_or_id:
        raise ConfigurationError("The field for the contact is empty.", hint="Enter an email address or an id.")
    return f"/contacts/{worker.find_contact(email_or_id)}"


def build_contact_page(worker: Worker, contact_id: int) -> ConsolePage:
    """Return the page of a contact. Raises ConfigurationError if the state does not contain it."""
    explanation = worker.explain(str(contact_id))
    verdict = explanation.verdict
    content = ReportPage(
        title=worker.read_names([contact_id]).get(contact_id, NO_NAME).text or f"Contact {contact_id}",
        facts=[
            ("Id", str(contact_id)),
            ("Lifecycle stage", explanation.stage or "none"),
            ("Lists", ", ".join(explanation.lists) or "none"),
            ("Model", explanation.model),
            ("As of", format_time(explanation.at, explanation)),
        ],
        figures=[
            ("Score", format_number(verdict.score), f"of {explanation.maximum:g}"),
            ("Grade", format_minus(verdict.grade or "none"), "fit, from F to A+"),
            ("Band", verdict.band, f"trend {verdict.trend}"),
            ("MQL", "yes" if verdict.mql else "no", format_mql(explanation).removeprefix("not an MQL: ")),
        ],
        sections=list(_build_sections(explanation)),
        notes=[_format_sentence(note) for note in list_notes(explanation)],
    )
    return ConsolePage(path="/contacts", content=content)


def _build_sections(explanation: ContactExplanation) -> Iterator[Section]:
    yield Section(name="reasons", title="In short", points=list_reasons(explanation))
    yield Section(
        name="ledger", title="Score", text=_format_sentence(format_decay(explanation)), parts=[Part(table=_build_ledger(explanation))]
    )
    if grade := [(row.criterion, row.match, row.thirds) for row in list_grade_rows(explanation)]:
        table = Table(caption="Grade, in thirds of a letter", columns=("criterion", "match", "thirds"), rows=grade, text_columns=(0, 1))
        yield Section(name="grade", title="Grade", parts=[Part(table=table)])
    if rules := list_rules(explanation):
        yield Section(name="rules", title="Rules that hold", points=rules)
    if events := sorted(_list_events(explanation), reverse=True):
        table = Table(
            caption="Events, the newest first", columns=("time", "line", "event", "counts"), rows=events[:MAX_EVENTS], text_columns=range(4)
        )
        text = f"The last {MAX_EVENTS} of {len(events)} events." if len(events) > MAX_EVENTS else ""
        yield Section(name="events", title="Events", text=text, parts=[Part(table=table)])
    if explanation.differences:
        rows = [(name, values["shown"], values["should"]) for name, values in explanation.differences.items()]
        table = Table(caption="Values in HubSpot", columns=("property", "HubSpot shows", "next run"), rows=rows, text_columns=range(3))
        yield Section(name="differences", title="HubSpot shows other values until the next run", parts=[Part(table=table)])


def _build_ledger(explanation: ContactExplanation) -> Table:
    rows = [(row.line, row.points, row.events, row.newest, row.remarks) for row in list_ledger_rows(explanation)]
    return Table(caption="Ledger", columns=("line", "points", "events", "newest", "remarks"), rows=rows, text_columns=(0, 3, 4))


def _list_events(explanation: ContactExplanation) -> Iterator[tuple[str, str, str, str]]:
    for line in explanation.evaluation.score:
        for event in line.looked_at:
            counts = "yes" if event.counts else f"no: {format_exclusion(event)}"
            yield format_time(event.at, explanation), line.label, format_subject(event), counts


def _format_sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""
