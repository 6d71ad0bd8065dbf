"""Pipelines, owners and account; hubspot-api.md sections 1, 4, 5, 9."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.base.ids import id_of
from sync_worker.sandbox.base.responses import Json, JsonReply, not_found
from sync_worker.sandbox.base.timestamps import iso, to_ms
from sync_worker.sandbox.crm.owners import Owner
from sync_worker.sandbox.crm.property_definitions import PropertyDefinition
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call

_CLOSED = {"closedwon": "1.0", "closedlost": "0.0"}
_EMPTY = PropertyDefinition(name="", label="", type="enumeration", field_type="radio", group="")
CUSTOM_PROPERTIES = 1_000


def list_pipelines(call: Call) -> Response:
    """Answer every pipeline of an object type, with its stages."""
    return JsonReply({"results": _pipelines(call)})


def read_pipeline(call: Call) -> Response:
    """Answer one pipeline."""
    found = [pipeline for pipeline in _pipelines(call) if pipeline["id"] == call.path["pipelineId"]]
    if not found:
        raise not_found(f"Pipeline {call.path['pipelineId']} does not exist.", "OBJECT_NOT_FOUND")
    return JsonReply(found[0])


def read_stages(call: Call) -> Response:
    """Answer the stages of one pipeline."""
    found = [pipeline for pipeline in _pipelines(call) if pipeline["id"] == call.path["pipelineId"]]
    if not found:
        raise not_found(f"Pipeline {call.path['pipelineId']} does not exist.", "OBJECT_NOT_FOUND")
    return JsonReply({"results": found[0]["stages"]})


def list_owners(call: Call) -> Response:
    """Answer a page of users."""
    limit, after = call.whole("limit", 100, largest=500), call.whole("after", 0, largest=10**18, smallest=0)
    email = (call.query.get("email") or "").lower()
    fits = [] if call.flag("archived") else [owner for owner in call.portal.owners if owner.id >= after and email in ("", owner.email)]
    body: Json = {"results": [_owner(owner) for owner in fits[:limit]]}
    if len(fits) > limit:
        body["paging"] = {"next": {"after": str(fits[limit].id)}}
    return JsonReply(body)


def read_owner(call: Call) -> Response:
    """Answer one user."""
    text = call.path["ownerId"]
    owner = call.portal.owners.by_id.get(id_of(text))
    if owner is None:
        raise not_found(f"Owner {text} does not exist.", "OBJECT_NOT_FOUND")
    return JsonReply(_owner(owner))


def account_details(call: Call) -> Response:
    """Answer which portal this is and where it lies in time."""
    portal = call.portal
    offset = portal.clock().astimezone(portal.zone).strftime("%z")
    shown: Json = {
        "portalId": portal.id,
        "accountType": "STANDARD",
        "timeZone": portal.time_zone,
        "companyCurrency": "EUR",
        "additionalCurrencies": [],
        "utcOffset": f"{offset[:3]}:{offset[3:]}",
        "utcOffsetMilliseconds": int(f"{offset[0]}1") * (int(offset[1:3]) * 60 + int(offset[3:5])) * 60_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }
    if call.version == "2026-09":
        shown |= {"portalName": "Sandbox", "createdAt": "2020-01-01T00:00:00Z"}
    return JsonReply(shown)


def daily_usage(call: Call) -> Response:
    """Answer how many calls were made today, and when the count begins again."""
    daily = call.budgets.daily
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": daily.limit,
        "currentUsage": daily.used,
        "collectedAt": iso(call.portal.now_ms()),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso(to_ms(daily.resets_at.astimezone(UTC))),
    }
    return JsonReply({"results": [usage]})


def custom_property_limits(call: Call) -> Response:
    """Answer how many custom properties there may be and are."""
    types: list[Json] = []
    for table in call.portal.tables.values():
        used = sum(not definition.hubspot_defined for definition in table.catalog.definitions.values())
        types.append(
            {"objectTypeId": table.kind.type_id, "limit": CUSTOM_PROPERTIES, "usage": used, "percentage": used / CUSTOM_PROPERTIES}
        )
    limit, usage = CUSTOM_PROPERTIES * len(types), sum(one["usage"] for one in types)
    return JsonReply({"overallLimit": limit, "overallUsage": usage, "overallPercentage": usage / limit, "byObjectType": types})


def _pipelines(call: Call) -> list[Json]:
    table = call.table()
    if table.kind.name == "contacts":
        stages = table.catalog.get("lifecyclestage") or _EMPTY
        return [_pipeline("contacts-lifecycle-pipeline", "Lifecycle Stage Pipeline", stages, closed=False)]
    if table.kind.name == "deals":
        stages, pipelines = table.catalog.get("dealstage") or _EMPTY, table.catalog.get("pipeline") or _EMPTY
        return [_pipeline(option.value, option.label, stages, closed=True) for option in pipelines.options]
    return []


def _pipeline(pipeline_id: str, label: str, stages: PropertyDefinition, *, closed: bool) -> Json:
    stamps: dict[str, Any] = {"createdAt": iso(stages.created), "updatedAt": iso(stages.updated), "archived": False}
    shown = [
        {
            "id": option.value,
            "label": option.label,
            "displayOrder": option.display_order,
            "metadata": {"isClosed": str(option.value in _CLOSED).lower(), "probability": _CLOSED.get(option.value, "0.5")}
            if closed
            else {},
            **stamps,
        }
        for option in sorted(stages.options, key=lambda option: option.display_order)
    ]
    return {"id": pipeline_id, "label": label, "displayOrder": 0, "stages": shown, **stamps}


def _owner(owner: Owner) -> Json:
    return {
        "id": str(owner.id),
        "email": owner.email,
        "type": "PERSON",
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "userId": owner.user_id,
        "userIdIncludingInactive": owner.user_id,
        "createdAt": iso(owner.created),
        "updatedAt": iso(owner.created),
        "archived": False,
        "teams": [],
    }


_PIPELINE_SCOPES = ("crm.schemas.{kind}.read", "crm.objects.{kind}.read")
_OWNERS = ("crm.objects.owners.read",)
ENDPOINTS = (
    Endpoint(api="pipelines", method="GET", suffix="/{objectType}", answer=list_pipelines, scopes=_PIPELINE_SCOPES),
    Endpoint(api="pipelines", method="GET", suffix="/{objectType}/{pipelineId}", answer=read_pipeline, scopes=_PIPELINE_SCOPES),
    Endpoint(api="pipelines", method="GET", suffix="/{objectType}/{pipelineId}/stages", answer=read_stages, scopes=_PIPELINE_SCOPES),
    Endpoint(api="owners", method="GET", suffix="", answer=list_owners, scopes=_OWNERS),
    Endpoint(api="owners", method="GET", suffix="/", answer=list_owners, scopes=_OWNERS),
    Endpoint(api="owners", method="GET", suffix="/{ownerId}", answer=read_owner, scopes=_OWNERS),
    Endpoint(api="account", method="GET", suffix="/details", answer=account_details),
    Endpoint(api="account", method="GET", suffix="/api-usage/daily/private-apps", answer=daily_usage),
    Endpoint(api="limits", method="GET", suffix="/custom-properties", answer=custom_property_limits),
)
