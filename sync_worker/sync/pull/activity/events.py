"""Events: when each kind is read, and email events and occurrences from where. How a kind is read is in hubspot_streams.py."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Final

from sync_worker.hubspot.api.event_occurrences import is_occurrence
from sync_worker.hubspot.records.models import Event
from sync_worker.store.facts import coverage
from sync_worker.store.saved_state import scan_state
from sync_worker.store.saved_state.scan_state import EventTypes
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.activity import page_view_history
from sync_worker.sync.pull.activity.event_storage import save_events
from sync_worker.sync.pull.activity.event_times import finish_read, plan_read
from sync_worker.sync.pull.activity.form_submissions import read_submissions
from sync_worker.sync.pull.activity.form_watcher import EVENT_KIND as FORM_SUBMISSION
from sync_worker.sync.pull.activity.webinar_attendance import EVENT_KIND as WEBINAR
from sync_worker.sync.pull.activity.webinar_attendance import read_webinars
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.reader.keyed_stream import Stream
from sync_worker.sync.reader.parallel_reader import read_parallel

DAY_MS: Final = 86_400_000


def read_events(context: PullContext, kinds: Sequence[str], *, is_full: bool) -> list[Future[None]]:
    """Start the reads of these kinds of events, each from the end of its last read; in a full scan, late events are read as well."""
    others = [kind for kind in kinds if not is_occurrence(kind)]
    occurrences = [kind for kind in kinds if is_occurrence(kind)]
    reads = [context.threads.start(kind, partial(_read_kind, context, kind, is_full=is_full)) for kind in others]
    return [*reads, context.threads.start("occurrences", partial(_read_occurrences, context, occurrences, is_full=is_full))]


def read_page_view_history(context: PullContext, kinds: Sequence[str]) -> None:
    """Read the occurrences from before HubSpot identified a contact; events of other kinds carry an email address."""
    kinds = [kind for kind in kinds if is_occurrence(kind)]
    while ids := page_view_history.next_batch(context.store):
        visitors = page_view_history.select_with_page_views(context.hubspot.contacts, ids) if kinds else []
        for kind in kinds if visitors else ():
            _read_history(context, kind, visitors)
        with context.store.transaction() as tx:
            page_view_history.mark_done(tx, ids)


def _read_history(context: PullContext, kind: str, contact_ids: Sequence[int]) -> None:
    stream = hubspot_streams.contact_occurrences(context.hubspot, resolve_event_type(context, kind), contact_ids)
    for batch in read_parallel(stream, hubspot_streams.unit_intervals(contact_ids), readers=context.readers):
        save_events(context, kind, batch.rows)


def _read_kind(context: PullContext, kind: str, *, is_full: bool) -> None:
    if kind == FORM_SUBMISSION:
        read_submissions(context, is_full=is_full)
    elif kind == WEBINAR:
        read_webinars(context, is_full=is_full)
    else:
        _read_time_stream(context, kind, hubspot_streams.email_events(context.hubspot, kind), newest_first=True, is_full=is_full)


def _read_occurrences(context: PullContext, kinds: Sequence[str], *, is_full: bool) -> None:
    for kind in kinds:
        event_type = resolve_event_type(context, kind)
        _read_time_stream(context, kind, hubspot_streams.occurrences(context.hubspot, event_type), newest_first=False, is_full=is_full)


def resolve_event_type(context: PullContext, kind: str) -> str:
    """Return HubSpot's name of a kind of occurrences."""
    known = context.transact(scan_state.load_event_types)
    if known and context.now_ms < known.fetched_at + DAY_MS and (found := hubspot_streams.find_event_type(known.names, kind)):
        return found
    names = context.hubspot.event_occurrences.list_types()
    event_types = EventTypes(fetched_at=context.now_ms, names=tuple(names))
    context.transact(lambda tx: scan_state.save_event_types(tx, event_types))
    return hubspot_streams.find_event_type(names, kind) or hubspot_streams.raise_unknown_event(names, kind)


def _read_time_stream(context: PullContext, kind: str, stream: Stream[Event], *, newest_first: bool, is_full: bool) -> None:
    orient = hubspot_streams.mirror if newest_first else list
    plan = context.transact(partial(plan_read, context=context, kind=kind, is_full=is_full))
    with context.open_batches(stream, orient(plan.gaps)) as reads:
        for batches in reads:
            intervals = orient([batch.interval for batch in batches])
            events = [event for batch in batches for event in batch.rows]
            save_events(context, kind, events, partial(coverage.add_intervals, stream=kind, intervals=intervals), is_late=plan.is_late)
    context.transact(partial(finish_read, context=context, kind=kind, plan=plan))
