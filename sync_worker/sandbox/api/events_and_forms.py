"""What people did: e-mail events, event occurrences, forms and submissions; hubspot-api.md section 7."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from starlette.responses import Response

from sync_worker.sandbox.base.ids import id_of
from sync_worker.sandbox.base.object_types import object_type
from sync_worker.sandbox.base.responses import Json, JsonReply, ReplyError, invalid, not_found
from sync_worker.sandbox.base.timestamps import iso, parse_ms
from sync_worker.sandbox.crm.event_timeline import Timeline
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call

LARGEST_EMAIL_PAGE, DEFAULT_EMAIL_PAGE = 1_000, 100
LARGEST_OCCURRENCE_PAGE, DEFAULT_OCCURRENCE_PAGE = 100, 20
LARGEST_SUBMISSION_PAGE, DEFAULT_SUBMISSION_PAGE = 50, 20
LARGEST_FORM_PAGE = 100
LATEST = 10**18  # epoch milliseconds
# e-mail event → (change, None where the event says it, and its type)
SUBSCRIPTION_CHANGES: dict[str, tuple[str | None, str]] = {
    "STATUSCHANGE": (None, "PORTAL_STATUS"),
    "BOUNCE": ("BOUNCED", "PORTAL_BOUNCE"),
    "SPAMREPORT": ("REPORTED_SPAM", "PORTAL_SPAM"),
}
EVENT_TYPES = frozenset(
    {"SENT", "DROPPED", "PROCESSED", "DELIVERED", "DEFERRED", "BOUNCE", "OPEN", "CLICK", "PRINT", "FORWARD", "STATUSCHANGE"}
    | {"SPAMREPORT", "SUPPRESSED", "UNBOUNCE"}
)


def email_events(call: Call) -> Response:
    """Answer a page of e-mail events, newest first; both bounds belong to it. `offset` names the place to go on from."""
    timeline, query = call.portal.engagement.email_events, call.query
    kind = query.get("eventType")
    if kind is not None and kind not in EVENT_TYPES:
        raise invalid(f"Invalid eventType: {kind}")
    if (query.get("campaignId") is None) != (query.get("appId") is None):
        raise invalid("campaignId and appId must be given together.")
    limit = call.whole("limit", DEFAULT_EMAIL_PAGE, largest=LARGEST_EMAIL_PAGE)
    found = timeline.between(_moment(call, "startTimestamp"), _moment(call, "endTimestamp"))
    recipient = query.get("recipient")
    positions = timeline.of(_below(found, query.get("offset")), kind=kind, who=recipient.lower() if recipient else None)
    page = list(islice(_chosen(call, timeline, positions), limit + 1))
    more = len(page) > limit
    body: Json = {"hasMore": more, "events": [timeline.raw(at) for at in page[:limit]]}
    if more:
        body["offset"] = _offset(page[limit - 1])
    return JsonReply(body)


def subscriptions(call: Call) -> Response:
    """Answer a page of changes of who may be written to, newest first; from the e-mail events that tell of them."""
    timeline, query = call.portal.engagement.email_events, call.query
    limit = call.whole("limit", DEFAULT_EMAIL_PAGE, largest=LARGEST_EMAIL_PAGE)
    found = timeline.between(_moment(call, "startTimestamp"), _moment(call, "endTimestamp"))
    recipient = query.get("recipient")
    positions = timeline.of(_below(found, query.get("offset")), who=recipient.lower() if recipient else None)
    wanted = query.get("changeType")
    changes = ((at, _subscription_change(timeline.row(at))) for at in positions)
    page = list(islice(((at, row) for at, row in changes if row and wanted in (None, row["changes"][0]["changeType"])), limit + 1))
    body: Json = {"timeline": [row for _, row in page[:limit]], "hasMore": len(page) > limit}
    if len(page) > limit:
        body["offset"] = _offset(page[limit - 1][0])
    return JsonReply(body)


def occurrences(call: Call) -> Response:
    """Answer a page of event occurrences; Enterprise only."""
    _require_enterprise(call)
    query, timeline = call.query, call.portal.engagement.occurrences
    if query.get("objectId") is not None and query.get("objectType") is None:
        raise invalid("objectId requires objectType.")
    if query.get("objectType") is not None and object_type(query["objectType"]) is None:
        raise invalid(f"Invalid objectType: {query['objectType']}")
    who = _contact_id(call)
    limit = call.whole("limit", DEFAULT_OCCURRENCE_PAGE, largest=LARGEST_OCCURRENCE_PAGE)
    ascending = query.get("sort", "-occurredAt") == "occurredAt"
    found = _after_place(_span(call, timeline), query.get("after"), ascending=ascending)
    positions = timeline.of(found if ascending else found[::-1], kind=query.get("eventType"), who=who)
    wanted = set(query.getlist("id"))
    chosen = (at for at in positions if not wanted or str(timeline.row(at)["id"]) in wanted)
    page = list(islice(chosen, limit + 1))
    body: Json = {"results": [_occurrence(timeline, at) for at in page[:limit]]}
    if len(page) > limit:
        after = _offset(page[limit - 1])
        body["paging"] = {"next": {"after": after, "link": f"{call.base_url}{call.url_path}?after={after}"}}
    return JsonReply(body)


def event_types(call: Call) -> Response:
    """Answer the types of events that there are; Enterprise only."""
    _require_enterprise(call)
    known = {"e_visited_page", "e_submitted_form", *call.portal.engagement.occurrences.kinds()}
    return JsonReply({"eventTypes": sorted(known)})


def forms(call: Call) -> Response:
    """Answer a page of forms."""
    limit = call.whole("limit", 20, largest=LARGEST_FORM_PAGE)
    start = call.whole("after", 0, largest=10**9, smallest=0)
    types, archived = set(call.query.getlist("formTypes")) or {"hubspot"}, call.flag("archived")
    kept = [_form(call, form) for form in call.portal.engagement.forms.by_id.values()]
    kept = [form for form in kept if form["archived"] == archived and types & {"all", form["formType"]}]
    body: Json = {"results": kept[start : start + limit]}
    if start + limit < len(kept):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return JsonReply(body)


def read_form(call: Call) -> Response:
    """Answer one form."""
    form = call.portal.engagement.forms.by_id.get(call.path["formId"])
    if form is None:
        raise not_found(f"Form {call.path['formId']} does not exist.", "OBJECT_NOT_FOUND")
    return JsonReply(_form(call, form))


def submissions(call: Call) -> Response:
    """Answer a page of what was sent with a form, newest first; there is no filter."""
    timeline, form_id = call.portal.engagement.submissions, call.path["formId"]
    if form_id not in call.portal.engagement.forms.by_id:
        raise not_found(f"Form {form_id} does not exist.", "OBJECT_NOT_FOUND")
    limit = call.whole("limit", DEFAULT_SUBMISSION_PAGE, largest=LARGEST_SUBMISSION_PAGE)
    positions = timeline.of(_below(range(len(timeline)), call.query.get("after")), kind=form_id)
    page = list(islice(positions, limit + 1))
    body: Json = {"results": [_submission(timeline.row(at)) for at in page[:limit]]}
    if len(page) > limit:
        after = _offset(page[limit - 1])
        body["paging"] = {"next": {"after": after, "link": f"{call.base_url}{call.url_path}?after={after}"}}
    return JsonReply(body)


def _subscription_change(row: Json) -> Json | None:
    """Return what an e-mail event changed: leaving all mail, or mail that can no longer arrive."""
    if row["type"] not in SUBSCRIPTION_CHANGES:
        return None
    change, change_type = SUBSCRIPTION_CHANGES[row["type"]]
    if change is None:
        change = row.get("portalSubscriptionStatus") or "UNSUBSCRIBED"
    cause = {"id": row["id"], "created": row["created"]}
    told = {"change": change, "changeType": change_type, "source": row.get("source", "SOURCE_RECIPIENT"), "causedByEvent": cause}
    return {"timestamp": row["created"], "portalId": row.get("portalId"), "recipient": row["recipient"], "changes": [told]}


def _chosen(call: Call, timeline: Timeline, positions: Iterator[int]) -> Iterator[int]:
    campaign, unfiltered = call.query.get("campaignId"), call.flag("excludeFilteredEvents")
    if campaign is None and not unfiltered:
        return positions
    return (at for at in positions if _fits(timeline.row(at), campaign, unfiltered=unfiltered))


def _fits(row: Json, campaign: str | None, *, unfiltered: bool) -> bool:
    return (campaign is None or str(row.get("emailCampaignId")) == campaign) and not (unfiltered and row.get("filteredEvent"))


def _moment(call: Call, name: str) -> int | None:
    return call.whole(name, 0, largest=LATEST, smallest=-LATEST) if name in call.query else None


def _span(call: Call, timeline: Timeline) -> range:
    bounds = []
    for name in ("occurredAfter", "occurredBefore"):
        text = call.query.get(name)
        bounds.append(parse_ms(text) if text is not None else None)
        if text is not None and bounds[-1] is None:
            raise invalid(f"Invalid {name}: {text}")
    return timeline.between(*bounds)


def _below(found: range, offset: str | None) -> range:
    """Return the positions from the newest down, those before the offset only."""
    return range(found.start, min(found.stop, _place(offset, found.stop)))[::-1]


def _after_place(found: range, after: str | None, *, ascending: bool) -> range:
    if after is None:
        return found
    place = _place(after, 0)
    return range(max(found.start, place + 1), found.stop) if ascending else range(found.start, min(found.stop, place))


def _offset(position: int) -> str:
    return f"{position:x}"


def _place(offset: str | None, default: int) -> int:
    if not offset:
        return default
    try:
        return int(offset, 16)
    except ValueError:
        raise invalid(f"Invalid offset: {offset}") from None


def _contact_id(call: Call) -> str | None:
    """Return the id of the contact that is asked for, who may have got another one in a merge; None for all."""
    contacts, asked, email = call.portal.contacts, call.query.get("objectId"), call.query.get("objectProperty.email")
    if asked is None and email is None:
        return None
    row = contacts.identities.find("email", email or "") if asked is None else contacts.records.survivor(id_of(asked))
    return "" if row is None else str(contacts.records.ids[row])


def _require_enterprise(call: Call) -> None:
    if call.tier != "enterprise":
        told = "Your account does not have access to this feature. Event occurrences need an Enterprise subscription."
        raise ReplyError(403, told, "FORBIDDEN")


def _occurrence(timeline: Timeline, position: int) -> Json:
    row = timeline.row(position)
    return {"objectType": "CONTACT", **row, "id": str(row["id"]), "objectId": timeline.who(position)}


def _form(call: Call, form: Json) -> Json:
    stamp = iso(call.portal.contacts.records.created[0] if len(call.portal.contacts.records) else call.portal.now_ms())
    shown = {"formType": "hubspot", "createdAt": stamp, "updatedAt": stamp, "archived": False, "fieldGroups": [], "configuration": {}}
    return {**shown, **form, "id": str(form["id"])}


def _submission(row: Json) -> Json:
    return {name: value for name, value in row.items() if name != "formId"}


ENDPOINTS = (
    Endpoint(api="email", method="GET", suffix="/events", answer=email_events, scopes=("content",)),
    Endpoint(api="email", method="GET", suffix="/subscriptions/timeline", answer=subscriptions, scopes=("content",)),
    Endpoint(api="occurrences", method="GET", suffix="", answer=occurrences),
    Endpoint(api="occurrences", method="GET", suffix="/", answer=occurrences),
    Endpoint(api="occurrences", method="GET", suffix="/event-types", answer=event_types),
    Endpoint(api="forms", method="GET", suffix="", answer=forms, scopes=("forms",)),
    Endpoint(api="forms", method="GET", suffix="/", answer=forms, scopes=("forms",)),
    Endpoint(api="forms", method="GET", suffix="/{formId}", answer=read_form, scopes=("forms",)),
    Endpoint(api="submissions", method="GET", suffix="/{formId}", answer=submissions, scopes=("forms",)),
)
