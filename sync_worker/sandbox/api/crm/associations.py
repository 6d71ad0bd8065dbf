"""Endpoints of associations; hubspot-api.md 3.8."""

from __future__ import annotations

from starlette.responses import Response

from sync_worker.sandbox.api.crm.batch import batch_inputs, batch_response
from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.responses import Json, JsonResponse, validation_error
from sync_worker.sandbox.crm.associations import ASSOCIATION_TYPES
from sync_worker.sandbox.request.body_validation import integer_field
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, parse_record_id, require_fields

MAX_INPUTS = 1_000  # records per batch
MAX_PAGE_SIZE = 500
_SCOPES = ("crm.objects.contacts.read", "crm.objects.companies.read", "crm.objects.deals.read")


def batch_read_associations(call: ApiCall) -> Response:
    """Return the associated records of each record; records without associations are errors."""
    source, to = call.object_type("fromObjectType").name, call.object_type("toObjectType").name
    inputs = batch_inputs(call, max_inputs=MAX_INPUTS)
    for item in inputs:
        require_fields(item, "PublicFetchAssociationsBatchRequest", "id")
    results, unassociated = [], []
    for item in inputs:
        text = str(item["id"])
        ids = call.portal.associations.find_ids(source, parse_id(text), to)
        if ids:
            results.append(_serialize_associations(text, ids, integer_field(item, "after", 0), _serialize_types(source, to)))
        else:
            unassociated.append(text)
    return batch_response(call, results, [_no_associations_error(source, to, text) for text in unassociated])


def list_associations(call: ApiCall) -> Response:
    """Return the associated records of one record."""
    source, to = call.object_type("objectType").name, call.object_type("toObjectType").name
    ids = call.portal.associations.find_ids(source, parse_record_id(call.path_variables["id"]), to)
    body = _serialize_associations(
        call.path_variables["id"], ids, call.integer_param("after", 0, maximum=10**18, minimum=0), _serialize_types(source, to)
    )
    return JsonResponse({"results": body["to"], **({"paging": body["paging"]} if "paging" in body else {})})


def _serialize_types(source: str, to: str) -> list[Json]:
    types = ASSOCIATION_TYPES.get((source, to))
    if types is None:
        raise validation_error(f"{source} are not associated with {to}")
    return [{"category": "HUBSPOT_DEFINED", "typeId": kind.id, "label": kind.label} for kind in types]


def _serialize_associations(record_id: str, ids: object, after: int, types: list[Json]) -> Json:
    rest = sorted(one for one in ids if one >= after)  # type: ignore[attr-defined]
    body: Json = {"from": {"id": record_id}, "to": [{"toObjectId": one, "associationTypes": types} for one in rest[:MAX_PAGE_SIZE]]}
    if len(rest) > MAX_PAGE_SIZE:
        body["paging"] = {"next": {"after": str(rest[MAX_PAGE_SIZE])}}
    return body


def _no_associations_error(source: str, to: str, record_id: str) -> Json:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {to} is associated with {source} {record_id}.",
        "context": {"fromObjectId": [record_id], "fromObjectType": [source], "toObjectType": [to]},
    }


ENDPOINTS = (
    Endpoint(
        api="associations",
        method="POST",
        path_suffix="/{fromObjectType}/{toObjectType}/batch/read",
        handler=batch_read_associations,
        scopes=_SCOPES,
        rate_limit="exempt",
    ),
    Endpoint(
        api="object-associations",
        method="GET",
        path_suffix="/{objectType}/{id}/associations/{toObjectType}",
        handler=list_associations,
        scopes=_SCOPES,
    ),
)
