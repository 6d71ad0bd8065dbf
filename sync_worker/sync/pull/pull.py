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

from sync_worker.concurrency import Waiting, asked, beside, finished, together
from sync_worker.errors import NotFound
from sync_worker.hubspot.api.crm_objects import UnorderedResponse
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Company, Contact, Event, Form, IdRange
from sync_worker.hubspot.records.models import ResultPage as HubSpotPage
from sync_worker.hubspot.rest.rate_limiter import Budget, Limiter
from sync_worker.progress import Progress
from sync_worker.store import contacts, coverage, differences, key_value
from sync_worker.store import events as event_store
from sync_worker.store.coverage import Interval
from sync_worker.store.database import Store
from sync_worker.sync.pull import page_view_history, streams, webinar_attendance
from sync_worker.sync.pull.exports import Files
from sync_worker.sync.pull.form_submissions import Archive, Watch
from sync_worker.sync.pull.full_scan import CONTACTS, SWEEP, Everyone, divided_among
from sync_worker.sync.pull.incremental import Changes
from sync_worker.sync.pull.row_mapper import Remembering, happening
from sync_worker.sync.reader.budget_split import Saturation
from sync_worker.sync.reader.parallel_reader import sweep, sweep_in_batches
from sync_worker.sync.reader.stream import Piece, Stream
from sync_worker.timestamps import from_ms, to_ms

Thing = TypeVar("Thing")
Cursor = TypeVar("Cursor", int, str)
Reading: TypeAlias = Generator[Sequence[int], None, None]  # of contacts: the ids of those that were kept, some at a time

DAY_MS: Final = 86_400_000
EVENT_TYPES: Final = "event_types"  # the names of the portal's types of events, asked for once a day
SPARED: Final = 0.05  # share of the burst that contacts leave to what they did: of that one thing is asked for after the other
HELD: Final = 0.9  # where there is much of it: what uses the burst up has it, and contacts are found by search meanwhile
READ: Final = "read"  # the properties that every contact and company has been read with


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Everything that is read in one run. `now` is its one instant; `overlap` is read again behind every cursor."""

    hubspot: HubSpot
    store: Store
    remembering: Remembering
    now: datetime
    overlap: timedelta
    readers: int
    progress: Progress
    clock: Callable[[], datetime]
    extent: Callable[[], IdRange] | None = None  # of the contacts, where it is known or has been asked for already
    eventful: bool = False  # there is much to read of what contacts did
    files: Files | None = None  # where everybody is read in bulk
    counts: Counter[str] = field(default_factory=Counter)

    # Events and companies. Nothing is yielded while HubSpot has to be waited for: that is time for what else has come in.

    def what_they_did(self, hidden: frozenset[str], *, every_company: bool) -> Waiting[None]:
        """Read the events that the model looks at, and companies, each from where the last reading ended."""
        kinds = sorted(self.remembering.outputs.model.event_kinds - hidden)
        occurrences = [kind for kind in kinds if streams.is_occurrence(kind)]
        others = [self._events(kind) for kind in kinds if kind not in occurrences]
        clock, burst = self.hubspot.transport.clock, self._burst
        saturation = Saturation(window=burst.window.seconds, seen=clock.monotonic())
        try:
            for _ in together(*others, self._occurrences(occurrences), self._companies(everything=every_company)):
                if not saturation.lasts(clock.monotonic(), used_up=burst.is_used_up):
                    burst.set_reserve(SPARED)  # what comes one after the other leaves most of it
                yield ()
        finally:
            burst.set_reserve(0)

    def _events(self, kind: str) -> Waiting[None]:
        if kind == "form_submission":
            return self._submissions()
        if kind == webinar_attendance.KIND:
            return self._webinars()
        return self._timed(kind, streams.emails(self.hubspot, kind), newest_first=True)

    def _occurrences(self, kinds: Sequence[str]) -> Waiting[None]:
        for kind in kinds:
            event_type = yield from self._event_type(kind)
            yield from self._timed(kind, streams.occurrences(self.hubspot, event_type), newest_first=False)

    def past(self, hidden: frozenset[str]) -> None:
        """Read what the contacts that were met for the first time had done by then; events of other kinds name an address."""
        kinds = sorted(kind for kind in self.remembering.outputs.model.event_kinds - hidden if streams.is_occurrence(kind))
        while ids := page_view_history.waiting(self.store):
            seen = page_view_history.with_a_past(self.hubspot.contacts, ids) if kinds else []
            for kind in kinds if seen else ():
                past = streams.past(self.hubspot, finished(self._event_type(kind)), seen)
                for piece in sweep(past, streams.one_each(seen), readers=self.readers):
                    with self.store.transaction() as tx:
                        self._keep(kind, piece.rows)
                    self._count(kind, len(piece.rows))
            with self.store.transaction() as tx:
                page_view_history.done(tx, ids)

    def _timed(self, kind: str, stream: Stream[Event], *, newest_first: bool) -> Waiting[None]:
        low, high = streams.FOUNDED, to_ms(self.now) + 1
        with self.store.transaction() as tx:
            known = coverage.load(tx, kind)
            # Events arrive late: what was new to the last reading that came to its end is read again.
            settled = key_value.get(tx, _settled(kind)) or high - self._overlap_ms
            late = [Interval(settled, known[-1].high)] if known and settled < known[-1].high else []
            gaps = coverage.merge_intervals([*coverage.gaps(tx, kind, low, high), *late])
            key_value.put(tx, _settled(kind), settled)
        for pieces in sweep_in_batches(stream, streams.mirrored(gaps) if newest_first else gaps, readers=self.readers, pausing=True):
            if not pieces:
                yield ()
                continue
            rows = [row for piece in pieces for row in piece.rows]
            intervals = [piece.interval for piece in pieces]
            with self.store.transaction() as tx:
                self._keep(kind, rows)
                coverage.add_intervals(tx, kind, streams.mirrored(intervals) if newest_first else intervals)
            self._count(kind, len(rows))
        with self.store.transaction() as tx:
            key_value.put(tx, _settled(kind), high - self._overlap_ms)

    def _event_type(self, kind: str) -> Waiting[str]:
        with self.store.transaction() as tx:
            known = key_value.get(tx, EVENT_TYPES) or {"asked_at": 0, "names": []}
        if to_ms(self.now) < known["asked_at"] + DAY_MS and (found := streams.event_type(known["names"], kind)):
            return found
        names = yield from asked(self.hubspot.event_occurrences.list_types)
        with self.store.transaction() as tx:
            key_value.put(tx, EVENT_TYPES, {"asked_at": to_ms(self.now), "names": names})
        return streams.event_type(names, kind) or streams.no_such_event(names, kind)

    def _submissions(self) -> Waiting[None]:
        watch = Watch(contacts=self.hubspot.contacts, store=self.store, now=self.now, overlap=self.overlap)
        if (news := (yield from watch.news())) is not None:
            yield from self._every_form()
            watch.note(news)

    def _every_form(self) -> Waiting[None]:
        forms, archived = yield from asked(self._forms)
        archive = Archive(store=self.store, forms=archived)
        ids = sorted({form.id for form in (*forms, *archive.unread())})
        with self.store.transaction() as tx:
            event_store.save_forms(tx, {form.id: form.name for form in (*archive.forms, *forms)})
            fronts = {id_: max((i.high for i in coverage.load(tx, _submissions_of(id_))), default=0) - self._overlap_ms for id_ in ids}
        vanished: set[str] = set()
        stream = streams.submissions(self.hubspot, ids, fronts, vanished.add)

        def keep(piece: Piece[Event]) -> None:
            form_id = ids[piece.interval.low]
            with self.store.transaction() as tx:
                self._keep("form_submission", piece.rows)
                if piece.interval.high > piece.interval.low and form_id not in vanished:
                    # Newest first: only when the last page is read is anything complete.
                    coverage.add(tx, _submissions_of(form_id), 0, to_ms(self.now))
            self._count("form_submission", len(piece.rows))

        yield from self._each(stream, ids, keep)
        archive.note_read()

    def _forms(self) -> tuple[Sequence[Form], Sequence[Form]]:
        """Return the forms and the archived ones, asked for at once."""
        archived = beside(partial(self.hubspot.forms.list_all, archived=True))
        return self.hubspot.forms.list_all(), archived.result()

    def _webinars(self) -> Waiting[None]:
        watch = webinar_attendance.Watch(store=self.store, now=self.now, overlap=self.overlap)
        due = watch.due((yield from asked(self.hubspot.marketing_events.list_webinars)))
        attended: list[set[str]] = [set() for _ in due]

        def keep(piece: Piece[Event]) -> None:
            place = piece.interval.low
            attended[place] |= {event.id for event in piece.rows}
            with self.store.transaction() as tx:
                self._keep(webinar_attendance.KIND, piece.rows)
                if piece.interval.high > place:
                    watch.note(tx, due[place], attended[place])
            self._count(webinar_attendance.KIND, len(piece.rows))

        yield from self._each(streams.attendances(self.hubspot, due), due, keep)
        watch.done()

    def _each(self, stream: Stream[Event], things: Collection[object], keep: Callable[[Piece[Event]], None]) -> Waiting[None]:
        """Read what belongs to each of some things, and keep it page by page."""
        for pieces in sweep_in_batches(stream, streams.one_each(things), readers=self.readers, most=1, pausing=True):
            for piece in pieces:
                keep(piece)
            if not pieces:
                yield ()

    def _keep(self, kind: str, events: Sequence[Event]) -> None:
        tx = self.store.connection
        replaced = [event.id for event in events if event.obsoleted_by]
        event_store.save(tx, [happening(event) for event in events if not event.obsoleted_by])
        if replaced:
            event_store.delete_by_id(tx, kind, replaced)

    def _companies(self, *, everything: bool) -> Waiting[None]:
        """Read companies, where the model looks at them: all, or those that changed."""
        properties = self.remembering.company_properties
        if not properties:
            return
        with self.store.transaction() as tx:
            cursor = key_value.get(tx, _cursor("companies"))
        if everything or cursor is None:
            pages = self._every_company(properties)
        else:
            pages = _walk(lambda after: self.hubspot.companies.search_modified(self._since(cursor), after or 0, properties))
        for rows in pages:
            if not rows:
                yield ()
                continue
            with self.store.transaction() as tx:
                contacts.save_companies(tx, self.remembering.companies(rows))
            self._count("companies", len(rows))
        self._move_cursor("companies")

    def _every_company(self, properties: Sequence[str]) -> Generator[Sequence[Company], None, None]:
        with ExitStack() as stack:
            if self.files and (file := self.files.companies(stack, properties, self.hubspot.companies.count())) is not None:
                yield from file
                return
        try:
            yield from self._companies_by_id(properties)
        except UnorderedResponse:
            yield from _walk(lambda token: self.hubspot.companies.list_from_token(token, properties))

    def _companies_by_id(self, properties: Sequence[str]) -> Generator[Sequence[Company], None, None]:
        first = yield from asked(partial(self.hubspot.companies.list_from_id, 0, properties))
        yield first.items
        if first.next is None:
            return  # all of them: nobody has to be asked how many there are
        extent = yield from asked(self.hubspot.companies.read_id_range)
        low = first.items[-1].id + 1 if first.items else 0
        gaps = divided_among(self.readers, [Interval(low, max(low, extent.highest_id or 0) + 1)], extent)
        for pieces in sweep_in_batches(streams.companies(self.hubspot, properties), gaps, readers=self.readers, pausing=True):
            yield [row for piece in pieces for row in piece.rows]

    # Contacts.

    def go_on(self) -> bool:
        """Tell whether what is known covers what the model asks for, so that the changes since are enough.

        What the model does not ask for is not read with the changes, so that it is not known from here on.
        """
        asked = self._asked()
        with self.store.transaction() as tx:
            known = key_value.get(tx, READ) or ()
            if key_value.get(tx, _cursor(CONTACTS)) is None or not set(asked) <= set(known):
                return False
            if asked != known:
                key_value.put(tx, READ, asked)
                key_value.put(tx, SWEEP, {**key_value.get(tx, SWEEP), "done": True})  # a reading of more begins anew
            return True

    def changed_contacts(self) -> None:
        """Read the contacts that changed since the cursor, less an overlap."""
        with self.store.transaction() as tx:
            cursor = key_value.get(tx, _cursor(CONTACTS))
            # Who is seen now is not gone, even if a full reading that was stopped has passed the place.
            number = key_value.get(tx, SWEEP)["number"]
        changes = Changes(
            contacts=self.hubspot.contacts,
            store=self.store,
            properties=self.remembering.contact_properties,
            clock=self.clock,
            overlap=self.overlap,
            keep=partial(self._keep_contacts, sweep=number, coming=page_view_history.note),
        )
        read_to = changes.read(from_ms(cursor))
        with self.store.transaction() as tx:
            key_value.put(tx, _cursor(CONTACTS), to_ms(max(read_to, self.now)))

    def every_contact(self, *, written: bool = False) -> Reading:
        """Read every contact, going on where an earlier reading was stopped; yield the ids that were kept, some at a time.

        With `written`, the reading leaves room for a write of each meanwhile. Where HubSpot has to be waited for, nobody is yielded, and
        first of all when the reading has begun: what is done then is done beside it.
        Who is not there any more in the end is gone: deleted, or merged into another.
        """
        self._burst.set_reserve(HELD if self.eventful else SPARED)
        with self.store.transaction() as tx:
            first = key_value.get(tx, _cursor(CONTACTS)) is None  # else everybody is new, and all events have just been read
        yield from Everyone(
            hubspot=self.hubspot,
            store=self.store,
            properties=self.remembering.contact_properties,
            asked=self._asked(),
            now=self.now,
            readers=self.readers,
            keep=self._keep_contacts if first else partial(self._keep_contacts, coming=page_view_history.note),
            expect=lambda number: self.progress.expect(CONTACTS, number),
            extent=self.extent,
            files=self.files,
            written=written,
        ).read()
        with self.store.transaction() as tx:
            key_value.put(tx, READ, self._asked())
            key_value.put(tx, _cursor(CONTACTS), key_value.get(tx, SWEEP)["started"])

    def members(self) -> None:
        """Read who is in our lists: others may have put people there or taken them out."""
        with self.store.transaction() as tx:
            ids = differences.load_list_ids(tx)
        for key, list_id in ((key, ids[key]) for key in self.remembering.outputs.lists if key in ids):
            try:
                members = list(_members(self.hubspot, list_id))
            except NotFound:
                continue  # deleted: who should be in it is told when it is to be changed
            with self.store.transaction() as tx:
                differences.replace_members(tx, key, members)
            self._count("list members", len(members))

    @property
    def _burst(self) -> Limiter:
        return self.hubspot.transport.rate_limiter.limiter(Budget.BURST)

    def _asked(self) -> list[str]:
        company = [f"company.{name}" for name in self.remembering.company_properties]
        return [*self.remembering.contact_properties, *company]

    def _keep_contacts(
        self,
        rows: Sequence[Contact],
        *,
        sweep: int,
        intervals: Iterable[Interval] = (),
        coming: Callable[[Connection, Sequence[int]], None] = lambda _tx, _ids: None,
    ) -> None:
        with self.store.transaction() as tx:
            coming(tx, [row.id for row in rows])
            contacts.save(tx, self.remembering.people(rows), scan_id=sweep)
            coverage.add_intervals(tx, CONTACTS, intervals)
        self._count(CONTACTS, len(rows))

    def _count(self, what: str, number: int) -> None:
        self.counts[what] += number
        self.progress.advance(what, number)

    def _since(self, cursor: int) -> datetime:
        return from_ms(cursor) - self.overlap

    def _move_cursor(self, what: str) -> None:
        # To the beginning of this run: what changed since then is seen by the next.
        with self.store.transaction() as tx:
            key_value.put(tx, _cursor(what), to_ms(self.now))

    @property
    def _overlap_ms(self) -> int:
        return int(self.overlap / timedelta(milliseconds=1))


def last_complete_reading(tx: Connection) -> int | None:
    """Return when the last reading of every contact began (milliseconds) that came to its end."""
    last = key_value.get(tx, SWEEP)
    return last["started"] if last and last["done"] else None


def cursors(tx: Connection) -> dict[str, str]:
    """Return how far each stream has been read, as ISO times."""
    found = {name: key_value.get(tx, _cursor(name)) for name in (CONTACTS, "companies")}
    for stream, intervals in coverage.load_all(tx).items():
        kind = stream.partition(":")[0] if stream.startswith("form_submission:") else stream
        if kind != CONTACTS:
            found[kind] = min(intervals[-1].high, found.get(kind) or streams.FOR_EVER)
    return {name: from_ms(at).isoformat(timespec="seconds") for name, at in found.items() if at is not None}


def _walk(page: Callable[[Cursor | None], HubSpotPage[Thing, Cursor]]) -> Generator[Sequence[Thing], None, None]:
    """Follow pages, the first of which nothing leads to, to the end."""
    found = yield from asked(partial(page, None))
    yield found.items
    while found.next is not None:
        found = yield from asked(partial(page, found.next))
        yield found.items


def _members(hubspot: HubSpot, list_id: str) -> Iterator[int]:
    after: str | None = None
    while True:
        page = hubspot.lists.read_members(list_id, after)
        yield from page.items
        if page.next is None:
            return
        after = page.next


def _cursor(what: str) -> str:
    return f"cursor:{what}"


def _settled(kind: str) -> str:
    return f"settled:{kind}"


def _submissions_of(form_id: str) -> str:
    return f"form_submission:{form_id}"
