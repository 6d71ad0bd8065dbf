"""Evaluate a portal folder without HubSpot, with the same records, store and evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sync_worker.batched import batched
from sync_worker.hubspot.api.email_events import parse_email_event
from sync_worker.hubspot.api.event_occurrences import parse_occurrence
from sync_worker.hubspot.api.forms import parse_submission
from sync_worker.hubspot.api.marketing_events import parse_attendance, parse_marketing_event
from sync_worker.hubspot.records import parsing
from sync_worker.hubspot.records.decoder import RecordDecoder
from sync_worker.hubspot.records.models import Event
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts
from sync_worker.store import contacts as contact_store
from sync_worker.store import database
from sync_worker.store import events as event_store
from sync_worker.store.database import Store
from sync_worker.sync.evaluate.evaluate import evaluate_all
from sync_worker.sync.evaluate.verdict_json import build_contact_verdicts
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.sync.portal.portal import select_hidden_kinds
from sync_worker.sync.pull.row_mapper import RowMapper, event_row

BATCH_SIZE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFolder:
    """The records of a portal as HubSpot's JSON. Each iterable is read once."""

    contacts: Iterable[parsing.JsonObject]
    companies: Iterable[parsing.JsonObject]
    email_events: Iterable[parsing.JsonObject]
    events: Iterable[parsing.JsonObject]
    forms: Iterable[parsing.JsonObject]
    submissions: Iterable[parsing.JsonObject]
    marketing_events: Iterable[parsing.JsonObject]
    participations: Iterable[parsing.JsonObject]
    shows_occurrences: bool


def evaluate_folder_json(folder: PortalFolder, model: Model, at: datetime) -> list[dict[str, object]]:
    """Return the verdicts on all contacts as of a time, with ledgers, sorted by id."""
    return [verdict.as_json() for chunk in evaluate_folder(folder, model, at) for verdict in build_contact_verdicts(chunk)]


def evaluate_folder(folder: PortalFolder, model: Model, at: datetime) -> Iterator[Verdicts]:
    """Yield the verdicts on all contacts as of a time, in chunks."""
    store = database.open_store("sqlite://")
    try:
        _load_folder(store, folder, RowMapper(crm_schema=CrmSchema(model=model)), model.event_kinds)
        yield from evaluate_all(store, model, select_hidden_kinds(model.event_kinds, shows_occurrences=folder.shows_occurrences), at)
    finally:
        store.close()


def _load_folder(store: Store, folder: PortalFolder, row_mapper: RowMapper, event_kinds: frozenset[str]) -> None:
    events: list[Iterable[Event]] = [
        map(parse_email_event, folder.email_events),
        map(parse_occurrence, folder.events),
        (parse_submission(row, row["formId"]) for row in folder.submissions),
        _attendances(folder),
    ]
    with store.transaction() as tx:
        event_store.save_forms(tx, {str(row["id"]): row["name"] for row in folder.forms})
        for stream in events:
            for batch in batched(stream, BATCH_SIZE):
                event_store.save(tx, [event_row(event) for event in batch if event.kind in event_kinds and not event.obsoleted_by])
        decoder = RecordDecoder(row_mapper.company_properties)
        for companies in batched(map(decoder.convert_record, folder.companies), BATCH_SIZE):
            contact_store.save_companies(tx, row_mapper.company_rows(parsing.parse_companies(decoder, companies)))
        decoder = RecordDecoder(row_mapper.contact_properties)
        for contacts in batched(map(decoder.convert_record, folder.contacts), BATCH_SIZE):
            contact_store.save(
                tx, row_mapper.contact_rows([contact for contact in parsing.parse_contacts(decoder, contacts) if not contact.archived])
            )


def _attendances(folder: PortalFolder) -> Iterator[Event]:
    webinars = {event.id: event for event in map(parse_marketing_event, folder.marketing_events) if event.is_webinar}
    for row in folder.participations:
        webinar = webinars.get(str(row["associations"]["marketingEvent"]["marketingEventId"]))
        if webinar and (attendance := parse_attendance(row, webinar)):
            yield attendance
