"""hubspot-api.md 3.3: search and its limits."""

from __future__ import annotations

from typing import Literal

import pytest

from sync_worker.sandbox.base.config import Switches
from tests.sandbox.portal_factories import (
    CONTACTS,
    NOW_MS,
    PortalClient,
    make_contact,
    make_contacts,
    make_filter,
    make_portal,
    result_ids,
    start_portal,
)

CONTACT_ROWS = [
    make_contact(1, jobtitle="Head of Data", city="Bonn", lifecyclestage="lead"),
    make_contact(2, jobtitle="data engineer", city="Lund", lifecyclestage="customer"),
    make_contact(3, jobtitle="Student", lifecyclestage="lead"),
    make_contact(4),
]


def is_rejected(served: PortalClient, body: dict[str, object]) -> bool:
    return served.post(CONTACTS + "/search", body).status_code == 400


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (make_filter("jobtitle", "EQ", "STUDENT"), ["3"]),
        (make_filter("jobtitle", "NEQ", "Student"), ["1", "2"]),
        (make_filter("jobtitle", "HAS_PROPERTY"), ["1", "2", "3"]),
        (make_filter("jobtitle", "NOT_HAS_PROPERTY"), ["4"]),
        (make_filter("jobtitle", "CONTAINS_TOKEN", "data"), ["1", "2"]),
        (make_filter("jobtitle", "CONTAINS_TOKEN", "stud*"), ["3"]),
        (make_filter("jobtitle", "CONTAINS_TOKEN", "stud"), []),
        (make_filter("jobtitle", "NOT_CONTAINS_TOKEN", "data"), ["3"]),
        (make_filter("jobtitle", "IN", values=["student"]), ["3"]),
        (make_filter("jobtitle", "IN", values=["Student"]), []),
        (make_filter("jobtitle", "NOT_IN", values=["student"]), ["1", "2"]),
        (make_filter("lifecyclestage", "EQ", "lead"), ["1", "3"]),
        (make_filter("lifecyclestage", "EQ", "LEAD"), []),
        (make_filter("hs_object_id", "GT", "2"), ["3", "4"]),
        (make_filter("hs_object_id", "BETWEEN", "2", highValue="3"), ["2", "3"]),
        (make_filter("hs_object_id", "IN", values=["1", "4"]), ["1", "4"]),
        (make_filter("lastmodifieddate", "GTE", "2026-02-02T03:04:03.500Z"), ["3", "4"]),
        (make_filter("lastmodifieddate", "LT", "1770001443500"), ["1", "2"]),
        (make_filter("lastmodifieddate", "GT", "1770001443500"), ["4"]),
    ],
)
def test_search_operators(condition: dict[str, object], found: list[str]) -> None:
    assert result_ids(start_portal(make_portal(CONTACT_ROWS)).search(condition)) == found


def test_filters_are_joined_by_and_and_groups_by_or() -> None:
    served = start_portal(make_portal(CONTACT_ROWS))
    both = {"filters": [make_filter("lifecyclestage", "EQ", "lead"), make_filter("city", "EQ", "bonn")]}
    other = {"filters": [make_filter("city", "EQ", "Lund")]}
    assert result_ids(served.search(filterGroups=[both, other])) == ["1", "2"]


def test_filters_at_the_top_are_one_group() -> None:
    served = start_portal(make_portal(CONTACT_ROWS))
    assert result_ids(served.search(filters=[make_filter("city", "EQ", "Lund")])) == ["2"]


def test_a_query_searches_names_and_emails() -> None:
    assert result_ids(start_portal(make_portal(CONTACT_ROWS)).search(query="PERSON-3 ana")) == ["3"]


def test_search_pages_start_at_an_offset() -> None:
    served = start_portal(make_portal(make_contacts(25)))
    first = served.search(limit=10)
    assert (first["total"], result_ids(first)[0], first["paging"]) == (25, "1", {"next": {"after": "10"}})
    last = served.search(limit=10, after="20")
    assert (result_ids(last)[0], len(last["results"]), "paging" in last) == ("21", 5, False)


@pytest.mark.parametrize(
    ("sort", "first"), [({"propertyName": "email", "direction": "DESCENDING"}, "4"), ("-hs_object_id", "4"), ("email", "1")]
)
def test_one_sort_is_possible(sort: object, first: str) -> None:
    assert result_ids(start_portal(make_portal(CONTACT_ROWS)).search(sorts=[sort]))[0] == first


def test_records_without_the_sort_value_are_last() -> None:
    assert result_ids(start_portal(make_portal(CONTACT_ROWS)).search(sorts=["city"])) == ["1", "2", "3", "4"]


def test_every_limit_is_enforced() -> None:
    served, one = start_portal(make_portal(CONTACT_ROWS)), make_filter("city", "EQ", "x")
    assert not is_rejected(served, {"filterGroups": [{"filters": [one] * 6}] * 3})
    assert not is_rejected(served, {"limit": 200, "after": "9800"})
    assert is_rejected(served, {"limit": 201})
    assert is_rejected(served, {"limit": 200, "after": "9801"})
    assert is_rejected(served, {"filterGroups": [{"filters": [one]}] * 6})
    assert is_rejected(served, {"filterGroups": [{"filters": [one] * 7}]})
    assert is_rejected(served, {"filterGroups": [{"filters": [one] * 5}] * 4})
    assert is_rejected(served, {"sorts": ["city", "email"]})
    assert is_rejected(served, {"query": "x" * 3_000})
    assert is_rejected(served, {"filters": [make_filter("no_such_thing", "EQ", "x")]})
    assert is_rejected(served, {"filters": [make_filter("city", "LIKE", "x")]})
    assert is_rejected(served, {"filters": [make_filter("city", "EQ")]})


@pytest.mark.parametrize(("reading", "status"), [("whole", 400), ("conditions", 200)])
def test_property_names_count_toward_the_length_of_a_search_by_switch(reading: Literal["whole", "conditions"], status: int) -> None:
    """Section 3.3: a body of at most 3,000 characters; extractors send the names of all properties."""
    served = start_portal(make_portal(CONTACT_ROWS), switches=Switches(search_body=reading))
    assert served.post(CONTACTS + "/search", {"properties": [f"property_{number}" for number in range(300)]}).status_code == status
    assert is_rejected(served, {"query": "x" * 3_000})


def test_search_finds_a_change_late_and_returns_the_old_value_until_then() -> None:
    served = start_portal(make_portal([*CONTACT_ROWS, make_contact(9, city="Lund")]), index_lag_s=3.0)
    served.patch(f"{CONTACTS}/1", {"properties": {"city": "Lund"}})
    served.post(CONTACTS, {"properties": {"city": "Lund"}})
    served.delete(f"{CONTACTS}/9")
    in_lund = make_filter("city", "EQ", "Lund")
    assert result_ids(served.search(in_lund)) == ["2"]
    stale = served.search(make_filter("city", "EQ", "Bonn"), properties=["city"])
    assert stale["results"][0]["properties"]["city"] == "Bonn"
    assert served.value(1, "city") == "Lund"
    served.clock.advance(3)
    assert result_ids(served.search(in_lund)) == ["1", "2", "10"]


def test_the_index_has_the_new_timestamp_of_a_changed_record_after_the_lag() -> None:
    served = start_portal(make_portal(CONTACT_ROWS), index_lag_s=3.0)
    since = make_filter("lastmodifieddate", "GTE", str(NOW_MS))
    served.patch(f"{CONTACTS}/1", {"properties": {"city": "Lund"}})
    assert result_ids(served.search(since)) == []
    served.clock.advance(3)
    assert result_ids(served.search(since)) == ["1"]


def test_archived_records_are_never_found() -> None:
    served = start_portal(make_portal(CONTACT_ROWS))
    served.delete(f"{CONTACTS}/1")
    assert result_ids(served.search()) == ["2", "3", "4"]


def test_search_finds_a_record_by_association() -> None:
    deals = [{"id": "5", "properties": {"dealname": "One"}, "contactIds": ["3"]}, {"id": "6", "properties": {}, "contactIds": []}]
    served = start_portal(
        make_portal([*CONTACT_ROWS, make_contact(7, associatedcompanyid="8")], companies=[{"id": "8", "properties": {}}], deals=deals)
    )
    assert result_ids(served.search(make_filter("associations.company", "EQ", "8"))) == ["7"]
    of_contact = {"filters": [make_filter("associations.contact", "EQ", "3")]}
    assert result_ids(served.post("/crm/v3/objects/deals/search", of_contact).json()) == ["5"]


def test_search_uses_the_indexed_values_until_the_lag_has_passed() -> None:
    served = start_portal(make_portal(CONTACT_ROWS), index_lag_s=3.0)
    for city in ("Lund", "Oslo"):
        served.patch(f"{CONTACTS}/1", {"properties": {"city": city}})
    assert result_ids(served.search(make_filter("city", "EQ", "Bonn"))) == ["1"]
    assert result_ids(served.search(make_filter("city", "IN", values=["oslo"]))) == []


def test_the_records_of_a_page_are_in_sort_order() -> None:
    served = start_portal(make_portal([make_contact(number, city=city) for number, city in enumerate("acbd", start=1)]))
    assert result_ids(served.search(sorts=["city"], properties=["city"])) == ["1", "3", "2", "4"]


@pytest.mark.parametrize(
    "condition",
    [
        make_filter("hs_email_click", "GT", "many"),
        make_filter("lastmodifieddate", "GTE", "yesterday"),
        make_filter("lastmodifieddate", "BETWEEN", "1", highValue="tomorrow"),
        make_filter("hs_object_id", "IN", values=["1", "two"]),
        make_filter("createdate", "EQ", "2026-13-01"),
    ],
)
def test_a_filter_value_must_have_the_type_of_its_property(condition: dict[str, object]) -> None:
    served = start_portal(make_portal(make_contacts(1)))
    reply = served.post(CONTACTS + "/search", {"filterGroups": [{"filters": [condition]}]})
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")


def test_between_requires_a_high_value() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    reply = served.post(CONTACTS + "/search", {"filters": [make_filter("createdate", "BETWEEN", "1")]})
    assert (reply.status_code, "operator BETWEEN requires a highValue" in reply.json()["message"]) == (400, True)
    assert served.search(make_filter("createdate", "BETWEEN", "1", highValue="9999999999999"))["total"] == 1


def test_a_sort_has_one_of_two_directions() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    for direction in ("DESC", "ascending", ""):
        sorts = [{"propertyName": "createdate", "direction": direction}]
        assert served.post(CONTACTS + "/search", {"sorts": sorts}).status_code == 400
    assert result_ids(served.search(sorts=[{"propertyName": "hs_object_id", "direction": "DESCENDING"}])) == ["2", "1"]
    assert result_ids(served.search(sorts=[{"propertyName": "hs_object_id"}])) == ["1", "2"]
