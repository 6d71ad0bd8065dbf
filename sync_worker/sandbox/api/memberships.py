"""Endpoints of list members; hubspot-api.md section 6."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.api.crm.batch import batch_inputs, batch_response
from sync_worker.sandbox.api.lists import READ_SCOPES, READ_WRITE_SCOPES, require_list
from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.object_types import find_object_type
from sync_worker.sandbox.base.responses import Json, JsonResponse, NoContentResponse, validation_error
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.crm.lists import RecordList
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, parse_record_id, require_fields

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 100, 250
MAX_RECORDS_PER_WRITE = 100_000  # ids per call, and members of a list that is cleared or copied


def list_members(call: ApiCall) -> Response:
    """Return a page of members by ascending id."""
    record_list = require_list(call)
    limit = call.integer_param("limit", DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE)
    first = call.integer_param("after", 0, maximum=10**18, minimum=0)
    page = record_list.member_ids_from(first, limit + 1)
    results = [{"recordId": str(one), "membershipTimestamp": format_iso(record_list.joined_at[one])} for one in page[:limit]]
    body: Json = {"results": results, "total": len(record_list)}
    if len(page) > limit:
        link = f"{call.base_url}{call.url_path}?limit={limit}&after={page[limit]}"
        body["paging"] = {"next": {"after": str(page[limit]), "link": link}}
    return JsonResponse(body)


def list_members_in_join_order(call: ApiCall) -> Response:
    """Return a page of members in the order in which they joined."""
    record_list = require_list(call)
    limit = call.integer_param("limit", DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE)
    start = call.integer_param("after", 0, maximum=10**9, minimum=0)
    joined = sorted(record_list.joined_at.items(), key=lambda item: (item[1], item[0]))
    results = [{"recordId": str(one), "membershipTimestamp": format_iso(at)} for one, at in joined[start : start + limit]]
    body: Json = {"results": results, "total": len(record_list)}
    if start + limit < len(joined):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return JsonResponse(body)


def add_members(call: ApiCall) -> Response:
    """Add records to a list."""
    return _change_members(call, call.json(), [])


def remove_members(call: ApiCall) -> Response:
    """Remove records from a list."""
    return _change_members(call, [], call.json())


def add_and_remove_members(call: ApiCall) -> Response:
    """Add records to a list and remove others."""
    body = call.json_object()
    missing = [name for name in ("recordIdsToAdd", "recordIdsToRemove") if name not in body]
    if missing:
        raise validation_error(f"Cannot build MembershipChangeRequest, some of required attributes are not set {missing}")
    return _change_members(call, body["recordIdsToAdd"], body["recordIdsToRemove"])


def add_members_from_list(call: ApiCall) -> Response:
    """Add all members of another list to a list."""
    record_list, text = _require_editable_list(call), call.path_variables["sourceListId"]
    source = call.portal.lists.get(parse_id(text))
    if source is None or len(source) > MAX_RECORDS_PER_WRITE:
        raise validation_error(f"List {text} does not exist or has more than {MAX_RECORDS_PER_WRITE} members.")
    record_list.add(source.member_ids(), now=call.portal.now_ms())
    return NoContentResponse()


def remove_all_members(call: ApiCall) -> Response:
    """Remove all members from a list."""
    record_list = _require_editable_list(call)
    if len(record_list) >= MAX_RECORDS_PER_WRITE:
        raise validation_error(f"The list has {MAX_RECORDS_PER_WRITE} members or more.")
    record_list.remove(record_list.member_ids())
    return NoContentResponse()


def list_record_memberships(call: ApiCall) -> Response:
    """Return the lists that contain a record."""
    lists = _serialize_memberships(call, call.path_variables["objectTypeId"], parse_record_id(call.path_variables["recordId"]))
    return JsonResponse({"results": lists, "total": len(lists)})


def batch_read_memberships(call: ApiCall) -> Response:
    """Return the lists that contain each of several records."""
    results = []
    for item in batch_inputs(call):
        require_fields(item, "RecordIdentifier", "objectTypeId", "recordId")
        type_id, text = str(item["objectTypeId"]), str(item["recordId"])
        results.append(
            {
                "objectTypeId": type_id,
                "recordId": text,
                "recordListMemberships": _serialize_memberships(call, type_id, parse_record_id(text)),
            }
        )
    return batch_response(call, results, [])


def _serialize_memberships(call: ApiCall, type_id: str, record_id: int) -> list[Json]:
    return [
        {
            "listId": str(item.id),
            "listVersion": item.version,
            "firstAddedTimestamp": format_iso(item.joined_at[record_id]),
            "lastAddedTimestamp": format_iso(item.joined_at[record_id]),
        }
        for item in call.portal.contact_lists(record_id)
        if item.object_type_id == type_id
    ]


def _change_members(call: ApiCall, to_add: Any, to_remove: Any) -> Response:  # noqa: ANN401 -- raw JSON of the client
    record_list = _require_editable_list(call)
    ids_to_add, unknown_to_add = _split_known_ids(call, record_list, to_add)
    ids_to_remove, unknown_to_remove = _split_known_ids(call, record_list, to_remove)
    added = record_list.add(ids_to_add, now=call.portal.now_ms())
    removed = record_list.remove(ids_to_remove)
    if call.portal.switches.list_bumps_contact:
        _touch_contacts(call, [*added, *removed])
    return JsonResponse(
        {
            "recordsIdsAdded": [str(one) for one in added],  # HubSpot misspells this key
            "recordIdsRemoved": [str(one) for one in removed],
            "recordIdsMissing": [*unknown_to_add, *unknown_to_remove],
        }
    )


def _require_editable_list(call: ApiCall) -> RecordList:
    record_list = require_list(call)
    if record_list.processing == "DYNAMIC":
        raise validation_error(
            f"Can not operate manually on a dynamic list: {record_list.id}", subCategory="ILS.DYNAMIC_LIST_MEMBERSHIP_CHANGE"
        )
    return record_list


def _split_known_ids(call: ApiCall, record_list: RecordList, ids: Any) -> tuple[list[int], list[str]]:  # noqa: ANN401 -- raw JSON of the client
    if not isinstance(ids, list) or len(ids) > MAX_RECORDS_PER_WRITE:
        raise validation_error(f"Invalid input JSON on line 1, column 1: a list of at most {MAX_RECORDS_PER_WRITE} record ids was expected")
    kind = find_object_type(record_list.object_type_id)
    records = call.portal.tables[kind.name].records if kind is not None else None
    known, unknown = [], []
    for text in map(str, ids):
        if records is not None and records.find_live_row(parse_id(text)) is not None:
            known.append(parse_id(text))
        else:
            unknown.append(text)
    return known, unknown


def _touch_contacts(call: ApiCall, ids: Iterable[int]) -> None:
    table = call.portal.contacts
    for one in ids:
        row = table.records.find_live_row(one)
        if row is not None:
            table.writer.touch(row, {}, call.source)


_MEMBERSHIPS_PATH = "/{listId}/memberships"
ENDPOINTS = (
    Endpoint(
        api="lists",
        method="GET",
        path_suffix="/records/{objectTypeId}/{recordId}/memberships",
        handler=list_record_memberships,
        scopes=READ_SCOPES,
    ),
    Endpoint(api="lists", method="POST", path_suffix="/records/memberships/batch/read", handler=batch_read_memberships, scopes=READ_SCOPES),
    Endpoint(api="lists", method="GET", path_suffix=_MEMBERSHIPS_PATH, handler=list_members, scopes=READ_SCOPES),
    Endpoint(
        api="lists", method="GET", path_suffix=_MEMBERSHIPS_PATH + "/join-order", handler=list_members_in_join_order, scopes=READ_SCOPES
    ),
    Endpoint(
        api="lists",
        method="PUT",
        path_suffix=_MEMBERSHIPS_PATH + "/add",
        handler=add_members,
        scopes=READ_WRITE_SCOPES,
        requires_all_scopes=True,
    ),
    Endpoint(
        api="lists",
        method="PUT",
        path_suffix=_MEMBERSHIPS_PATH + "/remove",
        handler=remove_members,
        scopes=READ_WRITE_SCOPES,
        requires_all_scopes=True,
    ),
    Endpoint(
        api="lists",
        method="PUT",
        path_suffix=_MEMBERSHIPS_PATH + "/add-and-remove",
        handler=add_and_remove_members,
        scopes=READ_WRITE_SCOPES,
        requires_all_scopes=True,
    ),
    Endpoint(
        api="lists",
        method="PUT",
        path_suffix=_MEMBERSHIPS_PATH + "/add-from/{sourceListId}",
        handler=add_members_from_list,
        scopes=READ_WRITE_SCOPES,
        requires_all_scopes=True,
    ),
    Endpoint(
        api="lists",
        method="DELETE",
        path_suffix=_MEMBERSHIPS_PATH,
        handler=remove_all_members,
        scopes=READ_WRITE_SCOPES,
        requires_all_scopes=True,
    ),
)
