"""hubspot-api.md section 6: lists and their members."""

from __future__ import annotations

import pytest

from sync_worker.sandbox.server.server import Switches
from tests.sandbox.portal_factories import CONTACTS, PortalClient, make_contacts, make_portal, start_portal

LISTS = "/crm/v3/lists"


def create_list(served: PortalClient, name: str = "MQL", processing: str = "MANUAL") -> str:
    body = {"name": name, "objectTypeId": "0-1", "processingType": processing}
    if processing != "MANUAL":
        body["filterBranch"] = {"filterBranchType": "OR"}  # type: ignore[assignment]
    created = served.post(LISTS, body)
    assert created.status_code == 200
    found: str = created.json()["list"]["listId"]
    return found


def member_ids(served: PortalClient, list_id: str) -> list[str]:
    return [item["recordId"] for item in served.get(f"{LISTS}/{list_id}/memberships").json()["results"]]


@pytest.mark.parametrize("base", ["/crm/v3/lists", "/crm/lists/2026-03", "/crm/lists/2026-09"])
def test_every_version_finds_a_list_by_id_and_by_name_in_any_case(base: str) -> None:
    served = start_portal(make_portal())
    list_id = create_list(served, "MQL · direct")
    assert served.get(f"{base}/{list_id}").json()["list"]["name"] == "MQL · direct"
    assert served.get(f"{base}/object-type-id/0-1/name/mql · Direct").json()["list"]["listId"] == list_id
    assert served.get(f"{base}/object-type-id/0-1/name/other").status_code == 404
    assert served.get(base, listIds=[list_id, "99"]).json()["lists"][0]["listId"] == list_id


def test_a_list_name_is_unique() -> None:
    served = start_portal(make_portal())
    create_list(served)
    again = served.post(LISTS, {"name": "mql", "objectTypeId": "0-1", "processingType": "MANUAL"})
    assert (again.status_code, again.json()["subCategory"]) == (400, "ILS.DUPLICATE_LIST_NAMES")


@pytest.mark.parametrize("processing", ["SNAPSHOT", "DYNAMIC", "MAGIC"])
def test_a_list_type_that_needs_a_filter_is_rejected_without_one(processing: str) -> None:
    body = {"name": "x", "objectTypeId": "0-1", "processingType": processing}
    assert start_portal(make_portal()).post(LISTS, body).status_code == 400


def test_adding_is_idempotent_and_reports_missing_ids_with_hubspots_spelling() -> None:
    served = start_portal(make_portal(make_contacts(3)))
    list_id = create_list(served)
    first = served.put(f"{LISTS}/{list_id}/memberships/add", ["2", "1", "999", "x"]).json()
    assert first == {"recordsIdsAdded": ["2", "1"], "recordIdsRemoved": [], "recordIdsMissing": ["999", "x"]}
    assert served.put(f"{LISTS}/{list_id}/memberships/add", ["2", "3"]).json()["recordsIdsAdded"] == ["3"]
    assert member_ids(served, list_id) == ["1", "2", "3"]
    assert served.get(f"{LISTS}/{list_id}").json()["list"]["size"] == 3


def test_members_are_added_and_removed_in_one_call() -> None:
    served = start_portal(make_portal(make_contacts(3)))
    list_id = create_list(served)
    path = f"{LISTS}/{list_id}/memberships"
    served.put(f"{path}/add", ["1"])
    assert member_ids(served, list_id) == ["1"]
    served.put(f"{path}/add", ["2"])
    assert member_ids(served, list_id) == ["1", "2"]
    both = served.put(f"{path}/add-and-remove", {"recordIdsToAdd": ["3"], "recordIdsToRemove": ["1"]}).json()
    assert (both["recordsIdsAdded"], both["recordIdsRemoved"]) == (["3"], ["1"])
    assert served.put(f"{path}/remove", ["1", "2"]).json()["recordIdsRemoved"] == ["2"]
    assert member_ids(served, list_id) == ["3"]
    assert served.put(f"{path}/add-and-remove", {"recordIdsToAdd": []}).status_code == 400
    assert served.delete(path).status_code == 204
    assert member_ids(served, list_id) == []


def test_a_dynamic_list_cannot_be_written_and_a_snapshot_can() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    dynamic, snapshot = create_list(served, "a", "DYNAMIC"), create_list(served, "b", "SNAPSHOT")
    refused = served.put(f"{LISTS}/{dynamic}/memberships/add", ["1"])
    assert (refused.status_code, "dynamic list" in refused.json()["message"]) == (400, True)
    assert served.put(f"{LISTS}/{snapshot}/memberships/add", ["1"]).status_code == 200


def test_members_are_paged_250_at_most() -> None:
    served = start_portal(make_portal(make_contacts(260)))
    path = f"{LISTS}/{create_list(served)}/memberships"
    served.put(f"{path}/add", [str(number) for number in range(260, 0, -1)])
    first = served.get(path, limit=250).json()
    assert (len(first["results"]), first["total"], first["paging"]["next"]["after"]) == (250, 260, "251")
    last = served.get(path, limit=250, after="251").json()
    assert ([item["recordId"] for item in last["results"]], "paging" in last) == ([str(n) for n in range(251, 261)], False)
    assert len(served.get(path).json()["results"]) == 100
    assert served.get(path, limit=251).status_code == 400


def test_a_deleted_list_can_be_restored() -> None:
    served = start_portal(make_portal())
    list_id = create_list(served)
    assert served.delete(f"{LISTS}/{list_id}").status_code == 204
    assert served.get(f"{LISTS}/{list_id}").status_code == 404
    assert served.put(f"{LISTS}/{list_id}/restore", None).status_code == 204
    assert served.get(f"{LISTS}/{list_id}").status_code == 200


def test_a_list_can_be_renamed_copied_and_searched() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    first, second = create_list(served, "Leads · cold"), create_list(served, "Leads · warm")
    served.put(f"{LISTS}/{first}/memberships/add", ["1", "2"])
    assert served.put(f"{LISTS}/{second}/memberships/add-from/{first}", None).status_code == 204
    assert served.put(f"{LISTS}/{second}/update-list-name?listName=Leads · hot", None).json()["updatedList"]["name"] == "Leads · hot"
    assert served.put(f"{LISTS}/{second}/update-list-name?listName=leads · cold", None).status_code == 400
    found = served.post(f"{LISTS}/search", {"query": "HOT"}).json()
    assert [item["additionalProperties"]["hs_list_size"] for item in found["lists"]] == ["2"]
    page = served.post(f"{LISTS}/search", {"count": 1}).json()
    assert (page["hasMore"], page["offset"], page["total"]) == (True, 1, 2)
    assert served.post(f"{LISTS}/search", {"count": 501}).status_code == 400


def test_the_lists_of_a_record_are_readable_and_lose_it_when_it_is_archived() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    list_id = create_list(served)
    served.put(f"{LISTS}/{list_id}/memberships/add", ["1"])
    of_record = served.get(f"{LISTS}/records/0-1/1/memberships").json()["results"]
    assert [item["listId"] for item in of_record] == [list_id]
    served.delete(f"{CONTACTS}/1")
    assert member_ids(served, list_id) == []


def test_the_lists_of_several_records_are_read_in_one_call() -> None:
    """Section 6: POST `/records/memberships/batch/read`."""
    served = start_portal(make_portal(make_contacts(2)))
    list_id = create_list(served)
    served.put(f"{LISTS}/{list_id}/memberships/add", ["1"])
    inputs = [{"objectTypeId": "0-1", "recordId": number} for number in ("1", "2")]
    found = served.post(f"{LISTS}/records/memberships/batch/read", {"inputs": inputs}).json()["results"]
    assert {one["recordId"]: [item["listId"] for item in one["recordListMemberships"]] for one in found} == {"1": [list_id], "2": []}


@pytest.mark.parametrize(("bumps", "stamp"), [(False, "2026-02-02T03:04:01.500Z"), (True, "2026-11-20T12:00:00Z")])
def test_joining_changes_the_timestamp_of_the_contact_only_by_switch(*, bumps: bool, stamp: str) -> None:
    served = start_portal(make_portal(make_contacts(1)), switches=Switches(list_bumps_contact=bumps))
    served.put(f"{LISTS}/{create_list(served)}/memberships/add", ["1"])
    assert served.value(1, "lastmodifieddate") == stamp


def test_members_can_be_read_in_the_order_they_joined() -> None:
    served = start_portal(make_portal(make_contacts(3)))
    path = f"{LISTS}/{create_list(served)}/memberships"
    for number in ("3", "1", "2"):
        served.put(f"{path}/add", [number])
        served.clock.advance(1)
    first = served.get(f"{path}/join-order", limit=2).json()
    last = served.get(f"{path}/join-order", limit=2, after=first["paging"]["next"]["after"]).json()
    assert [item["recordId"] for item in first["results"] + last["results"]] == ["3", "1", "2"]


def test_only_the_filters_of_a_dynamic_list_can_be_changed() -> None:
    served = start_portal(make_portal())
    dynamic, manual = create_list(served, "a", "DYNAMIC"), create_list(served, "b")
    body = {"filterBranch": {"filterBranchType": "AND"}}
    assert served.put(f"{LISTS}/{dynamic}/update-list-filters", body).json()["updatedList"]["filterBranch"] == body["filterBranch"]
    assert served.put(f"{LISTS}/{manual}/update-list-filters", body).status_code == 400
    assert "filterBranch" not in served.get(f"{LISTS}/{dynamic}").json()["list"]
    assert "filterBranch" in served.get(f"{LISTS}/{dynamic}", includeFilters="true").json()["list"]
