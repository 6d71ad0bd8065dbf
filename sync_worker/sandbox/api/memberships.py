"""Who is in a list; hubspot-api.md section 6."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.api.batch import inputs_of, reply
from sync_worker.sandbox.api.lists import BOTH, READ, list_of
from sync_worker.sandbox.base.ids import id_of
from sync_worker.sandbox.base.object_types import object_type
from sync_worker.sandbox.base.responses import Json, JsonReply, NoContent, invalid
from sync_worker.sandbox.base.timestamps import iso
from sync_worker.sandbox.crm.lists import RecordList
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call, record_id, require

DEFAULT_PAGE, LARGEST_PAGE = 100, 250
LARGEST_WRITE = 100_000  # ids in a call, members of a list that is emptied or copied


def list_members(call: Call) -> Response:
    """Answer a page of members in ascending order of their ids."""
    found = list_of(call)
    limit = call.whole("limit", DEFAULT_PAGE, largest=LARGEST_PAGE)
    first = call.whole("after", 0, largest=10**18, smallest=0)
    page = found.members_from(first, limit + 1)
    results = [{"recordId": str(one), "membershipTimestamp": iso(found.joined[one])} for one in page[:limit]]
    body: Json = {"results": results, "total": len(found)}
    if len(page) > limit:
        link = f"{call.base_url}{call.url_path}?limit={limit}&after={page[limit]}"
        body["paging"] = {"next": {"after": str(page[limit]), "link": link}}
    return JsonReply(body)


def list_members_by_joining(call: Call) -> Response:
    """Answer a page of members in the order in which they joined."""
    found = list_of(call)
    limit = call.whole("limit", DEFAULT_PAGE, largest=LARGEST_PAGE)
    start = call.whole("after", 0, largest=10**9, smallest=0)
    joined = sorted(found.joined.items(), key=lambda item: (item[1], item[0]))
    results = [{"recordId": str(one), "membershipTimestamp": iso(at)} for one, at in joined[start : start + limit]]
    body: Json = {"results": results, "total": len(found)}
    if start + limit < len(joined):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return JsonReply(body)


def add(call: Call) -> Response:
    """Put records into a list."""
    return _change(call, call.json(), [])


def remove(call: Call) -> Response:
    """Take records out of a list."""
    return _change(call, [], call.json())


def add_and_remove(call: Call) -> Response:
    """Put records into a list and take others out."""
    body = call.json_object()
    missing = [name for name in ("recordIdsToAdd", "recordIdsToRemove") if name not in body]
    if missing:
        raise invalid(f"Cannot build MembershipChangeRequest, some of required attributes are not set {missing}")
    return _change(call, body["recordIdsToAdd"], body["recordIdsToRemove"])


def add_from(call: Call) -> Response:
    """Put every member of another list into a list."""
    found, text = _manual(call), call.path["sourceListId"]
    source = call.portal.lists.get(id_of(text))
    if source is None or len(source) > LARGEST_WRITE:
        raise invalid(f"List {text} does not exist or has more than {LARGEST_WRITE} members.")
    found.add(source.members(), now=call.portal.now_ms())
    return NoContent()


def empty(call: Call) -> Response:
    """Take every member out of a list."""
    found = _manual(call)
    if len(found) >= LARGEST_WRITE:
        raise invalid(f"The list has {LARGEST_WRITE} members or more.")
    found.remove(found.members())
    return NoContent()


def of_record(call: Call) -> Response:
    """Answer the lists that a record is in."""
    lists = _lists_of(call, call.path["objectTypeId"], record_id(call.path["recordId"]))
    return JsonReply({"results": lists, "total": len(lists)})


def of_records(call: Call) -> Response:
    """Answer the lists that each of some records is in."""
    results = []
    for item in inputs_of(call):
        require(item, "RecordIdentifier", "objectTypeId", "recordId")
        type_id, text = str(item["objectTypeId"]), str(item["recordId"])
        results.append({"objectTypeId": type_id, "recordId": text, "recordListMemberships": _lists_of(call, type_id, record_id(text))})
    return reply(call, results, [])


def _lists_of(call: Call, type_id: str, one: int) -> list[Json]:
    return [
        {
            "listId": str(item.id),
            "listVersion": item.version,
            "firstAddedTimestamp": iso(item.joined[one]),
            "lastAddedTimestamp": iso(item.joined[one]),
        }
        for item in call.portal.lists_of(one)
        if item.object_type_id == type_id
    ]


def _change(call: Call, to_add: Any, to_remove: Any) -> Response:  # noqa: ANN401 -- whatever the client sent
    found = _manual(call)
    adding, unknown = _known(call, found, to_add)
    removing, unknown_too = _known(call, found, to_remove)
    added = found.add(adding, now=call.portal.now_ms())
    removed = found.remove(removing)
    if call.portal.switches.list_bumps_contact:
        _bump(call, [*added, *removed])
    return JsonReply(
        {
            "recordsIdsAdded": [str(one) for one in added],  # misspelt by HubSpot
            "recordIdsRemoved": [str(one) for one in removed],
            "recordIdsMissing": [*unknown, *unknown_too],
        }
    )


def _manual(call: Call) -> RecordList:
    found = list_of(call)
    if found.processing == "DYNAMIC":
        raise invalid(f"Can not operate manually on a dynamic list: {found.id}", subCategory="ILS.DYNAMIC_LIST_MEMBERSHIP_CHANGE")
    return found


def _known(call: Call, found: RecordList, ids: Any) -> tuple[list[int], list[str]]:  # noqa: ANN401 -- whatever the client sent
    if not isinstance(ids, list) or len(ids) > LARGEST_WRITE:
        raise invalid(f"Invalid input JSON on line 1, column 1: a list of at most {LARGEST_WRITE} record ids was expected")
    kind = object_type(found.object_type_id)
    records = call.portal.tables[kind.name].records if kind is not None else None
    known, unknown = [], []
    for text in map(str, ids):
        if records is not None and records.live(id_of(text)) is not None:
            known.append(id_of(text))
        else:
            unknown.append(text)
    return known, unknown


def _bump(call: Call, ids: Iterable[int]) -> None:
    table = call.portal.contacts
    for one in ids:
        row = table.records.live(one)
        if row is not None:
            table.editor.touch(row, {}, call.source)


_PATH = "/{listId}/memberships"
ENDPOINTS = (
    Endpoint(api="lists", method="GET", suffix="/records/{objectTypeId}/{recordId}/memberships", answer=of_record, scopes=READ),
    Endpoint(api="lists", method="POST", suffix="/records/memberships/batch/read", answer=of_records, scopes=READ),
    Endpoint(api="lists", method="GET", suffix=_PATH, answer=list_members, scopes=READ),
    Endpoint(api="lists", method="GET", suffix=_PATH + "/join-order", answer=list_members_by_joining, scopes=READ),
    Endpoint(api="lists", method="PUT", suffix=_PATH + "/add", answer=add, scopes=BOTH, every_scope=True),
    Endpoint(api="lists", method="PUT", suffix=_PATH + "/remove", answer=remove, scopes=BOTH, every_scope=True),
    Endpoint(api="lists", method="PUT", suffix=_PATH + "/add-and-remove", answer=add_and_remove, scopes=BOTH, every_scope=True),
    Endpoint(api="lists", method="PUT", suffix=_PATH + "/add-from/{sourceListId}", answer=add_from, scopes=BOTH, every_scope=True),
    Endpoint(api="lists", method="DELETE", suffix=_PATH, answer=empty, scopes=BOTH, every_scope=True),
)
