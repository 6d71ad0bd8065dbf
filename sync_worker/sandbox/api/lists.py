"""Lists of contacts; hubspot-api.md section 6."""

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
    """Add a list; its name must be new."""
    body, portal = call.json_object(), call.portal
    require_fields(body, "ListCreateRequest", "name", "objectTypeId", "processingType")
    name, type_id, processing = str(body["name"]), str(body["objectTypeId"]), body["processingType"]
    if processing not in get_args(ProcessingType):
        raise validation_error(f"Invalid processingType: {processing}")
    if processing != "MANUAL" and body.get("filterBranch") is None:
        raise validation_error(f"A filterBranch is required for a list of processing type {processing}.")
    _reject_duplicate_name(call, name, type_id)
    made = portal.lists.create(
        name, type_id, processing, now=portal.now_ms(), created_by=call.source.id or "", filter_branch=body.get("filterBranch")
    )
    return JsonResponse({"list": serialize_list(made, include_filters=True)})


def read_list(call: ApiCall) -> Response:
    """Answer one list by its id."""
    return JsonResponse({"list": serialize_list(require_list(call), include_filters=call.bool_param("includeFilters"))})


def read_lists(call: ApiCall) -> Response:
    """Answer some lists by their ids."""
    found = [call.portal.lists.get(parse_id(text)) for text in call.list_param("listIds")]
    return JsonResponse(
        {"lists": [serialize_list(item, include_filters=call.bool_param("includeFilters")) for item in found if item is not None]}
    )


def read_list_by_name(call: ApiCall) -> Response:
    """Answer one list by its name; case does not matter."""
    found = call.portal.lists.find_by_name(call.path_variables["name"], call.path_variables["objectTypeId"])
    if found is None:
        raise not_found_error(f"List does not exist with name {call.path_variables['name']}.", "OBJECT_NOT_FOUND")
    return JsonResponse({"list": serialize_list(found, include_filters=call.bool_param("includeFilters"))})


def search_lists(call: ApiCall) -> Response:
    """Answer the lists whose names contain a text."""
    body = call.json_object()
    count, offset = integer_field(body, "count", DEFAULT_SEARCH_PAGE_SIZE), max(0, integer_field(body, "offset", 0))
    if not 1 <= count <= MAX_SEARCH_PAGE_SIZE:
        raise validation_error(f"Invalid count {count}: it must be between 1 and {MAX_SEARCH_PAGE_SIZE}.")
    text, types = str(body.get("query") or "").casefold(), body.get("processingTypes") or get_args(ProcessingType)
    wanted = {str(one) for one in body.get("listIds") or ()}
    fits = [
        item
        for item in call.portal.lists
        if text in item.name.casefold() and item.processing in types and (not wanted or str(item.id) in wanted)
    ]
    page = [
        {**serialize_list(item), "additionalProperties": {LIST_SIZE_PROPERTY: str(len(item))}} for item in fits[offset : offset + count]
    ]
    end = offset + len(page)
    return JsonResponse({"lists": page, "hasMore": end < len(fits), "offset": end, "total": len(fits)})


def delete_list(call: ApiCall) -> Response:
    """Delete a list so that it can be restored."""
    require_list(call).deleted_at = call.portal.now_ms()
    return NoContentResponse()


def restore_list(call: ApiCall) -> Response:
    """Bring a deleted list back."""
    found = require_list(call, include_deleted=True)
    if found.deleted_at is not None:
        _reject_duplicate_name(call, found.name, found.object_type_id)
    found.deleted_at = None
    return NoContentResponse()


def rename_list(call: ApiCall) -> Response:
    """Give a list another name."""
    found, name = require_list(call), call.query.get("listName") or ""
    if not name:
        raise validation_error("listName is required.")
    if name.casefold() != found.name.casefold():
        _reject_duplicate_name(call, name, found.object_type_id)
    found.name, found.updated, found.version = name, call.portal.now_ms(), found.version + 1
    return JsonResponse({"updatedList": serialize_list(found, include_filters=call.bool_param("includeFilters"))})


def update_list_filters(call: ApiCall) -> Response:
    """Give a dynamic list another filter."""
    found, body = require_list(call), call.json_object()
    require_fields(body, "ListFilterUpdateRequest", "filterBranch")
    if found.processing != "DYNAMIC":
        raise validation_error(f"The filters of a list of processing type {found.processing} cannot be changed.")
    found.filter_branch, found.updated, found.version = body["filterBranch"], call.portal.now_ms(), found.version + 1
    return JsonResponse({"updatedList": serialize_list(found, include_filters=True)})


def require_list(call: ApiCall, *, include_deleted: bool = False) -> RecordList:
    """Return the list that the path names."""
    text = call.path_variables["listId"]
    found = call.portal.lists.get(parse_id(text), include_deleted=include_deleted)
    if found is None:
        raise not_found_error(f"List does not exist with ID {text}.", "OBJECT_NOT_FOUND")
    return found


def serialize_list(record_list: RecordList, *, include_filters: bool = False) -> Json:
    """Return a list as HubSpot shows it."""
    shown: Json = {
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
        shown["filterBranch"] = record_list.filter_branch
    return shown


def _reject_duplicate_name(call: ApiCall, name: str, type_id: str) -> None:
    if call.portal.lists.find_by_name(name, type_id) is not None:
        raise validation_error(f"A list named '{name}' already exists.", subCategory="ILS.DUPLICATE_LIST_NAMES")


ENDPOINTS = (
    Endpoint(api="lists", method="POST", path_suffix="", handler=create_list, scopes=WRITE_SCOPES),
    Endpoint(api="lists", method="POST", path_suffix="/", handler=create_list, scopes=WRITE_SCOPES),  # the SDK's spelling
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
