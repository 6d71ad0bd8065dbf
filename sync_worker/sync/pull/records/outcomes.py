"""Deals, lifecycle stages and earlier values of properties. Only the commands that look at outcomes read them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from math import inf, isfinite
from typing import Final

from sqlalchemy import Connection

from sync_worker.batched import batched
from sync_worker.concurrency import map_prefetch
from sync_worker.errors import Forbidden
from sync_worker.hubspot.api.crm.property_histories import BATCH_SIZE, RecordHistory
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.field_types import parse_optional_timestamp
from sync_worker.hubspot.records.models import Contact, Deal, ResultPage
from sync_worker.model.compiled.model import Model
from sync_worker.progress import Progress
from sync_worker.store.database import Store
from sync_worker.store.facts import deals as deal_store
from sync_worker.store.facts import property_values, stage_dates
from sync_worker.store.facts.deals import DealRow
from sync_worker.store.facts.property_values import PropertyValueRow
from sync_worker.store.facts.stage_dates import CREATED, StageDate
from sync_worker.store.saved_state import scan_state
from sync_worker.timestamps import from_ms, to_ms

DEAL_PROPERTIES: Final = ("amount", "closedate", "createdate", "dealstage", "hs_is_closed", "hs_is_closed_won", "pipeline")
STAGES: Final = ("marketingqualifiedlead", "opportunity", "customer")
STAGE_PROPERTIES: Final = {f"hs_lifecyclestage_{stage}_date": stage for stage in STAGES}
DEAL_STREAM, STAGE_STREAM = "deals", "lifecycle_stages"
HIDDEN_DEALS: Final = f"{DEAL_STREAM}:hidden"  # when the portal last refused to show deals
FULL_READ_EVERY: Final = timedelta(days=7)  # finds the deals that were deleted
SAVE_EVERY: Final = 20  # batches of histories in one transaction
READERS: Final = 10
CONTACT_BATCH_SIZE: Final = 100


@dataclass(frozen=True, kw_only=True)
class OutcomeReader:
    """Reads what changed since the last read. `overlap` is read again, because HubSpot's search index lags."""

    hubspot: HubSpot
    store: Store
    models: Sequence[Model]
    now: datetime
    overlap: timedelta
    progress: Progress

    def read_outcomes(self) -> list[str]:
        """Read deals, lifecycle stages and dates of creation; return what could not be read, a sentence each."""
        notes = []
        try:
            self._read_deals()
        except Forbidden as error:
            notes.append(f"Deals cannot be read, so lifecycle stages alone decide: {error}")
            with self.store.transaction() as tx:
                scan_state.save_cursor(tx, HIDDEN_DEALS, to_ms(self.now))
        self._read_stages()
        self._read_creations()
        return notes

    def read_histories(self, contact_ids: Collection[int] | None = None) -> None:
        """Read the earlier values of the properties that the models use, of some contacts or of all, and of the companies."""
        contact_names = sorted({"associatedcompanyid"}.union(*(model.contact_properties for model in self.models)))
        company_names = sorted(set[str]().union(*(model.company_properties for model in self.models)))
        self._read_object_histories("contact", "contacts", contact_ids, contact_names)
        if company_names:
            self._read_object_histories("company", "companies", None, company_names)

    # Deals.

    @cached_property
    def _deal_stages(self) -> Mapping[tuple[str | None, str | None], tuple[bool, bool]]:
        """Whether a stage is closed and won, by pipeline and stage."""
        return {(stage.pipeline, stage.id): (stage.is_closed, stage.is_won) for stage in self.hubspot.pipelines.read_deal_stages()}

    def _read_deals(self) -> None:
        with self.store.transaction() as tx:
            cursor, last_full = (scan_state.load_cursor(tx, stream) for stream in (DEAL_STREAM, f"{DEAL_STREAM}:all"))
        is_full = cursor is None or last_full is None or self.now - from_ms(last_full) > FULL_READ_EVERY
        seen = set[int]()
        for page in self._list_deals() if is_full or cursor is None else self._search_deals(from_ms(cursor) - self.overlap):
            self._save_deals(page)
            seen.update(deal.id for deal in page)
        with self.store.transaction() as tx:
            scan_state.save_cursor(tx, DEAL_STREAM, to_ms(self.now))
            if is_full:
                deal_store.delete_except(tx, seen)
                scan_state.save_cursor(tx, f"{DEAL_STREAM}:all", to_ms(self.now))

    def _list_deals(self) -> Iterator[Sequence[Deal]]:
        pages = follow_pages(lambda token: self.hubspot.deals.list_from_token(token, DEAL_PROPERTIES), operation="read deals")
        return (page.items for page in pages)

    def _search_deals(self, since: datetime) -> Iterator[Sequence[Deal]]:
        def fetch_page(after: int | None) -> ResultPage[Deal, int]:
            return self.hubspot.deals.search_modified(since, after or 0, DEAL_PROPERTIES)

        return (page.items for page in follow_pages(fetch_page, operation="search deals"))

    def _save_deals(self, deals: Sequence[Deal]) -> None:
        with self.store.transaction() as tx:
            known = deal_store.find(tx, [deal.id for deal in deals])
        unknown = [deal.id for deal in deals if self._outcome(deal)[0] and not _is_closed_in(deal, known.get(deal.id))]
        histories: dict[int, RecordHistory] = {}
        for ids in batched(unknown, BATCH_SIZE):
            histories |= {each.id: each for each in self.hubspot.property_histories.read("deals", ids, ("dealstage",))}
        rows = [self._deal_row(deal, histories.get(deal.id), known.get(deal.id)) for deal in deals]
        with self.store.transaction() as tx:
            deal_store.save(tx, rows, {deal.id: deal.contact_ids for deal in deals})
        self.progress.advance("deals", len(rows))

    def _outcome(self, deal: Deal) -> tuple[bool, bool]:
        """Return whether a deal is closed and won: by the metadata of its stage, else by HubSpot's flags."""
        flags = deal.properties.get("hs_is_closed") == "true", deal.properties.get("hs_is_closed_won") == "true"
        closed, won = self._deal_stages.get((deal.properties.get("pipeline"), deal.properties.get("dealstage")), flags)
        return closed or won, won

    def _deal_row(self, deal: Deal, history: RecordHistory | None, known: DealRow | None) -> DealRow:
        properties, (closed, won) = deal.properties, self._outcome(deal)
        stage = properties.get("dealstage")
        reached = max((value.at for value in history.values if value.value == stage), default=None) if history else None
        before = known.closed_at if known and known.stage == stage else None
        closed_at = to_ms(reached) if reached else before or _parse_ms(properties.get("closedate")) or to_ms(deal.updated_at)
        return DealRow(
            id=deal.id,
            updated_at=to_ms(deal.updated_at),
            created_at=_parse_ms(properties.get("createdate")),
            pipeline=properties.get("pipeline"),
            stage=stage,
            closed_at=closed_at if closed else None,
            won=won,
            amount=_parse_amount(properties.get("amount")),
        )

    # Lifecycle stages.

    def _read_stages(self) -> None:
        with self.store.transaction() as tx:
            cursor = scan_state.load_cursor(tx, STAGE_STREAM)
        since = None if cursor is None else from_ms(cursor) - self.overlap

        def fetch_page(after: int | None) -> ResultPage[Contact, int]:
            return self.hubspot.contacts.search_known((*STAGE_PROPERTIES,), since, after or 0)

        for page in follow_pages(fetch_page, operation="search lifecycle stages"):
            self._save_stages(page.items)
        with self.store.transaction() as tx:
            scan_state.save_cursor(tx, STAGE_STREAM, to_ms(self.now))
            missing = stage_dates.find_missing(tx, STAGES)
        # Search lags: a stage that was set a moment ago is not in its index.
        self._save_stages(self.hubspot.contacts.read(missing, (*STAGE_PROPERTIES, "createdate")).items)

    def _read_creations(self) -> None:
        """Read when contacts were created: only then is it known who existed at an earlier time."""
        with self.store.transaction() as tx:
            parts = list(batched(stage_dates.find_undated(tx), CONTACT_BATCH_SIZE))
        for reply in map_prefetch(parts, lambda ids: self.hubspot.contacts.read(ids, ("createdate",)), workers=READERS):
            rows = [
                StageDate(contact.id, CREATED, at) for contact in reply.items if (at := _parse_ms(contact.properties.get("createdate")))
            ]
            with self.store.transaction() as tx:
                stage_dates.save(tx, rows)
            self.progress.advance("dates of creation", len(rows))

    def _save_stages(self, contacts: Sequence[Contact]) -> None:
        with self.store.transaction() as tx:
            stage_dates.save(tx, [row for contact in contacts for row in _stage_rows(contact)])
        self.progress.advance("lifecycle stages", len(contacts))

    # Earlier values.

    def _read_object_histories(self, object_type: str, plural: str, ids: Collection[int] | None, names: Sequence[str]) -> None:
        key = ",".join(names)
        with self.store.transaction() as tx:
            unread = property_values.find_unread(tx, object_type, ids, key)
        read = partial(self.hubspot.property_histories.read, plural, names=names)
        parts = list(batched(unread, BATCH_SIZE))
        replies = map_prefetch(parts, read, workers=READERS)
        for chunk in batched(zip(parts, replies, strict=True), SAVE_EVERY):
            asked = [id_ for part, _ in chunk for id_ in part]
            found = [history for _, reply in chunk for history in reply]
            rows = [
                PropertyValueRow(object_type, history.id, value.name, to_ms(value.at), value.value)
                for history in found
                for value in history.values
            ]
            created = [StageDate(history.id, CREATED, to_ms(history.created_at)) for history in found] if object_type == "contact" else []
            with self.store.transaction() as tx:
                property_values.save(tx, object_type, asked, key, rows, read_at=to_ms(self.now))
                stage_dates.save(tx, created)
            self.progress.advance(f"histories of {plural}", len(asked))


def load_read_at(tx: Connection) -> datetime | None:
    """Return up to when deals and lifecycle stages were read: the older time; None if they have not been read.

    On a portal that has never shown deals, lifecycle stages alone decide.
    """
    cursors = {name: scan_state.load_cursor(tx, name) for name in (DEAL_STREAM, HIDDEN_DEALS, STAGE_STREAM)}
    deals, stages = cursors[DEAL_STREAM] or cursors[HIDDEN_DEALS], cursors[STAGE_STREAM]
    return None if deals is None or stages is None else from_ms(min(deals, stages))


def _is_closed_in(deal: Deal, known: DealRow | None) -> bool:
    """Return whether the state knows when the deal reached its stage."""
    return known is not None and known.closed_at is not None and known.stage == deal.properties.get("dealstage")


def _stage_rows(contact: Contact) -> Iterator[StageDate]:
    values = contact.properties
    for name, stage in {"createdate": CREATED, **STAGE_PROPERTIES}.items():
        if (at := _parse_ms(values.get(name))) is not None:
            yield StageDate(contact.id, stage, at)


def _parse_ms(text: str | None) -> int | None:
    at = parse_optional_timestamp(text)
    return None if at is None else to_ms(at)


def _parse_amount(text: str | None) -> float | None:
    try:
        amount = float(text) if text else inf
    except ValueError:
        return None
    return amount if isfinite(amount) else None
