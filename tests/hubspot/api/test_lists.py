from __future__ import annotations

import json
from typing import Any

import pytest

from sync_worker.errors import BadRequest, NotFound
from sync_worker.hubspot.api.crm.rejection_causes import LOCKED
from sync_worker.hubspot.api.crm.write_session import WriteSession
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import MembershipChangeResult
from sync_worker.hubspot.rest.retry import RetryPolicy
from tests.hubspot.fakes import (
    TIMESTAMP,
    FakeResponse,
    FakeServer,
    error_body,
    html_response,
    json_response,
    make_client,
    next_page_body,
    serve_fake,
)

LISTS = "/crm/v3/lists"
LIST_BY_NAME = "/crm/v3/lists/object-type-id/0-1/name/MQL%20%C2%B7%20direct"
MEMBERSHIP_CHANGE = "/crm/v3/lists/9/memberships/add-and-remove"
MEMBERSHIPS = "/crm/v3/lists/records/memberships/batch/read"


def list_body(**more: object) -> dict[str, Any]:
    shown = {"listId": "9", "listVersion": 1, "name": "MQL · direct", "objectTypeId": "0-1", "processingType": "MANUAL", **more}
    return {"list": shown}


def test_a_list_is_found_by_its_name(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", LIST_BY_NAME, json_response(list_body(size=3)), json_response(error_body("not found", "OBJECT_NOT_FOUND"), 404))

    found = hubspot.lists.find_by_name("MQL · direct")

    assert found is not None
    assert (found.id, found.name, found.size, found.is_dynamic) == ("9", "MQL · direct", 3, False)
    assert hubspot.lists.find_by_name("MQL · direct") is None


def test_a_list_is_found_by_its_id(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "GET",
        "/crm/v3/lists/9",
        json_response(list_body(processingType="DYNAMIC", additionalProperties={"hs_list_size": "12"})),
        json_response(error_body("resource not found"), status=404),
    )

    found = hubspot.lists.get("9")

    assert found is not None
    assert (found.size, found.is_dynamic) == (12, True)
    assert hubspot.lists.get("9") is None


def test_a_new_list_is_manual(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", LISTS, json_response(list_body()))

    assert hubspot.lists.create("MQL · direct").id == "9"
    assert server.bodies == [{"name": "MQL · direct", "objectTypeId": "0-1", "processingType": "MANUAL"}]


def test_a_list_created_by_a_lost_call_is_found(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "POST",
        LISTS,
        html_response(504),
        json_response(error_body("List name taken", "VALIDATION_ERROR", subCategory="ILS.DUPLICATE_LIST_NAMES"), 400),
    )
    server.respond("GET", LIST_BY_NAME, json_response(list_body()))

    assert hubspot.lists.create("MQL · direct").id == "9"


def test_a_list_that_cannot_be_created_is_an_error(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", LISTS, json_response(error_body("too many lists", "VALIDATION_ERROR"), 400))
    server.respond("GET", LIST_BY_NAME, json_response(error_body("not found"), 404))

    with pytest.raises(BadRequest, match="too many lists"):
        hubspot.lists.create("MQL · direct")


def test_members_are_read_page_by_page(hubspot: HubSpot, server: FakeServer) -> None:
    first = {"results": [{"recordId": "51", "membershipTimestamp": TIMESTAMP}], "total": 2, **next_page_body("x")}
    server.respond("GET", "/crm/v3/lists/9/memberships", json_response(first), json_response({"results": [{"recordId": 52}], "total": 2}))

    page = hubspot.lists.read_members("9")
    last = hubspot.lists.read_members("9", page.next)

    assert (page.items, last.items, last.next) == ((51,), (52,), None)
    assert server.queries == [{"limit": "250"}, {"limit": "250", "after": "x"}]


def test_members_are_added_and_removed_in_one_call(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "PUT", MEMBERSHIP_CHANGE, json_response({"recordsIdsAdded": ["51"], "recordIdsRemoved": ["52"], "recordIdsMissing": ["53"]})
    )

    changed = hubspot.lists.change_members("9", add=[51, 53], remove=[52])

    assert changed == MembershipChangeResult(added=frozenset({51}), removed=frozenset({52}), missing=frozenset({53}))
    assert server.bodies == [{"recordIdsToAdd": ["51", "53"], "recordIdsToRemove": ["52"]}]


def test_the_correct_spelling_is_accepted_too(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("PUT", MEMBERSHIP_CHANGE, json_response({"recordIdsAdded": [51]}))

    assert hubspot.lists.change_members("9", add=[51]).added == {51}


def test_a_large_change_is_sent_in_batches_of_a_thousand(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "PUT",
        MEMBERSHIP_CHANGE,
        json_response({"recordsIdsAdded": ["1"]}),
        json_response({"recordsIdsAdded": ["2"], "recordIdsRemoved": ["9999"]}),
    )

    changed = hubspot.lists.change_members("9", add=range(1, 1_501), remove=[9_999])

    assert [len(body["recordIdsToAdd"]) + len(body["recordIdsToRemove"]) for body in server.bodies] == [1_000, 501]
    assert changed.added == {1, 2}
    assert changed.removed == {9_999}


def test_an_empty_change_sends_no_request(hubspot: HubSpot, server: FakeServer) -> None:
    assert hubspot.lists.change_members("9") == MembershipChangeResult()
    assert server.paths == []


def test_a_dynamic_list_is_refused_with_a_hint(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "PUT", MEMBERSHIP_CHANGE, json_response(error_body("Can not operate manually on a dynamic list", "VALIDATION_ERROR"), 400)
    )
    server.respond("GET", "/crm/v3/lists/9", json_response(list_body(processingType="DYNAMIC")))

    with pytest.raises(BadRequest, match="dynamic") as caught:
        hubspot.lists.change_members("9", add=[51, 52])

    assert "rename or delete it" in str(caught.value)
    assert len(server.paths) == 2


@pytest.mark.parametrize("status", [400, 403])
def test_one_rejected_contact_does_not_block_the_other_members(hubspot: HubSpot, server: FakeServer, status: int) -> None:
    def reply(request: Any) -> FakeResponse:
        body = json.loads(request.body)
        if "7" in body["recordIdsToAdd"]:
            return json_response(error_body("Record 7 cannot be added", "VALIDATION_ERROR"), status)
        return json_response({"recordsIdsAdded": body["recordIdsToAdd"]})

    server.answer("PUT", MEMBERSHIP_CHANGE, reply)
    server.respond("GET", "/crm/v3/lists/9", json_response(list_body()))

    session = WriteSession()
    changed = hubspot.lists.change_members("9", add=range(1, 101), session=session)
    calls = len(server.paths)
    again = hubspot.lists.change_members("9", add=range(1, 101), session=session)  # as for another list: the contact is known

    for each in (changed, again):
        assert each.added == {*range(1, 101)} - {7}
        assert "Record 7 cannot be added" in each.rejected.pop(7)
        assert each.rejected == {}
    assert calls <= 2 + 2 * 7
    assert len(server.paths) - calls <= 4


@pytest.mark.parametrize("reply", [None, [], {"recordsIdsAdded": "51"}, {"recordsIdsAdded": ["x", None, "52"]}])
def test_a_reply_that_cannot_be_read_confirms_no_member(hubspot: HubSpot, server: FakeServer, reply: object) -> None:
    server.respond("PUT", MEMBERSHIP_CHANGE, json_response(reply))

    assert hubspot.lists.change_members("9", add=[51]).added <= {52}


def test_locked_members_are_held_back() -> None:
    with make_client(retry_policy=RetryPolicy(max_attempts=1)) as hubspot, serve_fake() as server:
        server.respond("PUT", MEMBERSHIP_CHANGE, json_response(error_body("locked", "LOCKED"), 423))

        assert hubspot.lists.change_members("9", add=[51]).rejected == {51: LOCKED.reason}


def test_members_of_a_list_are_found_by_id(hubspot: HubSpot, server: FakeServer) -> None:
    def memberships(record: str, *lists: object) -> dict[str, Any]:
        return {"objectTypeId": "0-1", "recordId": record, "recordListMemberships": [{"listId": each, "listVersion": 1} for each in lists]}

    server.respond("POST", MEMBERSHIPS, json_response({"results": [memberships("1", 9, 4), memberships("2", "4"), memberships("3")]}))

    assert hubspot.lists.find_members("9", [1, 2, 3]) == {1}
    assert server.bodies == [{"inputs": [{"objectTypeId": "0-1", "recordId": str(id_)} for id_ in (1, 2, 3)]}]


def test_a_deleted_list_is_reported(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("PUT", MEMBERSHIP_CHANGE, json_response(error_body("List does not exist", "OBJECT_NOT_FOUND"), 404))

    with pytest.raises(NotFound):
        hubspot.lists.change_members("9", add=[51])
