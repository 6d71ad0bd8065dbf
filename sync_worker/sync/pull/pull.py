"""Read from HubSpot what is not known yet, and remember it with the mark that says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias, TypeVar

from sqlalchemy import Connection

from sync_worker.concurrency import Pollable, drain, interleave, run_in_thread, submit_and_poll
from sync_worker.errors import NotFound, StateError
from sync_worker.hubspot.api.crm_objects import UnorderedResponse
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Company, Contact, Event, Form
from sync_worker.hubspot.records.models import ResultPage as HubSpotPage
from sync_worker.intervals import Interval, merge_intervals
from sync_worker.progress import Progress
from sync_worker.store import contacts, coverage, memberships, scan_state
from sync_worker.store import events as event_store
from sync_worker.store.database import Store
from sync_worker.store.scan_state import EventTypes
from sync_worker.sync.pull import page_view_history, streams, webinar_attendance
from sync_worker.sync.pull.event_reserve import EventReserve
from sync_worker.sync.pull.exports import ExportReader
from sync_worker.sync.pull.form_submissions import ArchivedForms, FormWatcher
from sync_worker.sync.pull.full_scan import CONTACT_STREAM, FullScan, partition_for
from sync_worker.sync.pull.incremental import IncrementalReader
from sync_worker.sync.pull.row_mapper import RowMapper, event_row
from sync_worker.sync.reader.parallel_reader import read_parallel, read_parallel_batches
from sync_worker.sync.reader.stream import Stream, StreamBatch
from sync_worker.timestamps import from_ms, to_ms

PageItem = TypeVar("PageItem")
PageCursor = TypeVar("PageCursor", int, str)
ContactIdBatches: TypeAlias = Generator[Sequence[int], None, None]  # of contacts: the ids of those that were kept, some at a time

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Everything that is read in one run. `now` is its one instant; `overlap` is read again behind every cursor."""

    hubspot: HubSpot
    store: Store
    row_mapper: RowMapper
    now: datetime
    overlap: timedelta
    readers: int
    progress: Progress
    clock: Callable[[], datetime]
    export_reader: ExportReader | None = None  # where everybody is read in bulk
    counts: Counter[str] = field(default_factory=Counter)

    # Events and companies. Nothing is yielded while HubSpot has to be waited for: that is time for what else has come in.

    def events(self, hidden_kinds: frozenset[str], *, all_companies: bool) -> Pollable[None]:
        """Read the events that the model looks at, and companies, each from where the last reading ended."""
        kinds = sorted(self.row_mapper.crm_schema.model.event_kinds - hidden_kinds)
        occurrences = [kind for kind in kinds if streams.is_occurrence(kind)]
        others = [self._read_event_kind(kind) for kind in kinds if kind not in occurrences]
        with EventReserve(burst=self.hubspot.budgets.burst, monotonic=self.hubspot.budgets.monotonic) as reserve:
            for _ in interleave(*others, self._read_occurrences(occurrences), self._read_companies(read_all=all_companies)):
                reserve.update(sum(self.counts[kind] for kind in kinds))
                yield ()

    def _read_event_kind(self, kind: str) -> Pollable[None]:
        if kind == "form_submission":
            return self._read_submissions()
        if kind == webinar_attendance.EVENT_KIND:
            return self._read_webinars()
        return self._read_time_stream(kind, streams.email_events(self.hubspot, kind), newest_first=True)

    def _read_occurrences(self, kinds: Sequence[str]) -> Pollable[None]:
        for kind in kinds:
            event_type = yield from self._resolve_event_type(kind)
            yield from self._read_time_stream(kind, streams.occurrences(self.hubspot, event_type), newest_first=False)

    def page_view_history(self, hidden_kinds: frozenset[str]) -> None:
        """Read what the contacts that were met for the first time had done by then; events of other kinds name an address."""
        kinds = sorted(kind for kind in self.row_mapper.crm_schema.model.event_kinds - hidden_kinds if streams.is_occurrence(kind))
        while ids := page_view_history.next_batch(self.store):
            seen = page_view_history.select_with_page_views(self.hubspot.contacts, ids) if kinds else []
            for kind in kinds if seen else ():
                past = streams.contact_occurrences(self.hubspot, drain(self._resolve_event_type(kind)), seen)
                for piece in read_parallel(past, streams.unit_intervals(seen), readers=self.readers):
                    with self.store.transaction() as tx:
                        self._save_events(kind, piece.rows)
                    self._count(kind, len(piece.rows))
            with self.store.transaction() as tx:
                page_view_history.mark_done(tx, ids)

    def _read_time_stream(self, kind: str, stream: Stream[Event], *, newest_first: bool) -> Pollable[None]:
        low, high = streams.HUBSPOT_EPOCH_MS, to_ms(self.now) + 1
        with self.store.transaction() as tx:
            known = coverage.load(tx, kind)
            # Events arrive late: what was new to the last reading that came to its end is read again.
            settled = scan_state.load_watermark(tx, kind) or high - self._overlap_ms
            late = [Interval(settled, known[-1].high)] if known and settled < known[-1].high else []
            gaps = merge_intervals([*coverage.gaps(tx, kind, low, high), *late])
            scan_state.save_watermark(tx, kind, settled)
        for pieces in read_parallel_batches(
            stream, streams.mirror(gaps) if newest_first else gaps, readers=self.readers, yield_when_idle=True
        ):
            if not pieces:
                yield ()
                continue
            rows = [row for piece in pieces for row in piece.rows]
            intervals = [piece.interval for piece in pieces]
            with self.store.transaction() as tx:
                self._save_events(kind, rows)
                coverage.add_intervals(tx, kind, streams.mirror(intervals) if newest_first else intervals)
            self._count(kind, len(rows))
        with self.store.transaction() as tx:
            scan_state.save_watermark(tx, kind, high - self._overlap_ms)

    def _resolve_event_type(self, kind: str) -> Pollable[str]:
        with self.store.transaction() as tx:
            known = scan_state.load_event_types(tx)
        if known and to_ms(self.now) < known.fetched_at + DAY_MS and (found := streams.find_event_type(known.names, kind)):
            return found
        names = yield from submit_and_poll(self.hubspot.event_occurrences.list_types)
        with self.store.transaction() as tx:
            scan_state.save_event_types(tx, EventTypes(fetched_at=to_ms(self.now), names=tuple(names)))
        return streams.find_event_type(names, kind) or streams.raise_unknown_event(names, kind)

    def _read_submissions(self) -> Pollable[None]:
        watch = FormWatcher(contacts=self.hubspot.contacts, store=self.store, now=self.now, overlap=self.overlap)
        if (news := (yield from watch.detect_changes())) is not None:
            yield from self._read_all_forms()
            watch.save(news)

    def _read_all_forms(self) -> Pollable[None]:
        forms, archived = yield from submit_and_poll(self._fetch_forms)
        archive = ArchivedForms(store=self.store, forms=archived)
        ids = sorted({form.id for form in (*forms, *archive.find_unread())})
        with self.store.transaction() as tx:
            event_store.save_forms(tx, {form.id: form.name for form in (*archive.forms, *forms)})
            fronts = {id_: max((i.high for i in coverage.load(tx, _form_stream_name(id_))), default=0) - self._overlap_ms for id_ in ids}
        vanished: set[str] = set()
        stream = streams.submissions(self.hubspot, ids, fronts, vanished.add)

        def save(batch: StreamBatch[Event]) -> None:
            form_id = ids[batch.interval.low]
            with self.store.transaction() as tx:
                self._save_events("form_submission", batch.rows)
                if batch.interval.high > batch.interval.low and form_id not in vanished:
                    # Newest first: only when the last page is read is anything complete.
                    coverage.add(tx, _form_stream_name(form_id), 0, to_ms(self.now))
            self._count("form_submission", len(batch.rows))

        yield from self._read_per_item(stream, ids, save)
        archive.mark_read()

    def _fetch_forms(self) -> tuple[Sequence[Form], Sequence[Form]]:
        """Return the forms and the archived ones, asked for at once."""
        archived = run_in_thread(partial(self.hubspot.forms.list_all, archived=True))
        return self.hubspot.forms.list_all(), archived.result()

    def _read_webinars(self) -> Pollable[None]:
        watch = webinar_attendance.WebinarWatcher(store=self.store, now=self.now, overlap=self.overlap)
        due = watch.select_due((yield from submit_and_poll(self.hubspot.marketing_events.list_webinars)))
        attended: list[set[str]] = [set() for _ in due]

        def save(batch: StreamBatch[Event]) -> None:
            place = batch.interval.low
            attended[place] |= {event.id for event in batch.rows}
            with self.store.transaction() as tx:
                self._save_events(webinar_attendance.EVENT_KIND, batch.rows)
                if batch.interval.high > place:
                    watch.save(tx, due[place], attended[place])
            self._count(webinar_attendance.EVENT_KIND, len(batch.rows))

        yield from self._read_per_item(streams.attendances(self.hubspot, due), due, save)
        watch.mark_done()

    def _read_per_item(
        self, stream: Stream[Event], items: Collection[object], save: Callable[[StreamBatch[Event]], None]
    ) -> Pollable[None]:
        """Read what belongs to each of some things, and keep it page by page."""
        for pieces in read_parallel_batches(
            stream, streams.unit_intervals(items), readers=self.readers, max_batches=1, yield_when_idle=True
        ):
            for piece in pieces:
                save(piece)
            if not pieces:
                yield ()

    def _save_events(self, kind: str, events: Sequence[Event]) -> None:
        tx = self.store.connection
        replaced = [event.id for event in events if event.obsoleted_by]
        event_store.save(tx, [event_row(event) for event in events if not event.obsoleted_by])
        if replaced:
            event_store.delete_by_id(tx, kind, replaced)

    def _read_companies(self, *, read_all: bool) -> Pollable[None]:
        """Read companies, where the model looks at them: all, or those that changed."""
        properties = self.row_mapper.company_properties
        if not properties:
            return
        with self.store.transaction() as tx:
            cursor = scan_state.load_cursor(tx, "companies")
        if read_all or cursor is None:
            pages = self._read_all_companies(properties)
        else:
            pages = _follow_pages(lambda after: self.hubspot.companies.search_modified(self._overlap_start(cursor), after or 0, properties))
        for rows in pages:
            if not rows:
                yield ()
                continue
            with self.store.transaction() as tx:
                contacts.save_companies(tx, self.row_mapper.company_rows(rows))
            self._count("companies", len(rows))
        self._save_cursor("companies")

    def _read_all_companies(self, properties: Sequence[str]) -> Generator[Sequence[Company], None, None]:
        with ExitStack() as stack:
            if (
                self.export_reader
                and (file := self.export_reader.read_companies(stack, properties, self.hubspot.companies.count())) is not None
            ):
                yield from file
                return
        try:
            yield from self._read_companies_by_id(properties)
        except UnorderedResponse:
            yield from _follow_pages(lambda token: self.hubspot.companies.list_from_token(token, properties))

    def _read_companies_by_id(self, properties: Sequence[str]) -> Generator[Sequence[Company], None, None]:
        first = yield from submit_and_poll(partial(self.hubspot.companies.list_from_id, 0, properties))
        yield first.items
        if first.next is None:
            return  # all of them: nobody has to be asked how many there are
        extent = yield from submit_and_poll(self.hubspot.companies.read_id_range)
        low = first.items[-1].id + 1 if first.items else 0
        gaps = partition_for(self.readers, [Interval(low, max(low, extent.highest_id or 0) + 1)], extent)
        for pieces in read_parallel_batches(streams.companies(self.hubspot, properties), gaps, readers=self.readers, yield_when_idle=True):
            yield [row for piece in pieces for row in piece.rows]

    # Contacts.

    def can_resume(self) -> bool:
        """Tell whether what is known covers what the model asks for, so that the changes since are enough.

        What the model does not ask for is not read with the changes, so that it is not known from here on.
        """
        asked = self._properties_to_read()
        with self.store.transaction() as tx:
            known = scan_state.load_read_properties(tx)
            if scan_state.load_cursor(tx, CONTACT_STREAM) is None or not set(asked) <= set(known):
                return False
            if tuple(asked) != known:
                scan_state.save_read_properties(tx, asked)
                scan_state.abandon_full_scan(tx)
            return True

    def recent_contacts(self) -> None:
        """Read the contacts that changed since the cursor, less an overlap."""
        with self.store.transaction() as tx:
            cursor = scan_state.load_cursor(tx, CONTACT_STREAM)
            # Who is seen now is not gone, even if a full reading that was stopped has passed the place.
            scan = scan_state.load_full_scan(tx)
        if cursor is None or scan is None:
            raise StateError("The state has no finished full scan of the contacts.", hint="Run `sync-worker backfill`.")
        changes = IncrementalReader(
            contacts=self.hubspot.contacts,
            store=self.store,
            properties=self.row_mapper.contact_properties,
            clock=self.clock,
            overlap=self.overlap,
            save=partial(self._save_contacts, scan_id=scan.number, before_save=page_view_history.enqueue),
        )
        read_to = changes.read(from_ms(cursor))
        with self.store.transaction() as tx:
            scan_state.save_cursor(tx, CONTACT_STREAM, to_ms(max(read_to, self.now)))

    def all_contacts(self, *, interleave_writes: bool = False) -> ContactIdBatches:
        """Read every contact, going on where an earlier reading was stopped; yield the ids that were kept, some at a time.

        With `written`, the reading leaves room for a write of each meanwhile. Where HubSpot has to be waited for, nobody is yielded, and
        first of all when the reading has begun: what is done then is done beside it.
        Who is not there any more in the end is gone: deleted, or merged into another.
        """
        with self.store.transaction() as tx:
            first = scan_state.load_cursor(tx, CONTACT_STREAM) is None  # else everybody is new, and all events have just been read
        yield from FullScan(
            hubspot=self.hubspot,
            store=self.store,
            properties=self.row_mapper.contact_properties,
            requested_properties=self._properties_to_read(),
            now=self.now,
            readers=self.readers,
            save=self._save_contacts if first else partial(self._save_contacts, before_save=page_view_history.enqueue),
            expect=lambda number: self.progress.expect(CONTACT_STREAM, number),
            export_reader=self.export_reader,
            interleave_writes=interleave_writes,
        ).read()
        with self.store.transaction() as tx:
            scan_state.save_read_properties(tx, self._properties_to_read())
            if (started_at := last_full_scan(tx)) is not None:
                scan_state.save_cursor(tx, CONTACT_STREAM, started_at)

    def list_members(self) -> None:
        """Read who is in our lists: others may have put people there or taken them out."""
        with self.store.transaction() as tx:
            ids = memberships.load_list_ids(tx)
        for key, list_id in ((key, ids[key]) for key in self.row_mapper.crm_schema.list_names if key in ids):
            try:
                members = list(_fetch_list_members(self.hubspot, list_id))
            except NotFound:
                continue  # deleted: who should be in it is told when it is to be changed
            with self.store.transaction() as tx:
                memberships.replace(tx, key, members)
            self._count("list members", len(members))

    def _properties_to_read(self) -> list[str]:
        company = [f"company.{name}" for name in self.row_mapper.company_properties]
        return [*self.row_mapper.contact_properties, *company]

    def _save_contacts(
        self,
        rows: Sequence[Contact],
        *,
        scan_id: int,
        intervals: Iterable[Interval] = (),
        before_save: Callable[[Connection, Sequence[int]], None] = lambda _tx, _ids: None,
    ) -> None:
        with self.store.transaction() as tx:
            before_save(tx, [row.id for row in rows])
            contacts.save(tx, self.row_mapper.contact_rows(rows), scan_id=scan_id)
            coverage.add_intervals(tx, CONTACT_STREAM, intervals)
        self._count(CONTACT_STREAM, len(rows))

    def _count(self, counter: str, number: int) -> None:
        self.counts[counter] += number
        self.progress.advance(counter, number)

    def _overlap_start(self, cursor: int) -> datetime:
        return from_ms(cursor) - self.overlap

    def _save_cursor(self, stream: str) -> None:
        # To the beginning of this run: what changed since then is seen by the next.
        with self.store.transaction() as tx:
            scan_state.save_cursor(tx, stream, to_ms(self.now))

    @property
    def _overlap_ms(self) -> int:
        return int(self.overlap / timedelta(milliseconds=1))


def last_full_scan(tx: Connection) -> int | None:
    """Return when the last reading of every contact began (milliseconds) that came to its end."""
    last = scan_state.load_full_scan(tx)
    return last.started_at if last and last.done else None


def load_cursors(tx: Connection) -> dict[str, str]:
    """Return how far each stream has been read, as ISO times."""
    found = {name: scan_state.load_cursor(tx, name) for name in (CONTACT_STREAM, "companies")}
    for stream, intervals in coverage.load_all(tx).items():
        kind = stream.partition(":")[0] if stream.startswith("form_submission:") else stream
        if kind != CONTACT_STREAM:
            found[kind] = min(intervals[-1].high, found.get(kind) or streams.MAX_KEY)
    return {name: from_ms(at).isoformat(timespec="seconds") for name, at in found.items() if at is not None}


def _follow_pages(
    fetch_page: Callable[[PageCursor | None], HubSpotPage[PageItem, PageCursor]],
) -> Generator[Sequence[PageItem], None, None]:
    """Follow pages, the first of which nothing leads to, to the end."""
    found = yield from submit_and_poll(partial(fetch_page, None))
    yield found.items
    while found.next is not None:
        found = yield from submit_and_poll(partial(fetch_page, found.next))
        yield found.items


def _fetch_list_members(hubspot: HubSpot, list_id: str) -> Iterator[int]:
    after: str | None = None
    while True:
        page = hubspot.lists.read_members(list_id, after)
        yield from page.items
        if page.next is None:
            return
        after = page.next


def _form_stream_name(form_id: str) -> str:
    return f"form_submission:{form_id}"
