"""Associations of up to a thousand records; hubspot-api.md 3.8."""

from __future__ import annotations

from starlette.responses import Response

from sync_worker.sandbox.api.batch import inputs_of, reply
from sync_worker.sandbox.base.ids import id_of
from sync_worker.sandbox.base.responses import Json, JsonReply, invalid
from sync_worker.sandbox.crm.associations import TYPES
from sync_worker.sandbox.request.body_validation import whole
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call, record_id, require

LARGEST = 1_000
LARGEST_PAGE = 500
_SCOPES = ("crm.objects.contacts.read", "crm.objects.companies.read", "crm.objects.deals.read")


def batch_read(call: Call) -> Response:
    """Answer what each record belongs to; those that belong to nothing are told as an error."""
    source, to = call.kind("fromObjectType").name, call.kind("toObjectType").name
    inputs = inputs_of(call, largest=LARGEST)
    for item in inputs:
        require(item, "PublicFetchAssociationsBatchRequest", "id")
    results, alone = [], []
    for item in inputs:
        text = str(item["id"])
        ids = call.portal.associations.of(source, id_of(text), to)
        if ids:
            results.append(_result(text, ids, whole(item, "after", 0), _types(source, to)))
        else:
            alone.append(text)
    return reply(call, results, [_none(source, to, text) for text in alone])


def of_record(call: Call) -> Response:
    """Answer what one record belongs to."""
    source, to = call.kind("objectType").name, call.kind("toObjectType").name
    ids = call.portal.associations.of(source, record_id(call.path["id"]), to)
    shown = _result(call.path["id"], ids, call.whole("after", 0, largest=10**18, smallest=0), _types(source, to))
    return JsonReply({"results": shown["to"], **({"paging": shown["paging"]} if "paging" in shown else {})})


def _types(source: str, to: str) -> list[Json]:
    types = TYPES.get((source, to))
    if types is None:
        raise invalid(f"{source} are not associated with {to}")
    return [{"category": "HUBSPOT_DEFINED", "typeId": kind.id, "label": kind.label} for kind in types]


def _result(text: str, ids: object, after: int, types: list[Json]) -> Json:
    rest = sorted(one for one in ids if one >= after)  # type: ignore[attr-defined]
    shown: Json = {"from": {"id": text}, "to": [{"toObjectId": one, "associationTypes": types} for one in rest[:LARGEST_PAGE]]}
    if len(rest) > LARGEST_PAGE:
        shown["paging"] = {"next": {"after": str(rest[LARGEST_PAGE])}}
    return shown


def _none(source: str, to: str, text: str) -> Json:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {to} is associated with {source} {text}.",
        "context": {"fromObjectId": [text], "fromObjectType": [source], "toObjectType": [to]},
    }


ENDPOINTS = (
    Endpoint(
        api="associations",
        method="POST",
        suffix="/{fromObjectType}/{toObjectType}/batch/read",
        answer=batch_read,
        scopes=_SCOPES,
        policy="exempt",
    ),
    Endpoint(
        api="object-associations",
        method="GET",
        suffix="/{objectType}/{id}/associations/{toObjectType}",
        answer=of_record,
        scopes=_SCOPES,
    ),
)
