"""Lists of contacts; hubspot-api.md section 6."""

from __future__ import annotations

from typing import get_args

from starlette.responses import Response

from sync_worker.sandbox.base.ids import id_of
from sync_worker.sandbox.base.responses import Json, JsonReply, NoContent, invalid, not_found
from sync_worker.sandbox.base.timestamps import iso
from sync_worker.sandbox.crm.lists import Processing, RecordList
from sync_worker.sandbox.request.body_validation import whole
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call, require

READ, WRITE, BOTH = ("crm.lists.read",), ("crm.lists.write",), ("crm.lists.read", "crm.lists.write")
LARGEST_SEARCH, DEFAULT_SEARCH = 500, 20
SIZE = "hs_list_size"


def create_list(call: Call) -> Response:
    """Add a list; its name must be new."""
    body, portal = call.json_object(), call.portal
    require(body, "ListCreateRequest", "name", "objectTypeId", "processingType")
    name, type_id, processing = str(body["name"]), str(body["objectTypeId"]), body["processingType"]
    if processing not in get_args(Processing):
        raise invalid(f"Invalid processingType: {processing}")
    if processing != "MANUAL" and body.get("filterBranch") is None:
        raise invalid(f"A filterBranch is required for a list of processing type {processing}.")
    _refuse_known_name(call, name, type_id)
    made = portal.lists.create(
        name, type_id, processing, now=portal.now_ms(), created_by=call.source.id or "", filter_branch=body.get("filterBranch")
    )
    return JsonReply({"list": shown_list(made, filters=True)})


def read_list(call: Call) -> Response:
    """Answer one list by its id."""
    return JsonReply({"list": shown_list(list_of(call), filters=call.flag("includeFilters"))})


def read_lists(call: Call) -> Response:
    """Answer some lists by their ids."""
    found = [call.portal.lists.get(id_of(text)) for text in call.names("listIds")]
    return JsonReply({"lists": [shown_list(item, filters=call.flag("includeFilters")) for item in found if item is not None]})


def read_by_name(call: Call) -> Response:
    """Answer one list by its name; case does not matter."""
    found = call.portal.lists.named(call.path["name"], call.path["objectTypeId"])
    if found is None:
        raise not_found(f"List does not exist with name {call.path['name']}.", "OBJECT_NOT_FOUND")
    return JsonReply({"list": shown_list(found, filters=call.flag("includeFilters"))})


def search_lists(call: Call) -> Response:
    """Answer the lists whose names contain a text."""
    body = call.json_object()
    count, offset = whole(body, "count", DEFAULT_SEARCH), max(0, whole(body, "offset", 0))
    if not 1 <= count <= LARGEST_SEARCH:
        raise invalid(f"Invalid count {count}: it must be between 1 and {LARGEST_SEARCH}.")
    text, types = str(body.get("query") or "").casefold(), body.get("processingTypes") or get_args(Processing)
    wanted = {str(one) for one in body.get("listIds") or ()}
    fits = [
        item
        for item in call.portal.lists
        if text in item.name.casefold() and item.processing in types and (not wanted or str(item.id) in wanted)
    ]
    page = [{**shown_list(item), "additionalProperties": {SIZE: str(len(item))}} for item in fits[offset : offset + count]]
    end = offset + len(page)
    return JsonReply({"lists": page, "hasMore": end < len(fits), "offset": end, "total": len(fits)})


def delete_list(call: Call) -> Response:
    """Delete a list so that it can be restored."""
    list_of(call).deleted_at = call.portal.now_ms()
    return NoContent()


def restore_list(call: Call) -> Response:
    """Bring a deleted list back."""
    found = list_of(call, deleted=True)
    if found.deleted_at is not None:
        _refuse_known_name(call, found.name, found.object_type_id)
    found.deleted_at = None
    return NoContent()


def rename_list(call: Call) -> Response:
    """Give a list another name."""
    found, name = list_of(call), call.query.get("listName") or ""
    if not name:
        raise invalid("listName is required.")
    if name.casefold() != found.name.casefold():
        _refuse_known_name(call, name, found.object_type_id)
    found.name, found.updated, found.version = name, call.portal.now_ms(), found.version + 1
    return JsonReply({"updatedList": shown_list(found, filters=call.flag("includeFilters"))})


def change_filters(call: Call) -> Response:
    """Give a dynamic list another filter."""
    found, body = list_of(call), call.json_object()
    require(body, "ListFilterUpdateRequest", "filterBranch")
    if found.processing != "DYNAMIC":
        raise invalid(f"The filters of a list of processing type {found.processing} cannot be changed.")
    found.filter_branch, found.updated, found.version = body["filterBranch"], call.portal.now_ms(), found.version + 1
    return JsonReply({"updatedList": shown_list(found, filters=True)})


def list_of(call: Call, *, deleted: bool = False) -> RecordList:
    """Return the list that the path names."""
    text = call.path["listId"]
    found = call.portal.lists.get(id_of(text), deleted=deleted)
    if found is None:
        raise not_found(f"List does not exist with ID {text}.", "OBJECT_NOT_FOUND")
    return found


def shown_list(item: RecordList, *, filters: bool = False) -> Json:
    """Return a list as HubSpot shows it."""
    shown: Json = {
        "listId": str(item.id),
        "listVersion": item.version,
        "name": item.name,
        "objectTypeId": item.object_type_id,
        "processingType": item.processing,
        "processingStatus": "COMPLETE",
        "createdAt": iso(item.created),
        "updatedAt": iso(item.updated),
        "filtersUpdatedAt": iso(item.created),
        "createdById": item.created_by,
        "size": len(item),
    }
    if filters and item.filter_branch is not None:
        shown["filterBranch"] = item.filter_branch
    return shown


def _refuse_known_name(call: Call, name: str, type_id: str) -> None:
    if call.portal.lists.named(name, type_id) is not None:
        raise invalid(f"A list named '{name}' already exists.", subCategory="ILS.DUPLICATE_LIST_NAMES")


ENDPOINTS = (
    Endpoint(api="lists", method="POST", suffix="", answer=create_list, scopes=WRITE),
    Endpoint(api="lists", method="POST", suffix="/", answer=create_list, scopes=WRITE),  # the SDK's spelling
    Endpoint(api="lists", method="GET", suffix="", answer=read_lists, scopes=READ),
    Endpoint(api="lists", method="GET", suffix="/", answer=read_lists, scopes=READ),
    Endpoint(api="lists", method="POST", suffix="/search", answer=search_lists, scopes=READ),
    Endpoint(api="lists", method="GET", suffix="/object-type-id/{objectTypeId}/name/{name}", answer=read_by_name, scopes=READ),
    Endpoint(api="lists", method="GET", suffix="/{listId}", answer=read_list, scopes=READ),
    Endpoint(api="lists", method="DELETE", suffix="/{listId}", answer=delete_list, scopes=BOTH, every_scope=True),
    Endpoint(api="lists", method="PUT", suffix="/{listId}/restore", answer=restore_list, scopes=BOTH, every_scope=True),
    Endpoint(api="lists", method="PUT", suffix="/{listId}/update-list-name", answer=rename_list, scopes=BOTH, every_scope=True),
    Endpoint(api="lists", method="PUT", suffix="/{listId}/update-list-filters", answer=change_filters, scopes=BOTH, every_scope=True),
)
