"""Events: when and from where each kind is read. How a kind is read is in streams.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final

from sqlalchemy import Connection

from sync_worker.hubspot.records.models import Event, Form, MarketingEvent
from sync_worker.store.facts import coverage, repairs
from sync_worker.store.facts import events as event_store
from sync_worker.store.saved_state import scan_state
from sync_worker.store.saved_state.scan_state import EventTypes, FormCheck
from sync_worker.sync.pull import streams
from sync_worker.sync.pull.activity import page_view_history
from sync_worker.sync.pull.activity.event_times import finish_read, plan_read
from sync_worker.sync.pull.activity.form_watcher import EVENT_KIND as FORM_SUBMISSION
from sync_worker.sync.pull.activity.form_watcher import ArchivedForms, FormWatcher, select_readable
from sync_worker.sync.pull.activity.webinar_attendance import EVENT_KIND as WEBINAR
from sync_worker.sync.pull.activity.webinar_attendance import WebinarWatcher
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.item_errors import ItemErrors
from sync_worker.sync.pull.row_mapper import event_row
from sync_worker.sync.reader.parallel_reader import read_parallel
from sync_worker.sync.reader.stream import Stream, StreamBatch

DAY_MS: Final = 86_400_000


def read_events(context: PullContext, kinds: Sequence[str], *, is_full: bool) -> list[Future[None]]:
    """Start the reads of these kinds of events, each from the end of its last read; in a full scan, late events are read as well."""
    others = [kind for kind in kinds if not streams.is_occurrence(kind)]
    occurrences = [kind for kind in kinds if streams.is_occurrence(kind)]
    reads = [context.threads.start(kind, partial(_read_kind, context, kind, is_full=is_full)) for kind in others]
    return [*reads, context.threads.start("occurrences", partial(_read_occurrences, context, occurrences, is_full=is_full))]


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
    stream = streams.contact_occurrences(context.hubspot, resolve_event_type(context, kind), contact_ids)
    for batch in read_parallel(stream, streams.unit_intervals(contact_ids), readers=context.readers):
        save_events(context, kind, batch.rows)


def _read_kind(context: PullContext, kind: str, *, is_full: bool) -> None:
    if kind == FORM_SUBMISSION:
        _read_submissions(context, is_full=is_full)
    elif kind == WEBINAR:
        _read_webinars(context, is_full=is_full)
    else:
        _read_time_stream(context, kind, streams.email_events(context.hubspot, kind), newest_first=True, is_full=is_full)


# Streams by time: email events and occurrences.


def _read_occurrences(context: PullContext, kinds: Sequence[str], *, is_full: bool) -> None:
    for kind in kinds:
        event_type = resolve_event_type(context, kind)
        _read_time_stream(context, kind, streams.occurrences(context.hubspot, event_type), newest_first=False, is_full=is_full)


def resolve_event_type(context: PullContext, kind: str) -> str:
    """Return HubSpot's name of a kind of occurrences."""
    known = context.transact(scan_state.load_event_types)
    if known and context.now_ms < known.fetched_at + DAY_MS and (found := streams.find_event_type(known.names, kind)):
        return found
    names = context.hubspot.event_occurrences.list_types()
    event_types = EventTypes(fetched_at=context.now_ms, names=tuple(names))
    context.transact(lambda tx: scan_state.save_event_types(tx, event_types))
    return streams.find_event_type(names, kind) or streams.raise_unknown_event(names, kind)


def _read_time_stream(context: PullContext, kind: str, stream: Stream[Event], *, newest_first: bool, is_full: bool) -> None:
    orient = streams.mirror if newest_first else list
    plan = context.transact(partial(plan_read, context=context, kind=kind, is_full=is_full))
    with context.open_batches(stream, orient(plan.gaps)) as reads:
        for batches in reads:
            intervals = orient([batch.interval for batch in batches])
            events = [event for batch in batches for event in batch.rows]
            save_events(context, kind, events, partial(coverage.add_intervals, stream=kind, intervals=intervals), is_late=plan.is_late)
    context.transact(partial(finish_read, context=context, kind=kind, plan=plan))


# Streams by item: submissions by form, attendances by webinar.


def _read_submissions(context: PullContext, *, is_full: bool) -> None:
    watcher = FormWatcher(context=context)
    if is_full:
        check: FormCheck | None = FormCheck(checked_at=context.now_ms, seen=())
    else:
        check = watcher.detect_changes()
    if check is not None:
        # The hourly check and the full scan look for late submissions as well.
        is_hourly = check.checked_at == context.now_ms
        errors = _read_all_forms(context, behind=context.late_ms if is_hourly else context.overlap_ms)
        # A conversion stays new until its form can be read. The hourly check waits for the next hour, because it costs the most.
        if is_hourly or not errors.has_transient():
            watcher.save(check)


def _read_all_forms(context: PullContext, *, behind: int) -> ItemErrors:
    forms, archived = _fetch_forms(context)
    archive = ArchivedForms(context=context, forms=archived)
    ids = sorted({form.id for form in (*forms, *archive.find_unread())})
    names = {form.id: form.name for form in (*archive.forms, *forms) if form.name is not None}
    context.transact(lambda tx: event_store.save_forms(tx, names))
    last_reads = context.transact(lambda tx: {form_id: _last_read(tx, form_id) for form_id in ids})
    stop_times = {form_id: last - behind for form_id, last in last_reads.items()}
    last_check = context.transact(scan_state.load_form_check)
    # Submissions of a form that an earlier check did not see are late as well.
    settled = {form_id: last or (last_check.checked_at if last_check else 0) for form_id, last in last_reads.items()}
    saver = _SubmissionSaver(context=context, form_ids=ids, last_reads=settled, errors=ItemErrors("form", names))
    _read_per_item(context, streams.submissions(context.hubspot, ids, stop_times, saver.errors), ids, saver.save)
    _save_errors(context, saver.errors)
    archive.mark_read(except_for=saver.errors)
    return saver.errors


def _fetch_forms(context: PullContext) -> tuple[Sequence[Form], Sequence[Form]]:
    """Return the forms and the archived ones; both lists are requested at the same time."""
    archived = context.threads.start("archived forms", partial(context.hubspot.forms.list_all, archived=True))
    return select_readable(context.hubspot.forms.list_all()), select_readable(archived.result())


def _last_read(tx: Connection, form_id: str) -> int:
    return max((interval.high for interval in coverage.load(tx, _form_stream(form_id))), default=0)


def _form_stream(form_id: str) -> str:
    return f"form_submission:{form_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _SubmissionSaver:
    context: PullContext
    form_ids: Sequence[str]
    last_reads: Mapping[str, int]  # milliseconds
    errors: ItemErrors

    def save(self, batch: StreamBatch[Event]) -> None:
        form_id = self.form_ids[batch.interval.low]
        # Submissions come newest first, so a form is complete only with its last page.
        complete = batch.interval.high > batch.interval.low and not self.errors.is_incomplete(form_id)
        save_state = partial(self._save_coverage, form_id=form_id) if complete else _nothing
        settled_before = self.last_reads[form_id] - self.context.overlap_ms
        save_events(self.context, FORM_SUBMISSION, batch.rows, save_state, is_late=lambda at: at < settled_before)

    def _save_coverage(self, tx: Connection, *, form_id: str) -> None:
        coverage.add(tx, _form_stream(form_id), 0, self.context.now_ms)


def _read_webinars(context: PullContext, *, is_full: bool) -> None:
    watcher = WebinarWatcher(context=context)
    due = watcher.select_due(context.hubspot.marketing_events.list_webinars(), is_full=is_full)
    errors = ItemErrors("webinar", {webinar.id: webinar.name for webinar in due})
    saver = _AttendanceSaver(context=context, watcher=watcher, webinars=due, attendances=[set() for _ in due], errors=errors)
    _read_per_item(context, streams.attendances(context.hubspot, due, errors), due, saver.save)
    _save_errors(context, errors)
    watcher.mark_done()


@dataclass(frozen=True, slots=True, kw_only=True)
class _AttendanceSaver:
    context: PullContext
    watcher: WebinarWatcher
    webinars: Sequence[MarketingEvent]
    attendances: Sequence[set[str]]  # the ids that were read of each webinar
    errors: ItemErrors

    def save(self, batch: StreamBatch[Event]) -> None:
        number = batch.interval.low
        self.attendances[number].update(event.id for event in batch.rows)
        complete = batch.interval.high > number and not self.errors.is_incomplete(self.webinars[number].id)
        save_events(self.context, WEBINAR, batch.rows, partial(self._save_webinar, number=number) if complete else _nothing)

    def _save_webinar(self, tx: Connection, *, number: int) -> None:
        self.watcher.save(tx, self.webinars[number], self.attendances[number])


def _read_per_item(
    context: PullContext, stream: Stream[Event], items: Collection[object], save: Callable[[StreamBatch[Event]], None]
) -> None:
    """Read the events of each item, and save them page by page."""
    with context.open_batches(stream, streams.unit_intervals(items), max_batches=1) as reads:
        for batch in chain.from_iterable(reads):
            save(batch)


def _save_errors(context: PullContext, errors: ItemErrors) -> None:
    errors.raise_if_general()
    context.transact(errors.save)


def _nothing(_: Connection) -> None:
    return


def save_events(
    context: PullContext,
    kind: str,
    events: Sequence[Event],
    save_state: Callable[[Connection], None] = _nothing,
    *,
    is_late: Callable[[int], bool] = lambda _at: False,
) -> None:
    """Save events and the state that marks them as read in one transaction; `is_late` returns whether a time was read before.

    Events that the retention would delete are left out: a page of submissions or attendances may contain them again and again.
    """
    cutoff = context.event_cutoff(kind) or 0
    rows = [row for event in events if not event.obsoleted_by and (row := event_row(event)).at >= cutoff]
    replaced = [event.id for event in events if event.obsoleted_by]
    late = [row for row in rows if is_late(row.at)]

    def write(tx: Connection) -> None:
        event_store.save(tx, [row for row in rows if not is_late(row.at)] if late else rows)
        changed = event_store.save_late(tx, late)
        if replaced:
            changed |= event_store.delete_by_id(tx, kind, replaced)
        repairs.add(tx, changed)
        save_state(tx)

    context.save(kind, len(events), write)
