"""Second reads of the events of some contacts whose numbers differ from HubSpot's totals."""

from __future__ import annotations

from collections.abc import Sequence

from sync_worker.hubspot.api import event_occurrences
from sync_worker.hubspot.records.models import Event
from sync_worker.intervals import Interval
from sync_worker.store.facts import emails, events
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.activity.event_storage import save_events
from sync_worker.sync.pull.activity.events import resolve_event_type
from sync_worker.sync.pull.activity.form_watcher import EVENT_KIND as FORM_SUBMISSION
from sync_worker.sync.pull.activity.form_watcher import select_readable
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.item_errors import ItemErrors
from sync_worker.sync.reader.keyed_stream import Stream
from sync_worker.sync.reader.parallel_reader import read_parallel


def reread(context: PullContext, kind: str, contact_ids: Sequence[int]) -> None:
    """Read all events of a kind of some contacts again; of submissions, those of all forms."""
    if kind == FORM_SUBMISSION:
        _reread_submissions(context)
    elif event_occurrences.is_occurrence(kind):
        _reread_occurrences(context, kind, contact_ids)
    else:
        stored = context.transact(lambda tx: emails.load_emails(tx, contact_ids))
        addresses = sorted(email for email in stored if "@" in email)  # HubSpot refuses any other text
        # What cannot be read remains a difference, which the run reports.
        stream = hubspot_streams.recipient_events(context.hubspot, kind, addresses, ItemErrors("address", {}))
        _read(context, kind, stream, hubspot_streams.unit_intervals(addresses))


def _reread_occurrences(context: PullContext, kind: str, contact_ids: Sequence[int]) -> None:
    event_type = resolve_event_type(context, kind)
    pages = context.transact(lambda tx: events.count(tx, kind)) // event_occurrences.PAGE_SIZE + 1
    if len(contact_ids) <= pages:
        stream = hubspot_streams.contact_occurrences(context.hubspot, event_type, contact_ids, ItemErrors("contact", {}))
        gaps = hubspot_streams.unit_intervals(contact_ids)
    else:  # all events take fewer requests
        stream = hubspot_streams.occurrences(context.hubspot, event_type)
        gaps = [Interval(hubspot_streams.HUBSPOT_EPOCH_MS, context.now_ms + 1)]
    _read(context, kind, stream, gaps)


def _reread_submissions(context: PullContext) -> None:
    forms = context.hubspot.forms
    ids = sorted({form.id for archived in (False, True) for form in select_readable(forms.list_all(archived=archived))})
    stream = hubspot_streams.submissions(context.hubspot, ids, dict.fromkeys(ids, 0), ItemErrors("form", {}))
    _read(context, FORM_SUBMISSION, stream, hubspot_streams.unit_intervals(ids))


def _read(context: PullContext, kind: str, stream: Stream[Event], gaps: Sequence[Interval]) -> None:
    for batch in read_parallel(stream, gaps, readers=context.readers):
        save_events(context, kind, batch.rows, is_late=lambda _at: True)
