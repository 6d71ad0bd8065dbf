"""Marketing events and participations; hubspot-api.md section 7e, and HubSpot's reference of the marketing events API."""

from __future__ import annotations

from itertools import islice

from starlette.responses import Response

from sync_worker.sandbox.base.ids import id_of
from sync_worker.sandbox.base.responses import Json, JsonReply, invalid, not_found
from sync_worker.sandbox.base.timestamps import iso
from sync_worker.sandbox.crm.marketing_events import STATES, MarketingEvents
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call

LARGEST_PAGE, DEFAULT_PAGE = 100, 10
LAST = 10**18
SCOPES = ("crm.objects.marketing_events.read",)
COUNTED = {"ATTENDED": "attendees", "REGISTERED": "registrants", "CANCELLED": "cancellations", "NO_SHOW": "noShows"}


def marketing_events(call: Call) -> Response:
    """Answer a page of marketing events in order of their id; `after` is the last id of the page before."""
    events, limit = call.portal.engagement.marketing_events, call.whole("limit", DEFAULT_PAGE, largest=LARGEST_PAGE)
    after = call.whole("after", 0, largest=LAST, smallest=0)
    found = list(islice((event_id for event_id in events.by_id if int(event_id) > after), limit + 1))
    body: Json = {"results": [_event(call, event_id) for event_id in found[:limit]]}
    return JsonReply(body | (_paging(call, found[limit - 1]) if len(found) > limit else {}))


def marketing_event(call: Call) -> Response:
    """Answer one marketing event."""
    return JsonReply(_event(call, _known(call, "objectId")))


def counters(call: Call) -> Response:
    """Answer how many take part in which way."""
    counts = call.portal.engagement.marketing_events.counts(_known(call, "marketingEventId"))
    named = {"ATTENDED": "attended", "REGISTERED": "registered", "CANCELLED": "cancelled", "NO_SHOW": "noShows"}
    return JsonReply({named[state]: number for state, number in counts.items()})


def breakdown(call: Call) -> Response:
    """Answer a page of those who take part in a marketing event, each with the present state."""
    events, event_id = call.portal.engagement.marketing_events, _known(call, "marketingEventId")
    state, limit = call.query.get("state"), call.whole("limit", DEFAULT_PAGE, largest=LARGEST_PAGE)
    if state is not None and state not in STATES:
        raise invalid(f"Invalid state: {state}")
    after = call.whole("after", -1, largest=LAST, smallest=-1)
    everybody = list(events.participations(event_id, state=state, who=_asked_for(call)))
    found = [at for at in everybody if at > after]
    body: Json = {"total": len(everybody), "results": [_participation(call, events, event_id, at) for at in found[:limit]]}
    return JsonReply(body | (_paging(call, str(found[limit - 1])) if len(found) > limit else {}))


def _known(call: Call, name: str) -> str:
    event_id = str(id_of(call.path[name]))
    if event_id not in call.portal.engagement.marketing_events.by_id:
        raise not_found(f"Marketing event {call.path[name]} does not exist.", "OBJECT_NOT_FOUND")
    return event_id


def _asked_for(call: Call) -> str | None:
    """Return the id of the contact that is asked for by id or address; None for all, "" for nobody."""
    asked, contacts = call.query.get("contactIdentifier"), call.portal.contacts
    if asked is None:
        return None
    row = contacts.identities.find("email", asked) if "@" in asked else contacts.records.survivor(id_of(asked))
    return "" if row is None else str(contacts.records.ids[row])


def _event(call: Call, event_id: str) -> Json:
    events = call.portal.engagement.marketing_events
    counts = {COUNTED[state]: number for state, number in events.counts(event_id).items()}
    stamp = iso(call.portal.contacts.records.created[0] if len(call.portal.contacts.records) else call.portal.now_ms())
    return {"createdAt": stamp, "updatedAt": stamp, "customProperties": [], **events.by_id[event_id], "objectId": event_id, **counts}


def _participation(call: Call, events: MarketingEvents, event_id: str, position: int) -> Json:
    row, contact_id = events.timeline.row(position), events.timeline.who(position)
    shown = call.portal.record("contacts", int(contact_id)) or {}
    names = {name: shown[name] for name in ("email", "firstname", "lastname") if name in shown}
    contact = {**row["associations"]["contact"], **names, "contactId": contact_id}
    event = {**row["associations"]["marketingEvent"], "name": events.by_id[event_id].get("eventName")}
    since = {"createdAt": iso(events.timeline.at(position))}
    return {**since, **row, "id": str(row["id"]), "associations": {"contact": contact, "marketingEvent": event}}


def _paging(call: Call, after: str) -> Json:
    return {"paging": {"next": {"after": after, "link": f"{call.base_url}{call.url_path}?after={after}"}}}


ENDPOINTS = (
    Endpoint(api="marketing-events", method="GET", suffix="", answer=marketing_events, scopes=SCOPES),
    Endpoint(api="marketing-events", method="GET", suffix="/", answer=marketing_events, scopes=SCOPES),
    Endpoint(api="marketing-events", method="GET", suffix="/participations/{marketingEventId}/breakdown", answer=breakdown, scopes=SCOPES),
    Endpoint(api="marketing-events", method="GET", suffix="/participations/{marketingEventId}", answer=counters, scopes=SCOPES),
    Endpoint(api="marketing-events", method="GET", suffix="/{objectId}", answer=marketing_event, scopes=SCOPES),
)
