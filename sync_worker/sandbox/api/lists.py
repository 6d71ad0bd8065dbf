"""Endpoints of lists; hubspot-api.md section 6. `memberships.py` has the members."""

from __future__ import annotations

from typing import get_args

from starlette.responses import Response

from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.responses import Json, JsonResponse, NoContentResponse, not_found_error, validation_error
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.crm.lists import ProcessingType, RecordList
from sync_worker.sandbox.request.body_validation import integer_field
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, require_fields

READ_SCOPES, WRITE_SCOPES, READ_WRITE_SCOPES = ("crm.lists.read",), ("crm.lists.write",), ("crm.lists.read", "crm.lists.write")
MAX_SEARCH_PAGE_SIZE, DEFAULT_SEARCH_PAGE_SIZE = 500, 20
LIST_SIZE_PROPERTY = "hs_list_size"


def create_list(call: ApiCall) -> Response:
    """Create a list; the name must be unique."""
    body, portal = call.json_object(), call.portal
    require_fields(body, "ListCreateRequest", "name", "objectTypeId", "processingType")
    name, type_id, processing = str(body["name"]), str(body["objectTypeId"]), body["processingType"]
    if processing not in get_args(ProcessingType):
        raise validation_error(f"Invalid processingType: {processing}")
    if processing != "MANUAL" and body.get("filterBranch") is None:
        raise validation_error(f"A filterBranch is required for a list of processing type {processing}.")
    _reject_duplicate_name(call, name, type_id)
    record_list = portal.lists.create(
        name, type_id, processing, now=portal.now_ms(), created_by=call.source.id or "", filter_branch=body.get("filterBranch")
    )
    return JsonResponse({"list": serialize_list(record_list, include_filters=True)})


def read_list(call: ApiCall) -> Response:
    """Return one list by id."""
    return JsonResponse({"list": serialize_list(require_list(call), include_filters=call.bool_param("includeFilters"))})


def read_lists(call: ApiCall) -> Response:
    """Return lists by id."""
    record_lists = [call.portal.lists.get(parse_id(text)) for text in call.list_param("listIds")]
    return JsonResponse(
        {"lists": [serialize_list(item, include_filters=call.bool_param("includeFilters")) for item in record_lists if item is not None]}
    )


def read_list_by_name(call: ApiCall) -> Response:
    """Return one list by name, in any case."""
    record_list = call.portal.lists.find_by_name(call.path_variables["name"], call.path_variables["objectTypeId"])
    if record_list is None:
        raise not_found_error(f"List does not exist with name {call.path_variables['name']}.", "OBJECT_NOT_FOUND")
    return JsonResponse({"list": serialize_list(record_list, include_filters=call.bool_param("includeFilters"))})


def search_lists(call: ApiCall) -> Response:
    """Return the lists whose name contains a text."""
    body = call.json_object()
    count, offset = integer_field(body, "count", DEFAULT_SEARCH_PAGE_SIZE), max(0, integer_field(body, "offset", 0))
    if not 1 <= count <= MAX_SEARCH_PAGE_SIZE:
        raise validation_error(f"Invalid count {count}: it must be between 1 and {MAX_SEARCH_PAGE_SIZE}.")
    text, types = str(body.get("query") or "").casefold(), body.get("processingTypes") or get_args(ProcessingType)
    ids = {str(one) for one in body.get("listIds") or ()}
    matches = [
        item for item in call.portal.lists if text in item.name.casefold() and item.processing in types and (not ids or str(item.id) in ids)
    ]
    page = [
        {**serialize_list(item), "additionalProperties": {LIST_SIZE_PROPERTY: str(len(item))}} for item in matches[offset : offset + count]
    ]
    end = offset + len(page)
    return JsonResponse({"lists": page, "hasMore": end < len(matches), "offset": end, "total": len(matches)})


def delete_list(call: ApiCall) -> Response:
    """Delete a list; it can be restored."""
    require_list(call).deleted_at = call.portal.now_ms()
    return NoContentResponse()


def restore_list(call: ApiCall) -> Response:
    """Restore a deleted list."""
    record_list = require_list(call, include_deleted=True)
    if record_list.deleted_at is not None:
        _reject_duplicate_name(call, record_list.name, record_list.object_type_id)
    record_list.deleted_at = None
    return NoContentResponse()


def rename_list(call: ApiCall) -> Response:
    """Rename a list."""
    record_list, name = require_list(call), call.query.get("listName") or ""
    if not name:
        raise validation_error("listName is required.")
    if name.casefold() != record_list.name.casefold():
        _reject_duplicate_name(call, name, record_list.object_type_id)
    record_list.name, record_list.updated, record_list.version = name, call.portal.now_ms(), record_list.version + 1
    return JsonResponse({"updatedList": serialize_list(record_list, include_filters=call.bool_param("includeFilters"))})


def update_list_filters(call: ApiCall) -> Response:
    """Replace the filter of a dynamic list."""
    record_list, body = require_list(call), call.json_object()
    require_fields(body, "ListFilterUpdateRequest", "filterBranch")
    if record_list.processing != "DYNAMIC":
        raise validation_error(f"The filters of a list of processing type {record_list.processing} cannot be changed.")
    record_list.filter_branch = body["filterBranch"]
    record_list.updated, record_list.version = call.portal.now_ms(), record_list.version + 1
    return JsonResponse({"updatedList": serialize_list(record_list, include_filters=True)})


def require_list(call: ApiCall, *, include_deleted: bool = False) -> RecordList:
    """Return the list in the path."""
    text = call.path_variables["listId"]
    record_list = call.portal.lists.get(parse_id(text), include_deleted=include_deleted)
    if record_list is None:
        raise not_found_error(f"List does not exist with ID {text}.", "OBJECT_NOT_FOUND")
    return record_list


def serialize_list(record_list: RecordList, *, include_filters: bool = False) -> Json:
    """Return the JSON of a list."""
    body: Json = {
        "listId": str(record_list.id),
        "listVersion": record_list.version,
        "name": record_list.name,
        "objectTypeId": record_list.object_type_id,
        "processingType": record_list.processing,
        "processingStatus": "COMPLETE",
        "createdAt": format_iso(record_list.created),
        "updatedAt": format_iso(record_list.updated),
        "filtersUpdatedAt": format_iso(record_list.created),
        "createdById": record_list.created_by,
        "size": len(record_list),
    }
    if include_filters and record_list.filter_branch is not None:
        body["filterBranch"] = record_list.filter_branch
    return body


def _reject_duplicate_name(call: ApiCall, name: str, type_id: str) -> None:
    if call.portal.lists.find_by_name(name, type_id) is not None:
        raise validation_error(f"A list named '{name}' already exists.", subCategory="ILS.DUPLICATE_LIST_NAMES")


ENDPOINTS = (
    Endpoint(api="lists", method="POST", path_suffix="", handler=create_list, scopes=WRITE_SCOPES),
    Endpoint(api="lists", method="POST", path_suffix="/", handler=create_list, scopes=WRITE_SCOPES),  # path in the SDK
    Endpoint(api="lists", method="GET", path_suffix="", handler=read_lists, scopes=READ_SCOPES),
    Endpoint(api="lists", method="GET", path_suffix="/", handler=read_lists, scopes=READ_SCOPES),
    Endpoint(api="lists", method="POST", path_suffix="/search", handler=search_lists, scopes=READ_SCOPES),
    Endpoint(
        api="lists", method="GET", path_suffix="/object-type-id/{objectTypeId}/name/{name}", handler=read_list_by_name, scopes=READ_SCOPES
    ),
    Endpoint(api="lists", method="GET", path_suffix="/{listId}", handler=read_list, scopes=READ_SCOPES),
    Endpoint(
        api="lists", method="DELETE", path_suffix="/{listId}", handler=delete_list, scopes=READ_WRITE_SCOPES, requires_all_scopes=True
    ),
    Endpoint(
        api="lists", method="PUT", path_suffix="/{listId}/restore", handler=restore_list, scopes=READ_WRITE_SCOPES, requires_all_scopes=True
    ),
    Endpoint(
        api="lists",
        method="PUT",
        path_suffix="/{listId}/update-list-name",
        handler=rename_list,
        scopes=READ_WRITE_SCOPES,
        requires_all_scopes=True,
    ),
    Endpoint(
        api="lists",
        method="PUT",
        path_suffix="/{listId}/update-list-filters",
        handler=update_list_filters,
        scopes=READ_WRITE_SCOPES,
        requires_all_scopes=True,
    ),
)
