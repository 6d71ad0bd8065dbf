"""Endpoints of marketing events and participations; hubspot-api.md section 7e, HubSpot's reference of the marketing events API."""

from __future__ import annotations

from itertools import islice

from starlette.responses import Response

from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.responses import Json, JsonResponse, not_found_error, validation_error
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.events.marketing_events import ATTENDANCE_STATES, MarketingEventStore
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall

MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE = 100, 10
MAX_CURSOR = 10**18
SCOPES = ("crm.objects.marketing_events.read",)
COUNT_FIELDS = {"ATTENDED": "attendees", "REGISTERED": "registrants", "CANCELLED": "cancellations", "NO_SHOW": "noShows"}


def list_marketing_events(call: ApiCall) -> Response:
    """Return a page of marketing events by ascending id; `after` is the last id of the previous page."""
    events, limit = call.portal.engagement.marketing_events, call.integer_param("limit", DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE)
    after = call.integer_param("after", 0, maximum=MAX_CURSOR, minimum=0)
    found = list(islice((event_id for event_id in events.by_id if int(event_id) > after), limit + 1))
    body: Json = {"results": [_serialize_event(call, event_id) for event_id in found[:limit]]}
    return JsonResponse(body | (_serialize_paging(call, found[limit - 1]) if len(found) > limit else {}))


def read_marketing_event(call: ApiCall) -> Response:
    """Return one marketing event."""
    return JsonResponse(_serialize_event(call, _require_event_id(call, "objectId")))


def read_participation_counts(call: ApiCall) -> Response:
    """Return the number of participants by attendance state."""
    counts = call.portal.engagement.marketing_events.count_by_state(_require_event_id(call, "marketingEventId"))
    fields = {"ATTENDED": "attended", "REGISTERED": "registered", "CANCELLED": "cancelled", "NO_SHOW": "noShows"}
    return JsonResponse({fields[state]: number for state, number in counts.items()})


def list_participations(call: ApiCall) -> Response:
    """Return a page of the participations in a marketing event, each with its current state."""
    events, event_id = call.portal.engagement.marketing_events, _require_event_id(call, "marketingEventId")
    state, limit = call.query.get("state"), call.integer_param("limit", DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE)
    if state is not None and state not in ATTENDANCE_STATES:
        raise validation_error(f"Invalid state: {state}")
    after = call.integer_param("after", -1, maximum=MAX_CURSOR, minimum=-1)
    positions = list(events.participation_positions(event_id, state=state, contact_id=_contact_id_param(call)))
    found = [at for at in positions if at > after]
    body: Json = {"total": len(positions), "results": [_serialize_participation(call, events, event_id, at) for at in found[:limit]]}
    return JsonResponse(body | (_serialize_paging(call, str(found[limit - 1])) if len(found) > limit else {}))


def _require_event_id(call: ApiCall, path_variable: str) -> str:
    event_id = str(parse_id(call.path_variables[path_variable]))
    if event_id not in call.portal.engagement.marketing_events.by_id:
        raise not_found_error(f"Marketing event {call.path_variables[path_variable]} does not exist.", "OBJECT_NOT_FOUND")
    return event_id


def _contact_id_param(call: ApiCall) -> str | None:
    """Return the id of the contact with the requested id or email address; None selects all contacts, "" none."""
    identifier, contacts = call.query.get("contactIdentifier"), call.portal.contacts
    if identifier is None:
        return None
    if "@" in identifier:
        row = contacts.unique_values.find_row("email", identifier)
    else:
        row = contacts.records.find_surviving_row(parse_id(identifier))
    return "" if row is None else str(contacts.records.ids[row])


def _serialize_event(call: ApiCall, event_id: str) -> Json:
    events = call.portal.engagement.marketing_events
    counts = {COUNT_FIELDS[state]: number for state, number in events.count_by_state(event_id).items()}
    created = format_iso(call.portal.contacts.records.created[0] if len(call.portal.contacts.records) else call.portal.now_ms())
    return {"createdAt": created, "updatedAt": created, "customProperties": [], **events.by_id[event_id], "objectId": event_id, **counts}


def _serialize_participation(call: ApiCall, events: MarketingEventStore, event_id: str, position: int) -> Json:
    row, contact_id = events.timeline.row(position), events.timeline.contact_key(position)
    values = call.portal.record("contacts", int(contact_id)) or {}
    names = {name: values[name] for name in ("email", "firstname", "lastname") if name in values}
    contact = {**row["associations"]["contact"], **names, "contactId": contact_id}
    event = {**row["associations"]["marketingEvent"], "name": events.by_id[event_id].get("eventName")}
    created = {"createdAt": format_iso(events.timeline.timestamp(position))}
    return {**created, **row, "id": str(row["id"]), "associations": {"contact": contact, "marketingEvent": event}}


def _serialize_paging(call: ApiCall, after: str) -> Json:
    return {"paging": {"next": {"after": after, "link": f"{call.base_url}{call.url_path}?after={after}"}}}


ENDPOINTS = (
    Endpoint(api="marketing-events", method="GET", path_suffix="", handler=list_marketing_events, scopes=SCOPES),
    Endpoint(api="marketing-events", method="GET", path_suffix="/", handler=list_marketing_events, scopes=SCOPES),
    Endpoint(
        api="marketing-events",
        method="GET",
        path_suffix="/participations/{marketingEventId}/breakdown",
        handler=list_participations,
        scopes=SCOPES,
    ),
    Endpoint(
        api="marketing-events",
        method="GET",
        path_suffix="/participations/{marketingEventId}",
        handler=read_participation_counts,
        scopes=SCOPES,
    ),
    Endpoint(api="marketing-events", method="GET", path_suffix="/{objectId}", handler=read_marketing_event, scopes=SCOPES),
)
