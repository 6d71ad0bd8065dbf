"""Score a portal folder without HubSpot: the same records, the same store, the same evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sync_worker.batched import batches
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
from sync_worker.sync.evaluate.evaluate import everybody
from sync_worker.sync.evaluate.verdict_json import told
from sync_worker.sync.portal.crm_schema import Outputs
from sync_worker.sync.portal.portal import hidden_kinds
from sync_worker.sync.pull.row_mapper import Remembering, happening

BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A portal in HubSpot's own shapes, each iterable read once."""

    contacts: Iterable[parsing.JsonObject]
    companies: Iterable[parsing.JsonObject]
    email_events: Iterable[parsing.JsonObject]
    events: Iterable[parsing.JsonObject]
    forms: Iterable[parsing.JsonObject]
    submissions: Iterable[parsing.JsonObject]
    marketing_events: Iterable[parsing.JsonObject]
    participations: Iterable[parsing.JsonObject]
    shows_occurrences: bool


def verdicts_of(folder: Folder, model: Model, at: datetime) -> list[dict[str, Any]]:
    """Return the verdict on every contact as of a time, in order of id, each with its ledger."""
    return [verdict for judged in judgements(folder, model, at) for verdict in told(judged)]


def judgements(folder: Folder, model: Model, at: datetime) -> Iterator[Verdicts]:
    """Yield the verdicts on every contact as of a time, a chunk at a time."""
    store = database.open_store("sqlite://")
    try:
        _fill(store, folder, Remembering(outputs=Outputs(model=model)), model.event_kinds)
        yield from everybody(store, model, hidden_kinds(model.event_kinds, shows_occurrences=folder.shows_occurrences), at)
    finally:
        store.close()


def _fill(store: Store, folder: Folder, remembering: Remembering, kinds: frozenset[str]) -> None:
    events: list[Iterable[Event]] = [
        map(parse_email_event, folder.email_events),
        map(parse_occurrence, folder.events),
        (parse_submission(row, row["formId"]) for row in folder.submissions),
        _attendances(folder),
    ]
    with store.transaction() as tx:
        event_store.save_forms(tx, {str(row["id"]): row["name"] for row in folder.forms})
        for stream in events:
            for batch in batches(stream, BATCH):
                event_store.save(tx, [happening(event) for event in batch if event.kind in kinds and not event.obsoleted_by])
        shape = RecordDecoder(remembering.company_properties)
        for companies in batches(map(shape.convert_record, folder.companies), BATCH):
            contact_store.save_companies(tx, remembering.companies(parsing.parse_companies(shape, companies)))
        shape = RecordDecoder(remembering.contact_properties)
        for contacts in batches(map(shape.convert_record, folder.contacts), BATCH):
            contact_store.save(
                tx, remembering.people([contact for contact in parsing.parse_contacts(shape, contacts) if not contact.archived])
            )


def _attendances(folder: Folder) -> Iterator[Event]:
    webinars = {event.id: event for event in map(parse_marketing_event, folder.marketing_events) if event.is_webinar}
    for row in folder.participations:
        webinar = webinars.get(str(row["associations"]["marketingEvent"]["marketingEventId"]))
        if webinar and (attended := parse_attendance(row, webinar)):
            yield attended
