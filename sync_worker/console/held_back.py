"""The page of what HubSpot does not show and why: rejections by reason and by contact, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator

from sync_worker.console.page import ConsolePage
from sync_worker.console.texts import format_time, link_contact
from sync_worker.reports.html.numbers import format_number
from sync_worker.reports.html.page import Part, ReportPage, Section, Table
from sync_worker.reports.status import PendingChanges
from sync_worker.reports.texts.held_back import RETRY_HINT, VALUE_HINT, format_next_try
from sync_worker.store.writes.held_back import HeldBack
from sync_worker.timestamps import from_ms
from sync_worker.worker import Worker


def build_held_back_page(worker: Worker) -> ConsolePage:
    """Return the page."""
    status = worker.status()
    pending = status.pending
    sections = [Section(name="reasons", title="Why", text=_explain(pending.held_back), parts=list(_build_groups(pending.held_back)))]
    if pending.rejected:
        sections.append(_build_contacts(worker, pending))
    if status.not_visible:
        text = "HubSpot does not return these forms, webinars or lists. The state keeps what it has of them, so no score falls."
        sections.append(Section(name="left-out", title="Left out", text=text, points=status.not_visible))
    figures = [
        ("Held back", format_number(pending.held_back.contacts), "contacts that HubSpot has rejected"),
        ("Above the daily limit", format_number(pending.above_mql_quota), "qualified contacts that wait for another day"),
        ("Left out", format_number(len(status.not_visible)), "forms, webinars and lists"),
    ]
    return ConsolePage(path="/held-back", content=ReportPage(title="Held back", facts=[], figures=figures, sections=sections))


def _explain(held_back: HeldBack) -> str:
    if not held_back.contacts:
        return "HubSpot accepts all values that the worker sends."
    kinds = {group.retry_at is None for group in held_back.groups}
    return " ".join(hint for is_final, hint in ((False, RETRY_HINT), (True, VALUE_HINT)) if is_final in kinds)


def _build_groups(held_back: HeldBack) -> Iterator[Part]:
    if held_back.groups:
        rows = [
            (group.part, group.reason, format_number(group.contacts), format_time(from_ms(group.since)), format_next_try(group))
            for group in held_back.groups
        ]
        columns = ("part", "reason", "contacts", "since", "next try")
        yield Part(table=Table(caption="Contacts by reason; times in UTC", columns=columns, rows=rows, text_columns=(0, 1, 3, 4)))


def _build_contacts(worker: Worker, pending: PendingChanges) -> Section:
    names = worker.read_names([contact_id for contact_id, _ in pending.rejected])
    rows = [(link_contact(contact_id, names), str(contact_id), reason) for contact_id, reason in pending.rejected]
    table = Table(caption="Contacts, by id", columns=("contact", "id", "reason"), rows=rows, text_columns=(0, 2))
    text = f"The first {len(rows):,} contacts." if len(rows) < pending.held_back.contacts else ""
    return Section(name="contacts", title="Contacts", text=text, parts=[Part(table=table)])
