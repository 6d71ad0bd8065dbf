"""Endpoints of pipelines, owners, account details, usage and custom object schemas; hubspot-api.md sections 1, 4, 5, 9, 14."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.responses import Json, JsonResponse, not_found_error
from sync_worker.sandbox.base.timestamps import format_iso, to_ms
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.owners import Owner
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall

_CLOSED_STAGE_PROBABILITIES = {"closedwon": "1.0", "closedlost": "0.0"}
_EMPTY_PROPERTY = PropertyDefinition(name="", label="", type="enumeration", field_type="radio", group="")
MAX_CUSTOM_PROPERTIES = 1_000
#: The scopes of a token that has all: those of the endpoints that the sandbox serves.
_COMMON_SCOPES = (
    *(f"crm.{part}.{access}" for part in ("objects.contacts", "schemas.contacts", "lists") for access in ("read", "write")),
    *(f"crm.objects.{kind}.read" for kind in ("companies", "deals", "owners", "marketing_events")),
    *("crm.export", "crm.import", "forms", "content", "automation"),
)


def list_pipelines(call: ApiCall) -> Response:
    """Return all pipelines of an object type, with their stages."""
    return JsonResponse({"results": serialize_pipelines(call.table())})


def read_pipeline(call: ApiCall) -> Response:
    """Return one pipeline."""
    pipelines = [pipeline for pipeline in serialize_pipelines(call.table()) if pipeline["id"] == call.path_variables["pipelineId"]]
    if not pipelines:
        raise not_found_error(f"Pipeline {call.path_variables['pipelineId']} does not exist.", "OBJECT_NOT_FOUND")
    return JsonResponse(pipelines[0])


def read_pipeline_stages(call: ApiCall) -> Response:
    """Return the stages of one pipeline."""
    pipelines = [pipeline for pipeline in serialize_pipelines(call.table()) if pipeline["id"] == call.path_variables["pipelineId"]]
    if not pipelines:
        raise not_found_error(f"Pipeline {call.path_variables['pipelineId']} does not exist.", "OBJECT_NOT_FOUND")
    return JsonResponse({"results": pipelines[0]["stages"]})


def list_owners(call: ApiCall) -> Response:
    """Return a page of owners."""
    limit, after = call.integer_param("limit", 100, maximum=500), call.integer_param("after", 0, maximum=10**18, minimum=0)
    email = (call.query.get("email") or "").lower()
    matches = (
        [] if call.bool_param("archived") else [owner for owner in call.portal.owners if owner.id >= after and email in ("", owner.email)]
    )
    body: Json = {"results": [_serialize_owner(owner) for owner in matches[:limit]]}
    if len(matches) > limit:
        body["paging"] = {"next": {"after": str(matches[limit].id)}}
    return JsonResponse(body)


def read_owner(call: ApiCall) -> Response:
    """Return one owner."""
    text = call.path_variables["ownerId"]
    owner = call.portal.owners.by_id.get(parse_id(text))
    if owner is None:
        raise not_found_error(f"Owner {text} does not exist.", "OBJECT_NOT_FOUND")
    return JsonResponse(_serialize_owner(owner))


def read_account_details(call: ApiCall) -> Response:
    """Return the id, the time zone and the other details of the portal."""
    portal = call.portal
    offset = portal.clock().astimezone(portal.zone).strftime("%z")
    details: Json = {
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
        details |= {"portalName": "Sandbox", "createdAt": "2020-01-01T00:00:00Z"}
    return JsonResponse(details)


def describe_access_token(call: ApiCall) -> Response:
    """Return the scopes of the token that authenticates the call; hubspot-api.md section 14."""
    scopes = sorted(filter(call.app.has_scope, call.app.scopes or _COMMON_SCOPES))
    return JsonResponse({"userId": 1, "hubId": call.portal.id, "appId": 1, "scopes": scopes})


def read_daily_usage(call: ApiCall) -> Response:
    """Return the number of calls made today and the time of the next reset."""
    daily = call.rate_limits.daily_quota
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": daily.limit,
        "currentUsage": daily.usage,
        "collectedAt": format_iso(call.portal.now_ms()),
        "fetchStatus": "SUCCESS",
        "resetsAt": format_iso(to_ms(daily.resets_at.astimezone(UTC))),
    }
    return JsonResponse({"results": [usage]})


def list_custom_object_schemas(_: ApiCall) -> Response:
    """Return the schemas of custom objects; this portal has none."""
    return JsonResponse({"results": []})


def read_custom_property_limits(call: ApiCall) -> Response:
    """Return the limit and the number of custom properties."""
    types: list[Json] = []
    for table in call.portal.tables.values():
        used = sum(not definition.hubspot_defined for definition in table.catalog.definitions.values())
        types.append(
            {
                "objectTypeId": table.object_type.type_id,
                "limit": MAX_CUSTOM_PROPERTIES,
                "usage": used,
                "percentage": used / MAX_CUSTOM_PROPERTIES,
            }
        )
    limit, usage = MAX_CUSTOM_PROPERTIES * len(types), sum(one["usage"] for one in types)
    return JsonResponse({"overallLimit": limit, "overallUsage": usage, "overallPercentage": usage / limit, "byObjectType": types})


def serialize_pipelines(table: ObjectTable) -> list[Json]:
    """Return the JSON of all pipelines of an object type, with their stages."""
    if table.object_type.name == "contacts":
        stages = table.catalog.get("lifecyclestage") or _EMPTY_PROPERTY
        return [_serialize_pipeline("contacts-lifecycle-pipeline", "Lifecycle Stage Pipeline", stages, has_closed_stages=False)]
    if table.object_type.name == "deals":
        stages, pipelines = table.catalog.get("dealstage") or _EMPTY_PROPERTY, table.catalog.get("pipeline") or _EMPTY_PROPERTY
        return [_serialize_pipeline(option.value, option.label, stages, has_closed_stages=True) for option in pipelines.options]
    return []


def _serialize_pipeline(pipeline_id: str, label: str, stages: PropertyDefinition, *, has_closed_stages: bool) -> Json:
    timestamps: dict[str, Any] = {"createdAt": format_iso(stages.created), "updatedAt": format_iso(stages.updated), "archived": False}
    stage_rows = [
        {
            "id": option.value,
            "label": option.label,
            "displayOrder": option.display_order,
            "metadata": {
                "isClosed": str(option.value in _CLOSED_STAGE_PROBABILITIES).lower(),
                "probability": _CLOSED_STAGE_PROBABILITIES.get(option.value, "0.5"),
            }
            if has_closed_stages
            else {},
            **timestamps,
        }
        for option in sorted(stages.options, key=lambda option: option.display_order)
    ]
    return {"id": pipeline_id, "label": label, "displayOrder": 0, "stages": stage_rows, **timestamps}


def _serialize_owner(owner: Owner) -> Json:
    return {
        "id": str(owner.id),
        "email": owner.email,
        "type": "PERSON",
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "userId": owner.user_id,
        "userIdIncludingInactive": owner.user_id,
        "createdAt": format_iso(owner.created),
        "updatedAt": format_iso(owner.created),
        "archived": False,
        "teams": [],
    }


_PIPELINE_SCOPES = ("crm.schemas.{kind}.read", "crm.objects.{kind}.read")
_OWNER_SCOPES = ("crm.objects.owners.read",)
_SCHEMA_SCOPES = ("crm.schemas.custom.read",)
ENDPOINTS = (
    Endpoint(api="pipelines", method="GET", path_suffix="/{objectType}", handler=list_pipelines, scopes=_PIPELINE_SCOPES),
    Endpoint(api="pipelines", method="GET", path_suffix="/{objectType}/{pipelineId}", handler=read_pipeline, scopes=_PIPELINE_SCOPES),
    Endpoint(
        api="pipelines",
        method="GET",
        path_suffix="/{objectType}/{pipelineId}/stages",
        handler=read_pipeline_stages,
        scopes=_PIPELINE_SCOPES,
    ),
    Endpoint(api="owners", method="GET", path_suffix="", handler=list_owners, scopes=_OWNER_SCOPES),
    Endpoint(api="owners", method="GET", path_suffix="/", handler=list_owners, scopes=_OWNER_SCOPES),
    Endpoint(api="owners", method="GET", path_suffix="/{ownerId}", handler=read_owner, scopes=_OWNER_SCOPES),
    Endpoint(api="account", method="GET", path_suffix="/details", handler=read_account_details),
    Endpoint(api="account", method="GET", path_suffix="/api-usage/daily/private-apps", handler=read_daily_usage),
    Endpoint(api="private-apps", method="POST", path_suffix="/get/access-token-info", handler=describe_access_token),
    Endpoint(api="schemas", method="GET", path_suffix="", handler=list_custom_object_schemas, scopes=_SCHEMA_SCOPES),
    Endpoint(api="limits", method="GET", path_suffix="/custom-properties", handler=read_custom_property_limits),
)
