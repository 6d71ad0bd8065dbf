"""HubSpot's endpoints as keyed streams: contacts by id, events by time, submissions by form, attendance by webinar."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Final, NoReturn

from sync_worker.errors import ConfigurationError, SyncWorkerError
from sync_worker.hubspot.api.crm.crm_objects import Objects
from sync_worker.hubspot.api.event_occurrences import event_kind
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Company, Contact, Event, MarketingEvent, RecordT, ResultPage
from sync_worker.intervals import Interval
from sync_worker.sync.pull.item_errors import ItemErrors
from sync_worker.sync.reader.keyed_stream import PageToken, SecondarySource, Stream, StreamPage
from sync_worker.timestamps import from_ms, to_ms

HUBSPOT_EPOCH_MS: Final = 1_149_120_000_000  # June 2006, HubSpot's first month: no event is older
MAX_KEY: Final = 2**53
MAX_CONCURRENT_SEARCHES: Final = 16  # in flight
EMAIL_EVENT_TYPES: Final = {"email_click": "CLICK", "email_open": "OPEN"}


def contacts(hubspot: HubSpot, properties: Sequence[str], *, use_search: bool = False) -> Stream[Contact]:
    """Return all contacts in order of id; `use_search` reads them by search as well, which has a budget of its own."""
    stream = _id_stream(hubspot.contacts, properties)
    if not use_search:
        return replace(stream, acquire_slot=hubspot.budgets.burst.slot)
    # The list leaves the burst to other streams, because search reads contacts meanwhile.
    return replace(
        stream, acquire_slot=partial(hubspot.budgets.burst.slot, low_priority=True), secondary=_search_source(hubspot, properties)
    )


def companies(hubspot: HubSpot, properties: Sequence[str]) -> Stream[Company]:
    """Return all companies, in order of id."""
    return replace(_id_stream(hubspot.companies, properties), acquire_slot=hubspot.budgets.burst.slot)


def email_events(hubspot: HubSpot, kind: str) -> Stream[Event]:
    """Return email events. HubSpot lists the newest first, so the key is the negative time."""

    def read(start: int, stop: int, token: PageToken | None) -> StreamPage[Event]:
        low, high, offset = _request_bounds(start, stop, token)
        page = hubspot.email_events.read_page(EMAIL_EVENT_TYPES[kind], from_ms(1 - high), from_ms(-low), offset)
        reached = -to_ms(page.items[-1].at) if page.items else start
        return StreamPage(rows=page.items, read_up_to=reached, token=_next_token(low, high, page.next))

    return Stream(read=read, key=lambda event: -to_ms(event.at), acquire_slot=hubspot.budgets.burst.slot)


def occurrences(hubspot: HubSpot, event_type: str) -> Stream[Event]:
    """Return page views or custom events, the oldest first."""

    def read(start: int, stop: int, token: PageToken | None) -> StreamPage[Event]:
        low, high, after = _request_bounds(start, stop, token)
        # HubSpot does not document whether the bounds are included, so one more millisecond is requested and filtered here.
        page = hubspot.event_occurrences.read_page(event_type, from_ms(low - 1), from_ms(high), after)
        rows = [event for event in page.items if to_ms(event.at) >= low]
        reached = max(start, to_ms(page.items[-1].at)) if page.items else start
        return StreamPage(rows=rows, read_up_to=reached, token=_next_token(low, high, page.next))

    return Stream(read=read, key=lambda event: to_ms(event.at), acquire_slot=hubspot.budgets.burst.slot)


def contact_occurrences(hubspot: HubSpot, event_type: str, contact_ids: Sequence[int], errors: ItemErrors | None = None) -> Stream[Event]:
    """Return page views or custom events of some contacts; the key is the position of the contact.

    `errors` gets the error of a contact that cannot be read; without it, the error ends the read.
    """

    def read(start: int, _stop: int, token: PageToken | None) -> StreamPage[Event]:
        fetch = partial(hubspot.event_occurrences.for_contact, contact_ids[start], event_type)
        return _read_place(fetch, start, token, errors)

    places = {contact_id: place for place, contact_id in enumerate(contact_ids)}
    return Stream(read=read, key=lambda event: places.get(event.contact_id or 0, 0))


def recipient_events(hubspot: HubSpot, kind: str, emails: Sequence[str], errors: ItemErrors) -> Stream[Event]:
    """Return email events of some addresses; the key is the position of the address. `errors` gets the error of one that cannot be read."""

    def read(start: int, _stop: int, token: PageToken | None) -> StreamPage[Event]:
        fetch = partial(hubspot.email_events.for_recipient, EMAIL_EVENT_TYPES[kind], emails[start])
        return _read_place(fetch, start, token, errors)

    places = {email: place for place, email in enumerate(emails)}
    return Stream(read=read, key=lambda event: places.get(event.email or "", 0))


def submissions(hubspot: HubSpot, form_ids: Sequence[str], stop_times: Mapping[str, int], errors: ItemErrors) -> Stream[Event]:
    """Return form submissions; the key is the position of the form. Each form is read back to its stop time (milliseconds).

    A page leads only to the next, so each form is read one request after the other, and the forms in parallel.
    `errors` gets the error of a form that cannot be read; the other forms are read all the same.
    """

    def read(start: int, _stop: int, token: PageToken | None) -> StreamPage[Event]:
        form_id = form_ids[start]
        try:
            page = hubspot.forms.read_submissions(form_id, None if token is None else str(token))
        except SyncWorkerError as error:
            errors.record(form_id, error)
            return StreamPage(rows=(), read_up_to=start, token=None)
        errors.record_page(form_id, unreadable_rows=0)
        # Newest first, and HubSpot cannot filter by time, so the read stops at the first known submission.
        known = bool(page.items) and to_ms(page.items[-1].at) < stop_times[form_id]
        return StreamPage(rows=page.items, read_up_to=start, token=None if known else page.next)

    places = {form_id: place for place, form_id in enumerate(form_ids)}
    return Stream(read=read, key=lambda event: places[event.form_id or ""])


def attendances(hubspot: HubSpot, webinars: Sequence[MarketingEvent], errors: ItemErrors) -> Stream[Event]:
    """Return webinar attendances; the key is the position of the webinar. `errors` gets the error of one that cannot be read."""

    def read(start: int, _stop: int, token: PageToken | None) -> StreamPage[Event]:
        webinar = webinars[start]
        try:
            page = hubspot.marketing_events.read_attendances(webinar, None if token is None else str(token))
        except SyncWorkerError as error:
            errors.record(webinar.id, error)
            return StreamPage(rows=(), read_up_to=start, token=None)
        errors.record_page(webinar.id, unreadable_rows=page.unreadable)
        return StreamPage(rows=page.items, read_up_to=start, token=page.next)

    places = {webinar.id: place for place, webinar in enumerate(webinars)}
    return Stream(read=read, key=lambda event: places[event.campaign or ""])


def unit_intervals(items: Collection[object]) -> list[Interval]:
    """Return an interval for each item, too narrow to be split."""
    return [Interval(place, place + 1) for place in range(len(items))]


def mirror(intervals: Sequence[Interval]) -> list[Interval]:
    """Return the intervals of the negated numbers; applied twice, the intervals are unchanged."""
    return [Interval(1 - interval.high, 1 - interval.low) for interval in intervals]


def _read_place(
    fetch: Callable[[str | None], ResultPage[Event, str]], place: int, token: PageToken | None, errors: ItemErrors | None
) -> StreamPage[Event]:
    try:
        page = fetch(None if token is None else str(token))
    except SyncWorkerError as error:
        if errors is None:
            raise
        errors.record(str(place), error)  # the position, because an address must not get into a report
        return StreamPage(rows=(), read_up_to=place, token=None)
    if errors is not None:
        errors.record_page(str(place), unreadable_rows=page.unreadable)
    return StreamPage(rows=page.items, read_up_to=place, token=page.next)


def _request_bounds(start: int, stop: int, token: PageToken | None) -> tuple[int, int, str | None]:
    # HubSpot's offset refers to the times of the first request, even if other readers have taken over a part of them.
    return token if isinstance(token, tuple) else (start, stop, None)


def _next_token(low: int, high: int, offset: str | None) -> PageToken | None:
    return None if offset is None else (low, high, offset)


def _search_source(hubspot: HubSpot, properties: Sequence[str]) -> SecondarySource[Contact]:
    def read(intervals: Sequence[Interval]) -> StreamPage[Contact]:
        page = hubspot.contacts.search_id_ranges(intervals, properties)
        return StreamPage(rows=page.items, read_up_to=intervals[-1].high if page.next is None else page.next, token=page.next)

    budget = hubspot.budgets.search
    readers, together = (
        budget.concurrency(minimum=2, maximum=MAX_CONCURRENT_SEARCHES),
        hubspot.contacts.max_ranges_per_search(properties),
    )
    return SecondarySource(read=read, readers=readers, acquire_slot=budget.slot, partitions_per_request=together)


def _id_stream(objects: Objects[RecordT], properties: Sequence[str]) -> Stream[RecordT]:
    def read(start: int, _stop: int, token: PageToken | None) -> StreamPage[RecordT]:
        # HubSpot does not document whether `after` is the last record of the previous page or the first of the next; both include `start`.
        page = objects.list_from_id(int(token) if isinstance(token, str | int) else max(0, start - 1), properties)
        rows = page.items[bisect_left(page.items, start, key=attrgetter("id")) :]
        return StreamPage(rows=rows, read_up_to=page.items[-1].id + 1 if page.items else start, token=page.next)

    return Stream(read=read, key=lambda row: row.id, open_ended=True)


def find_event_type(names: Sequence[str], kind: str) -> str | None:
    """Return HubSpot's name of an event kind, or None if the portal lacks it."""
    return next((name for name in names if event_kind(name) == kind), None)


def raise_unknown_event(names: Sequence[str], kind: str) -> NoReturn:
    """Raise the error that lists the event kinds of the portal."""
    known = ", ".join(sorted(map(event_kind, names))) or "none"
    raise ConfigurationError(
        f"The portal has no events of the kind {kind}; it has {known}.", hint="Correct the event kind in the model, or remove the rule."
    )
