"""Evaluate a portal folder without HubSpot, with the same records, store and evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

import polars as pl

from sync_worker.batched import batched
from sync_worker.hubspot.api.email_events import parse_email_event
from sync_worker.hubspot.api.event_occurrences import parse_occurrence
from sync_worker.hubspot.api.forms import UNREADABLE_TYPES, parse_submission
from sync_worker.hubspot.api.marketing_events import parse_attendance, parse_marketing_event
from sync_worker.hubspot.records import field_parsers
from sync_worker.hubspot.records.models import Company, Contact, Event
from sync_worker.hubspot.records.page_decoder import RecordDecoder
from sync_worker.hubspot.records.row_parser import JsonObject
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts
from sync_worker.model.scoring.mql_quota import select_admissions
from sync_worker.store import database
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.facts import events as event_store
from sync_worker.store.facts import subscriptions as subscription_store
from sync_worker.sync.evaluate.evaluate import evaluate_all
from sync_worker.sync.evaluate.folder_subscriptions import FolderSubscriptions
from sync_worker.sync.evaluate.verdict_json import build_contact_verdicts
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.portal.portal import select_hidden_kinds
from sync_worker.sync.pull.hubspot_streams import is_occurrence
from sync_worker.sync.pull.records.subscriptions import subscription_row
from sync_worker.sync.pull.row_mapper import RowMapper, event_row

BATCH_SIZE: Final = 500

RecordT = TypeVar("RecordT", Contact, Company)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFolder:
    """The records of a portal as HubSpot's JSON. Each iterable is read once."""

    contacts: Iterable[JsonObject]
    companies: Iterable[JsonObject]
    email_events: Iterable[JsonObject]
    events: Iterable[JsonObject]
    forms: Iterable[JsonObject]
    submissions: Iterable[JsonObject]
    marketing_events: Iterable[JsonObject]
    participations: Iterable[JsonObject]
    subscriptions: Iterable[JsonObject]
    shows_occurrences: bool


def evaluate_folder_json(folder: PortalFolder, model: Model, at: datetime) -> list[dict[str, object]]:
    """Return the verdicts on all contacts as of a time, with ledgers, sorted by id."""
    return [verdict.as_json() for chunk in evaluate_folder(folder, model, at) for verdict in build_contact_verdicts(chunk)]


def evaluate_folder(folder: PortalFolder, model: Model, at: datetime) -> Iterator[Verdicts]:
    """Yield the verdicts on all contacts as of a time, in chunks, as a first backfill on this day would compute them."""
    store = database.open_store("sqlite://")
    try:
        _load_folder(store, folder, RowMapper(crm_schema=CrmSchema(model=model)), model.event_kinds, at)
        hidden = select_hidden_kinds(model.source_kinds, shows_occurrences=folder.shows_occurrences, shows_subscriptions=True)
        chunks = evaluate_all(store, model, hidden, at)
        yield from chunks if model.document.qualification.new_per_day is None else _defer_above_quota(list(chunks), model)
    finally:
        store.close()


def _defer_above_quota(chunks: Sequence[Verdicts], model: Model) -> Iterator[Verdicts]:
    """Yield the verdicts with the MQLs above the daily quota deferred. All verdicts must be known before the first one is yielded."""
    mqls = pl.concat([chunk.table.filter("mql") for chunk in chunks]).with_columns(since=pl.lit(None, dtype=pl.Int64)) if chunks else None
    admitted = None if mqls is None else select_admissions(mqls, model.document.qualification.new_per_day)
    for chunk in chunks:
        yield chunk if admitted is None else chunk.defer_mqls(except_ids=admitted)


def _load_folder(store: Store, folder: PortalFolder, row_mapper: RowMapper, event_kinds: frozenset[str], at: datetime) -> None:
    """Load what a backfill reads of the portal: no archived record, and no submission that HubSpot also shows as an occurrence."""
    forms = list(folder.forms)
    submissions = _Submissions(rows=folder.submissions, unreadable={row["id"] for row in forms if row.get("formType") in UNREADABLE_TYPES})
    events: list[Iterable[Event]] = [
        map(parse_email_event, folder.email_events),
        (event for event in map(parse_occurrence, folder.events) if is_occurrence(event.kind)),
        submissions,
        _attendances(folder),
    ]
    with store.transaction() as tx:
        for stream in events:
            for batch in batched(stream, BATCH_SIZE):
                event_store.save(tx, [event_row(event) for event in batch if event.kind in event_kinds and not event.obsoleted_by])
        event_store.save_forms(tx, {form_id: form_id for form_id in submissions.form_ids} | {str(row["id"]): row["name"] for row in forms})
        decoder = RecordDecoder(row_mapper.company_properties)
        for companies in batched(map(decoder.convert_record, folder.companies), BATCH_SIZE):
            contact_store.save_companies(tx, row_mapper.company_rows(_live(field_parsers.parse_companies(decoder, companies))))
        subscriptions = FolderSubscriptions(folder.subscriptions, at)
        decoder = RecordDecoder(row_mapper.contact_properties)
        for contacts in batched(map(decoder.convert_record, folder.contacts), BATCH_SIZE):
            rows = row_mapper.contact_rows(_live(field_parsers.parse_contacts(decoder, contacts)))
            contact_store.save(tx, rows)
            subscription_store.save(tx, [subscription_row(row.id, row.email, subscriptions.find(row.email)) for row in rows])


def _live(records: Sequence[RecordT]) -> list[RecordT]:
    return [record for record in records if not record.archived]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Submissions:
    """The submissions of a folder as events, without those of `unreadable` forms; they may name forms that the folder does not list."""

    rows: Iterable[JsonObject]
    unreadable: set[str]
    form_ids: set[str] = field(default_factory=set)

    def __iter__(self) -> Iterator[Event]:
        for row in self.rows:
            form_id = str(row["formId"])
            if form_id not in self.unreadable:
                self.form_ids.add(form_id)
                yield parse_submission(row, form_id)


def _attendances(folder: PortalFolder) -> Iterator[Event]:
    webinars = {event.id: event for event in map(parse_marketing_event, folder.marketing_events) if event.is_webinar}
    for row in folder.participations:
        webinar = webinars.get(str(row["associations"]["marketingEvent"]["marketingEventId"]))
        if webinar and (attendance := parse_attendance(row, webinar)):
            yield attendance
