"""Endpoints of v1 and v2 that extractors still read: companies, deals, forms, campaigns; read-only, until September 2027."""

from __future__ import annotations

from itertools import islice
from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.api.account_and_owners import serialize_pipelines
from sync_worker.sandbox.api.crm.batch import batch_inputs, batch_response
from sync_worker.sandbox.api.crm.property_serializer import serialize_property
from sync_worker.sandbox.api.forms import list_serialized_forms
from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.object_types import COMPANIES, CONTACTS, DEALS, ObjectType
from sync_worker.sandbox.base.responses import Json, JsonResponse, not_found_error
from sync_worker.sandbox.base.timestamps import parse_ms
from sync_worker.sandbox.crm.associations import ASSOCIATION_TYPES
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, require_fields

MAX_PAGE_SIZE = 250
MAX_ASSOCIATIONS = 100


def list_company_properties(call: ApiCall) -> Response:
    """Return all properties of companies."""
    return _list_properties(call, COMPANIES)


def list_deal_properties(call: ApiCall) -> Response:
    """Return all properties of deals."""
    return _list_properties(call, DEALS)


def list_companies(call: ApiCall) -> Response:
    """Return a page of companies by ascending id."""
    ids, following = _select_page(call, COMPANIES)
    names = call.list_param("properties")
    companies = [_serialize_company(call, record_id, names) for record_id in ids]
    return JsonResponse({"companies": companies, "has-more": following is not None, "offset": following or 0})


def read_company(call: ApiCall) -> Response:
    """Return one company with all its properties."""
    record_id = parse_id(call.path_variables["companyId"])
    if call.portal.companies.records.find_live_row(record_id) is None:
        raise not_found_error()
    return JsonResponse(_serialize_company(call, record_id, []))


def list_deals(call: ApiCall) -> Response:
    """Return a page of deals by ascending id; with `includeAllProperties`, all properties."""
    ids, following = _select_page(call, DEALS)
    names = [] if call.bool_param("includeAllProperties") else [*call.list_param("properties"), "hs_lastmodifieddate"]
    deals = [_serialize_deal(call, record_id, names) for record_id in ids]
    return JsonResponse({"deals": deals, "hasMore": following is not None, "offset": following or 0})


def list_deal_pipelines(call: ApiCall) -> Response:
    """Return the pipelines of deals with their stages."""
    pipelines = serialize_pipelines(call.portal.deals)
    return JsonResponse(
        [
            {
                "pipelineId": pipeline["id"],
                "label": pipeline["label"],
                "displayOrder": pipeline["displayOrder"],
                "active": True,
                "stages": [
                    {"stageId": stage["id"], "label": stage["label"], "displayOrder": stage["displayOrder"], "active": True}
                    for stage in pipeline["stages"]
                ],
            }
            for pipeline in pipelines
        ]
    )


def list_forms(call: ApiCall) -> Response:
    """Return all forms of HubSpot, without paging; times in epoch milliseconds."""
    times = ("createdAt", "updatedAt")
    forms = (form for form in list_serialized_forms(call) if form["formType"] == "hubspot" and not form["archived"])
    return JsonResponse(
        [{"portalId": call.portal.id, "guid": form["id"], "name": form["name"], **{t: parse_ms(form[t]) for t in times}} for form in forms]
    )


def list_campaigns(call: ApiCall) -> Response:
    """Return the ids of all email campaigns that have events."""
    campaigns = [{"id": number, "appId": row.get("appId")} for number, row in _find_campaigns(call).items()]
    return JsonResponse({"campaigns": campaigns, "hasMore": False, "offset": ""})


def read_campaign(call: ApiCall) -> Response:
    """Return one email campaign."""
    number = parse_id(call.path_variables["campaignId"])
    row = _find_campaigns(call).get(number)
    if row is None:
        raise not_found_error()
    return JsonResponse({"id": number, "appId": row.get("appId"), "appName": row.get("appName"), "subject": row.get("subject")})


def batch_read_associations(call: ApiCall) -> Response:
    """Return the associated records of each record, in the format of v3."""
    source, to = call.object_type("fromObjectType").name, call.object_type("toObjectType").name
    results = []
    for item in batch_inputs(call):
        require_fields(item, "PublicObjectId", "id")
        ids = call.portal.associations.find_ids(source, parse_id(item["id"]), to)
        kind = ASSOCIATION_TYPES[source, to][0].name
        linked = [{"id": str(one), "type": kind} for one in islice(ids, MAX_ASSOCIATIONS)]
        if linked:
            results.append({"from": {"id": str(item["id"])}, "to": linked})
    return batch_response(call, results, [])


def list_nothing(call: ApiCall) -> Response:
    """Return no rows of a kind that this portal does not have: engagements, workflows."""
    return JsonResponse({"results": [], "workflows": [], "hasMore": False, "after": call.query.get("after")})


def _list_properties(call: ApiCall, object_type: ObjectType) -> Response:
    return JsonResponse([serialize_property(one) for one in call.portal.catalog(object_type.name).definitions.values()])


def _select_page(call: ApiCall, object_type: ObjectType) -> tuple[list[int], int | None]:
    limit = call.integer_param("limit", MAX_PAGE_SIZE, maximum=MAX_PAGE_SIZE)
    first = call.integer_param("offset", 0, maximum=10**18, minimum=0)
    records = call.portal.tables[object_type.name].records
    rows, following = records.page_rows(first_id=first, limit=limit)
    return [records.ids[row] for row in rows], following


def _serialize_company(call: ApiCall, record_id: int, names: list[str]) -> Json:
    return {"portalId": call.portal.id, "companyId": record_id, "isDeleted": False, **_serialize_values(call, COMPANIES, record_id, names)}


def _serialize_deal(call: ApiCall, record_id: int, names: list[str]) -> Json:
    associations = {
        "associatedVids": list(call.portal.associations.find_ids(DEALS.name, record_id, CONTACTS.name)),
        "associatedCompanyIds": [],
        "associatedDealIds": [],
    }
    values = _serialize_values(call, DEALS, record_id, names)
    return {"portalId": call.portal.id, "dealId": record_id, "isDeleted": False, "associations": associations, **values}


def _serialize_values(call: ApiCall, object_type: ObjectType, record_id: int, names: list[str]) -> Json:
    records = call.portal.tables[object_type.name].records
    row = records.find_row(record_id)
    values = {} if row is None else records.values(row)
    modified = 0 if row is None else records.modified[row]
    chosen = {name: value for name, value in values.items() if not names or name in names}
    return {
        "properties": {
            name: {"value": value, "timestamp": parse_ms(value) if name == "createdate" else modified, "source": "API", "sourceId": None}
            for name, value in chosen.items()
        }
    }


def _find_campaigns(call: ApiCall) -> dict[int, Json]:
    campaigns: dict[int, Json] = {}
    for row in call.portal.engagement.email_events:
        number: Any = row.get("emailCampaignId")
        if number is not None:
            campaigns.setdefault(int(number), row)
    return campaigns


_COMPANIES, _DEALS, _CONTENT = ("crm.objects.companies.read",), ("crm.objects.deals.read",), ("content",)
ENDPOINTS = (
    Endpoint(api="companies-v2", method="GET", path_suffix="/properties", handler=list_company_properties, scopes=_COMPANIES),
    Endpoint(api="companies-v2", method="GET", path_suffix="/companies/paged", handler=list_companies, scopes=_COMPANIES),
    Endpoint(api="companies-v2", method="GET", path_suffix="/companies/{companyId}", handler=read_company, scopes=_COMPANIES),
    Endpoint(api="properties-v1", method="GET", path_suffix="/deals/properties", handler=list_deal_properties, scopes=_DEALS),
    Endpoint(api="deals-v1", method="GET", path_suffix="/deal/paged", handler=list_deals, scopes=_DEALS),
    Endpoint(api="deals-v1", method="GET", path_suffix="/pipelines", handler=list_deal_pipelines, scopes=_DEALS),
    Endpoint(api="forms-v2", method="GET", path_suffix="/forms", handler=list_forms, scopes=("forms",)),
    Endpoint(api="email", method="GET", path_suffix="/campaigns/by-id", handler=list_campaigns, scopes=_CONTENT),
    Endpoint(api="email", method="GET", path_suffix="/campaigns/{campaignId}", handler=read_campaign, scopes=_CONTENT),
    Endpoint(
        api="associations-v3",
        method="POST",
        path_suffix="/{fromObjectType}/{toObjectType}/batch/read",
        handler=batch_read_associations,
        scopes=("crm.objects.contacts.read", *_COMPANIES, *_DEALS),
    ),
    Endpoint(api="engagements-v1", method="GET", path_suffix="/engagements/modified/after", handler=list_nothing),
    Endpoint(api="workflows-v3", method="GET", path_suffix="/workflows", handler=list_nothing, scopes=("automation",)),
)
