"""Events: when and from where each kind is read. How a kind is read is in streams.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sqlalchemy import Connection

from sync_worker.concurrency import Pollable, drain, run_in_thread, submit_and_poll
from sync_worker.hubspot.records.models import Event, Form, MarketingEvent
from sync_worker.intervals import Interval, merge_intervals
from sync_worker.store import coverage, scan_state
from sync_worker.store import events as event_store
from sync_worker.store.scan_state import EventTypes
from sync_worker.sync.pull import page_view_history, streams
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.form_submissions import EVENT_KIND as FORM_SUBMISSION
from sync_worker.sync.pull.form_submissions import ArchivedForms, FormWatcher
from sync_worker.sync.pull.row_mapper import event_row
from sync_worker.sync.pull.webinar_attendance import EVENT_KIND as WEBINAR
from sync_worker.sync.pull.webinar_attendance import WebinarWatcher
from sync_worker.sync.reader.parallel_reader import read_parallel, read_parallel_batches
from sync_worker.sync.reader.stream import Stream, StreamBatch

DAY_MS: Final = 86_400_000


def event_streams(context: PullContext, kinds: Sequence[str]) -> list[Pollable[None]]:
    """Return the reads of these kinds of events, each from the end of its last read."""
    others = [_read_kind(context, kind) for kind in kinds if not streams.is_occurrence(kind)]
    return [*others, _read_occurrences(context, [kind for kind in kinds if streams.is_occurrence(kind)])]


def read_page_view_history(context: PullContext, kinds: Sequence[str]) -> None:
    """Read the occurrences from before HubSpot identified a contact; events of other kinds carry an email address."""
    kinds = [kind for kind in kinds if streams.is_occurrence(kind)]
    while ids := page_view_history.next_batch(context.store):
        visitors = page_view_history.select_with_page_views(context.hubspot.contacts, ids) if kinds else []
        for kind in kinds if visitors else ():
            _read_history(context, kind, visitors)
        with context.store.transaction() as tx:
            page_view_history.mark_done(tx, ids)


def _read_history(context: PullContext, kind: str, contact_ids: Sequence[int]) -> None:
    stream = streams.contact_occurrences(context.hubspot, drain(_resolve_event_type(context, kind)), contact_ids)
    for batch in read_parallel(stream, streams.unit_intervals(contact_ids), readers=context.readers):
        _save(context, kind, batch.rows)


def _read_kind(context: PullContext, kind: str) -> Pollable[None]:
    if kind == FORM_SUBMISSION:
        return _read_submissions(context)
    if kind == WEBINAR:
        return _read_webinars(context)
    return _read_time_stream(context, kind, streams.email_events(context.hubspot, kind), newest_first=True)


# Streams by time: email events and occurrences.


def _read_occurrences(context: PullContext, kinds: Sequence[str]) -> Pollable[None]:
    for kind in kinds:
        event_type = yield from _resolve_event_type(context, kind)
        yield from _read_time_stream(context, kind, streams.occurrences(context.hubspot, event_type), newest_first=False)


def _resolve_event_type(context: PullContext, kind: str) -> Pollable[str]:
    with context.store.transaction() as tx:
        known = scan_state.load_event_types(tx)
    if known and context.now_ms < known.fetched_at + DAY_MS and (found := streams.find_event_type(known.names, kind)):
        return found
    names = yield from submit_and_poll(context.hubspot.event_occurrences.list_types)
    with context.store.transaction() as tx:
        scan_state.save_event_types(tx, EventTypes(fetched_at=context.now_ms, names=tuple(names)))
    return streams.find_event_type(names, kind) or streams.raise_unknown_event(names, kind)


def _read_time_stream(context: PullContext, kind: str, stream: Stream[Event], *, newest_first: bool) -> Pollable[None]:
    orient = streams.mirror if newest_first else list
    with context.store.transaction() as tx:
        gaps = _plan_gaps(tx, context, kind)
    for batches in read_parallel_batches(stream, orient(gaps), readers=context.readers, yield_when_idle=True):
        if batches:
            intervals = orient([batch.interval for batch in batches])
            rows = [row for batch in batches for row in batch.rows]
            _save(context, kind, rows, partial(coverage.add_intervals, stream=kind, intervals=intervals))
        else:
            yield ()
    with context.store.transaction() as tx:
        scan_state.save_watermark(tx, kind, context.now_ms + 1 - context.overlap_ms)


def _plan_gaps(tx: Connection, context: PullContext, kind: str) -> list[Interval]:
    low, high = streams.HUBSPOT_EPOCH_MS, context.now_ms + 1
    known = coverage.load(tx, kind)
    # Events arrive late, so the times that were new to the last finished read are read again.
    settled = scan_state.load_watermark(tx, kind) or high - context.overlap_ms
    late = [Interval(settled, known[-1].high)] if known and settled < known[-1].high else []
    scan_state.save_watermark(tx, kind, settled)
    return merge_intervals([*coverage.gaps(tx, kind, low, high), *late])


# Streams by item: submissions by form, attendances by webinar.


def _read_submissions(context: PullContext) -> Pollable[None]:
    watcher = FormWatcher(contacts=context.hubspot.contacts, store=context.store, now=context.now, overlap=context.overlap)
    if (check := (yield from watcher.detect_changes())) is not None:
        yield from _read_all_forms(context)
        watcher.save(check)


def _read_all_forms(context: PullContext) -> Pollable[None]:
    forms, archived = yield from submit_and_poll(partial(_fetch_forms, context))
    archive = ArchivedForms(store=context.store, forms=archived)
    ids = sorted({form.id for form in (*forms, *archive.find_unread())})
    with context.store.transaction() as tx:
        event_store.save_forms(tx, {form.id: form.name for form in (*archive.forms, *forms)})
        stop_times = {form_id: _stop_time(tx, context, form_id) for form_id in ids}
    saver = _SubmissionSaver(context=context, form_ids=ids)
    stream = streams.submissions(context.hubspot, ids, stop_times, saver.missing.add)
    yield from _read_per_item(context, stream, ids, saver.save)
    archive.mark_read()


def _fetch_forms(context: PullContext) -> tuple[Sequence[Form], Sequence[Form]]:
    """Return the forms and the archived ones; both lists are requested at the same time."""
    archived = run_in_thread(partial(context.hubspot.forms.list_all, archived=True))
    return context.hubspot.forms.list_all(), archived.result()


def _stop_time(tx: Connection, context: PullContext, form_id: str) -> int:
    return max((interval.high for interval in coverage.load(tx, _form_stream(form_id))), default=0) - context.overlap_ms


def _form_stream(form_id: str) -> str:
    return f"form_submission:{form_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _SubmissionSaver:
    context: PullContext
    form_ids: Sequence[str]
    missing: set[str] = field(default_factory=set)

    def save(self, batch: StreamBatch[Event]) -> None:
        form_id = self.form_ids[batch.interval.low]
        # Submissions come newest first, so a form is complete only with its last page.
        complete = batch.interval.high > batch.interval.low and form_id not in self.missing
        _save(self.context, FORM_SUBMISSION, batch.rows, partial(self._save_coverage, form_id=form_id) if complete else _nothing)

    def _save_coverage(self, tx: Connection, *, form_id: str) -> None:
        coverage.add(tx, _form_stream(form_id), 0, self.context.now_ms)


def _read_webinars(context: PullContext) -> Pollable[None]:
    watcher = WebinarWatcher(store=context.store, now=context.now, overlap=context.overlap)
    due = watcher.select_due((yield from submit_and_poll(context.hubspot.marketing_events.list_webinars)))
    saver = _AttendanceSaver(context=context, watcher=watcher, webinars=due, attendances=[set() for _ in due])
    yield from _read_per_item(context, streams.attendances(context.hubspot, due), due, saver.save)
    watcher.mark_done()


@dataclass(frozen=True, slots=True, kw_only=True)
class _AttendanceSaver:
    context: PullContext
    watcher: WebinarWatcher
    webinars: Sequence[MarketingEvent]
    attendances: Sequence[set[str]]  # the ids that were read of each webinar

    def save(self, batch: StreamBatch[Event]) -> None:
        number = batch.interval.low
        self.attendances[number].update(event.id for event in batch.rows)
        complete = batch.interval.high > number
        _save(self.context, WEBINAR, batch.rows, partial(self._save_webinar, number=number) if complete else _nothing)

    def _save_webinar(self, tx: Connection, *, number: int) -> None:
        self.watcher.save(tx, self.webinars[number], self.attendances[number])


def _read_per_item(
    context: PullContext, stream: Stream[Event], items: Collection[object], save: Callable[[StreamBatch[Event]], None]
) -> Pollable[None]:
    """Read the events of each item, and save them page by page."""
    gaps = streams.unit_intervals(items)
    for batches in read_parallel_batches(stream, gaps, readers=context.readers, max_batches=1, yield_when_idle=True):
        for batch in batches:
            save(batch)
        if not batches:
            yield ()


def _nothing(_: Connection) -> None:
    return


def _save(context: PullContext, kind: str, events: Sequence[Event], save_state: Callable[[Connection], None] = _nothing) -> None:
    """Save events and the state that marks them as read in one transaction."""
    with context.store.transaction() as tx:
        event_store.save(tx, [event_row(event) for event in events if not event.obsoleted_by])
        if replaced := [event.id for event in events if event.obsoleted_by]:
            event_store.delete_by_id(tx, kind, replaced)
        save_state(tx)
    context.count(kind, len(events))
