"""Endpoints of merge and GDPR delete; hubspot-api.md 3.7."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.api.crm.objects import require_unique_property
from sync_worker.sandbox.base.responses import ApiError, JsonResponse, NoContentResponse, not_found_error, validation_error
from sync_worker.sandbox.crm.merge import MAX_MERGES, merge_rows, previous_ids
from sync_worker.sandbox.crm.serializer import response_properties, serialize
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, parse_record_id, require_fields

MERGE_PROPERTIES = ("hs_merged_object_ids",)


def merge_records(call: ApiCall) -> Response:
    """Merge two records into a new record with a new id."""
    table, body = call.table(), call.json_object()
    require_fields(body, "PublicMergeInput", "primaryObjectId", "objectIdToMerge")
    primary, other = _require_row(call, body["primaryObjectId"]), _require_row(call, body["objectIdToMerge"])
    if primary == other:
        raise validation_error("Cannot merge a record with itself.")
    if len(previous_ids(table, primary)) + len(previous_ids(table, other)) + 2 > MAX_MERGES:
        raise ApiError(414, f"A record cannot have more than {MAX_MERGES} merge identities.", "VALIDATION_ERROR")
    row = merge_rows(call.portal, table, primary, other)
    return JsonResponse(serialize(table, [row], response_properties(table, (*table.object_type.default_properties, *MERGE_PROPERTIES)))[0])


def gdpr_delete(call: ApiCall) -> Response:
    """Delete a record permanently; no id and no unique value finds it afterward."""
    table, body = call.table(), call.json_object()
    require_fields(body, "PublicGdprDeleteInput", "objectId")
    by = body.get("idProperty")
    if by is None:
        number = parse_record_id(str(body["objectId"]))
        row = table.records.find_surviving_row(number)
        row = table.records.find_row(number) if row is None else row
    else:
        require_unique_property(table, by)
        row = table.unique_values.find_row(by, str(body["objectId"]))
    if row is None or row in table.records.deleted:
        raise not_found_error()
    if table is call.portal.contacts:
        call.portal.lists.remove_from_all(table.records.ids[row])
    table.writer.delete_permanently(row)
    return NoContentResponse()


def _require_row(call: ApiCall, record_id: Any) -> int:  # noqa: ANN401 -- raw JSON of the client
    row = call.table().records.find_surviving_row(parse_record_id(str(record_id)))
    if row is None:
        raise not_found_error()
    return row


_WRITE = ("crm.objects.{kind}.write",)
ENDPOINTS = (
    Endpoint(api="objects", method="POST", path_suffix="/{objectType}/merge", handler=merge_records, scopes=_WRITE),
    Endpoint(api="objects", method="POST", path_suffix="/{objectType}/gdpr-delete", handler=gdpr_delete, scopes=_WRITE),
)
