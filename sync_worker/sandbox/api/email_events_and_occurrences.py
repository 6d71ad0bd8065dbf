"""Endpoints of email events and event occurrences; hubspot-api.md section 7."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from starlette.responses import Response

from sync_worker.sandbox.api.timeline_pages import find_cursor, positions_before
from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.object_types import find_object_type
from sync_worker.sandbox.base.responses import ApiError, Json, JsonResponse, validation_error
from sync_worker.sandbox.base.timestamps import parse_ms
from sync_worker.sandbox.events.event_timeline import EventTimeline
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall

MAX_EMAIL_PAGE_SIZE, DEFAULT_EMAIL_PAGE_SIZE = 1_000, 100
MAX_OCCURRENCE_PAGE_SIZE, DEFAULT_OCCURRENCE_PAGE_SIZE = 100, 20
MAX_TIMESTAMP_MS = 10**18  # epoch milliseconds
# Email event → (change, type of the change); None: the event itself names the change.
SUBSCRIPTION_CHANGES: dict[str, tuple[str | None, str]] = {
    "STATUSCHANGE": (None, "PORTAL_STATUS"),
    "BOUNCE": ("BOUNCED", "PORTAL_BOUNCE"),
    "SPAMREPORT": ("REPORTED_SPAM", "PORTAL_SPAM"),
}
EMAIL_EVENT_TYPES = frozenset(
    {"SENT", "DROPPED", "PROCESSED", "DELIVERED", "DEFERRED", "BOUNCE", "OPEN", "CLICK", "PRINT", "FORWARD", "STATUSCHANGE"}
    | {"SPAMREPORT", "SUPPRESSED", "UNBOUNCE"}
)


def list_email_events(call: ApiCall) -> Response:
    """Return a page of email events, newest first; both time bounds are inclusive. `offset` is the cursor of the next page."""
    timeline, query = call.portal.engagement.email_events, call.query
    kind = query.get("eventType")
    if kind is not None and kind not in EMAIL_EVENT_TYPES:
        raise validation_error(f"Invalid eventType: {kind}")
    if (query.get("campaignId") is None) != (query.get("appId") is None):
        raise validation_error("campaignId and appId must be given together.")
    limit = call.integer_param("limit", DEFAULT_EMAIL_PAGE_SIZE, maximum=MAX_EMAIL_PAGE_SIZE)
    in_range = timeline.positions_between(_timestamp_param(call, "startTimestamp"), _timestamp_param(call, "endTimestamp"))
    recipient = query.get("recipient")
    positions = timeline.select(
        positions_before(timeline, in_range, query.get("offset")), kind=kind, contact_key=recipient.lower() if recipient else None
    )
    page = list(islice(_filter_email_events(call, timeline, positions), limit + 1))
    more = len(page) > limit
    body: Json = {"hasMore": more, "events": [timeline.raw_row(at) for at in page[:limit]]}
    if more:
        body["offset"] = timeline.cursor(page[limit - 1])
    return JsonResponse(body)


def list_subscription_changes(call: ApiCall) -> Response:
    """Return a page of subscription changes, newest first, derived from email events."""
    timeline, query = call.portal.engagement.email_events, call.query
    limit = call.integer_param("limit", DEFAULT_EMAIL_PAGE_SIZE, maximum=MAX_EMAIL_PAGE_SIZE)
    in_range = timeline.positions_between(_timestamp_param(call, "startTimestamp"), _timestamp_param(call, "endTimestamp"))
    recipient = query.get("recipient")
    positions = timeline.select(
        positions_before(timeline, in_range, query.get("offset")), contact_key=recipient.lower() if recipient else None
    )
    change_type = query.get("changeType")
    changes = ((at, _serialize_subscription_change(timeline.row(at))) for at in positions)
    page = list(islice(((at, row) for at, row in changes if row and change_type in (None, row["changes"][0]["changeType"])), limit + 1))
    body: Json = {"timeline": [row for _, row in page[:limit]], "hasMore": len(page) > limit}
    if len(page) > limit:
        body["offset"] = timeline.cursor(page[limit - 1][0])
    return JsonResponse(body)


def list_event_occurrences(call: ApiCall) -> Response:
    """Return a page of event occurrences; below Enterprise an error, or no rows, by switch `hidden_occurrences`."""
    if call.tier != "enterprise":
        return _hide_occurrences(call)
    query, timeline = call.query, call.portal.engagement.occurrences
    if query.get("objectId") is not None and query.get("objectType") is None:
        raise validation_error("objectId requires objectType.")
    if query.get("objectType") is not None and find_object_type(query["objectType"]) is None:
        raise validation_error(f"Invalid objectType: {query['objectType']}")
    contact_id = _contact_id_param(call)
    limit = call.integer_param("limit", DEFAULT_OCCURRENCE_PAGE_SIZE, maximum=MAX_OCCURRENCE_PAGE_SIZE)
    ascending = query.get("sort", "-occurredAt") == "occurredAt"
    in_range = _positions_after_cursor(timeline, _positions_in_range(call, timeline), query.get("after"), ascending=ascending)
    positions = timeline.select(in_range if ascending else in_range[::-1], kind=query.get("eventType"), contact_key=contact_id)
    ids = set(query.getlist("id"))
    chosen = (at for at in positions if not ids or str(timeline.row(at)["id"]) in ids)
    page = list(islice(chosen, limit + 1))
    body: Json = {"results": [_serialize_occurrence(timeline, at) for at in page[:limit]]}
    if len(page) > limit:
        after = timeline.cursor(page[limit - 1])
        body["paging"] = {"next": {"after": after, "link": f"{call.base_url}{call.url_path}?after={after}"}}
    return JsonResponse(body)


def list_event_types(call: ApiCall) -> Response:
    """Return all event types, on every plan."""
    event_types = {"e_visited_page", "e_submitted_form", *call.portal.engagement.occurrences.kinds()}
    return JsonResponse({"eventTypes": sorted(event_types)})


def _serialize_subscription_change(row: Json) -> Json | None:
    """Return the subscription change of an email event: an unsubscribe, a bounce or a spam report; None for other events."""
    if row["type"] not in SUBSCRIPTION_CHANGES:
        return None
    change, change_type = SUBSCRIPTION_CHANGES[row["type"]]
    if change is None:
        change = row.get("portalSubscriptionStatus") or "UNSUBSCRIBED"
    cause = {"id": row["id"], "created": row["created"]}
    details = {"change": change, "changeType": change_type, "source": row.get("source", "SOURCE_RECIPIENT"), "causedByEvent": cause}
    return {"timestamp": row["created"], "portalId": row.get("portalId"), "recipient": row["recipient"], "changes": [details]}


def _filter_email_events(call: ApiCall, timeline: EventTimeline, positions: Iterator[int]) -> Iterator[int]:
    campaign, unfiltered = call.query.get("campaignId"), call.bool_param("excludeFilteredEvents")
    if campaign is None and not unfiltered:
        return positions
    return (at for at in positions if _matches_filter(timeline.row(at), campaign, exclude_filtered=unfiltered))


def _matches_filter(row: Json, campaign: str | None, *, exclude_filtered: bool) -> bool:
    return (campaign is None or str(row.get("emailCampaignId")) == campaign) and not (exclude_filtered and row.get("filteredEvent"))


def _timestamp_param(call: ApiCall, name: str) -> int | None:
    return call.integer_param(name, 0, maximum=MAX_TIMESTAMP_MS, minimum=-MAX_TIMESTAMP_MS) if name in call.query else None


def _positions_in_range(call: ApiCall, timeline: EventTimeline) -> range:
    bounds = []
    for name in ("occurredAfter", "occurredBefore"):
        text = call.query.get(name)
        bounds.append(parse_ms(text) if text is not None else None)
        if text is not None and bounds[-1] is None:
            raise validation_error(f"Invalid {name}: {text}")
    return timeline.positions_between(*bounds)


def _positions_after_cursor(timeline: EventTimeline, positions: range, after: str | None, *, ascending: bool) -> range:
    if after is None:
        return positions
    at = find_cursor(timeline, after)
    return range(max(positions.start, at + 1), positions.stop) if ascending else range(positions.start, min(positions.stop, at))


def _contact_id_param(call: ApiCall) -> str | None:
    """Return the id of the requested contact, after merges; None selects all contacts, "" none."""
    contacts, text, email = call.portal.contacts, call.query.get("objectId"), call.query.get("objectProperty.email")
    if text is None and email is None:
        return None
    row = contacts.unique_values.find_row("email", email or "") if text is None else contacts.records.find_surviving_row(parse_id(text))
    return "" if row is None else str(contacts.records.ids[row])


def _hide_occurrences(call: ApiCall) -> Response:
    if call.portal.switches.hidden_occurrences == "empty":
        return JsonResponse({"results": []})
    message = "Your account does not have access to this feature. Event occurrences need an Enterprise subscription."
    raise ApiError(403, message, "FORBIDDEN")


def _serialize_occurrence(timeline: EventTimeline, position: int) -> Json:
    row = timeline.row(position)
    return {"objectType": "CONTACT", **row, "id": str(row["id"]), "objectId": timeline.contact_key(position)}


ENDPOINTS = (
    Endpoint(api="email", method="GET", path_suffix="/events", handler=list_email_events, scopes=("content",)),
    Endpoint(api="email", method="GET", path_suffix="/subscriptions/timeline", handler=list_subscription_changes, scopes=("content",)),
    Endpoint(api="occurrences", method="GET", path_suffix="", handler=list_event_occurrences),
    Endpoint(api="occurrences", method="GET", path_suffix="/", handler=list_event_occurrences),
    Endpoint(api="occurrences", method="GET", path_suffix="/event-types", handler=list_event_types),
)
