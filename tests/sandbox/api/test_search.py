"""hubspot-api.md 3.3: search and its limits."""

from __future__ import annotations

from typing import Literal

import pytest

from sync_worker.sandbox.base.config import Switches
from tests.sandbox.portal_factories import CONTACTS, NOW_MS, Served, a_contact, a_portal, condition, contacts, ids, serve

PEOPLE = [
    a_contact(1, jobtitle="Head of Data", city="Bonn", lifecyclestage="lead"),
    a_contact(2, jobtitle="data engineer", city="Lund", lifecyclestage="customer"),
    a_contact(3, jobtitle="Student", lifecyclestage="lead"),
    a_contact(4),
]


def refused(served: Served, body: dict[str, object]) -> bool:
    return served.post(CONTACTS + "/search", body).status_code == 400


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (condition("jobtitle", "EQ", "STUDENT"), ["3"]),
        (condition("jobtitle", "NEQ", "Student"), ["1", "2"]),
        (condition("jobtitle", "HAS_PROPERTY"), ["1", "2", "3"]),
        (condition("jobtitle", "NOT_HAS_PROPERTY"), ["4"]),
        (condition("jobtitle", "CONTAINS_TOKEN", "data"), ["1", "2"]),
        (condition("jobtitle", "CONTAINS_TOKEN", "stud*"), ["3"]),
        (condition("jobtitle", "CONTAINS_TOKEN", "stud"), []),
        (condition("jobtitle", "NOT_CONTAINS_TOKEN", "data"), ["3"]),
        (condition("jobtitle", "IN", values=["student"]), ["3"]),
        (condition("jobtitle", "IN", values=["Student"]), []),
        (condition("jobtitle", "NOT_IN", values=["student"]), ["1", "2"]),
        (condition("lifecyclestage", "EQ", "lead"), ["1", "3"]),
        (condition("lifecyclestage", "EQ", "LEAD"), []),
        (condition("hs_object_id", "GT", "2"), ["3", "4"]),
        (condition("hs_object_id", "BETWEEN", "2", highValue="3"), ["2", "3"]),
        (condition("hs_object_id", "IN", values=["1", "4"]), ["1", "4"]),
        (condition("lastmodifieddate", "GTE", "2026-02-02T03:04:03.500Z"), ["3", "4"]),
        (condition("lastmodifieddate", "LT", "1770001443500"), ["1", "2"]),
        (condition("lastmodifieddate", "GT", "1770001443500"), ["4"]),
    ],
)
def test_operators_find(asked: dict[str, object], found: list[str]) -> None:
    assert ids(serve(a_portal(PEOPLE)).search(asked)) == found


def test_filters_are_joined_by_and_and_groups_by_or() -> None:
    served = serve(a_portal(PEOPLE))
    both = {"filters": [condition("lifecyclestage", "EQ", "lead"), condition("city", "EQ", "bonn")]}
    other = {"filters": [condition("city", "EQ", "Lund")]}
    assert ids(served.search(filterGroups=[both, other])) == ["1", "2"]


def test_filters_at_the_top_are_one_group() -> None:
    served = serve(a_portal(PEOPLE))
    assert ids(served.search(filters=[condition("city", "EQ", "Lund")])) == ["2"]


def test_a_query_looks_into_names_and_addresses() -> None:
    assert ids(serve(a_portal(PEOPLE)).search(query="PERSON-3 ana")) == ["3"]


def test_the_pages_are_counted_from_an_offset() -> None:
    served = serve(a_portal(contacts(25)))
    first = served.search(limit=10)
    assert (first["total"], ids(first)[0], first["paging"]) == (25, "1", {"next": {"after": "10"}})
    last = served.search(limit=10, after="20")
    assert (ids(last)[0], len(last["results"]), "paging" in last) == ("21", 5, False)


@pytest.mark.parametrize(
    ("sort", "first"), [({"propertyName": "email", "direction": "DESCENDING"}, "4"), ("-hs_object_id", "4"), ("email", "1")]
)
def test_one_sort_can_be_asked_for(sort: object, first: str) -> None:
    assert ids(serve(a_portal(PEOPLE)).search(sorts=[sort]))[0] == first


def test_records_without_the_sorted_value_come_last() -> None:
    assert ids(serve(a_portal(PEOPLE)).search(sorts=["city"])) == ["1", "2", "3", "4"]


def test_every_limit_is_kept() -> None:
    served, one = serve(a_portal(PEOPLE)), condition("city", "EQ", "x")
    assert not refused(served, {"filterGroups": [{"filters": [one] * 6}] * 3})
    assert not refused(served, {"limit": 200, "after": "9800"})
    assert refused(served, {"limit": 201})
    assert refused(served, {"limit": 200, "after": "9801"})
    assert refused(served, {"filterGroups": [{"filters": [one]}] * 6})
    assert refused(served, {"filterGroups": [{"filters": [one] * 7}]})
    assert refused(served, {"filterGroups": [{"filters": [one] * 5}] * 4})
    assert refused(served, {"sorts": ["city", "email"]})
    assert refused(served, {"query": "x" * 3_000})
    assert refused(served, {"filters": [condition("no_such_thing", "EQ", "x")]})
    assert refused(served, {"filters": [condition("city", "LIKE", "x")]})
    assert refused(served, {"filters": [condition("city", "EQ")]})


@pytest.mark.parametrize(("reading", "status"), [("whole", 400), ("conditions", 200)])
def test_the_names_of_properties_count_to_the_length_of_a_search_by_switch(reading: Literal["whole", "conditions"], status: int) -> None:
    """Section 3.3: body text of at most 3,000 characters; extractors name every property in it."""
    served = serve(a_portal(PEOPLE), switches=Switches(search_body=reading))
    assert served.post(CONTACTS + "/search", {"properties": [f"property_{number}" for number in range(300)]}).status_code == status
    assert refused(served, {"query": "x" * 3_000})


def test_a_change_is_found_late_and_its_old_value_until_then() -> None:
    served = serve(a_portal([*PEOPLE, a_contact(9, city="Lund")]), index_lag_s=3.0)
    served.patch(f"{CONTACTS}/1", {"properties": {"city": "Lund"}})
    served.post(CONTACTS, {"properties": {"city": "Lund"}})
    served.delete(f"{CONTACTS}/9")
    in_lund = condition("city", "EQ", "Lund")
    assert ids(served.search(in_lund)) == ["2"]
    stale = served.search(condition("city", "EQ", "Bonn"), properties=["city"])
    assert stale["results"][0]["properties"]["city"] == "Bonn"
    assert served.value(1, "city") == "Lund"
    served.clock.advance(3)
    assert ids(served.search(in_lund)) == ["1", "2", "10"]


def test_a_changed_record_has_its_new_stamp_in_the_index_once_it_is_there() -> None:
    served = serve(a_portal(PEOPLE), index_lag_s=3.0)
    since = condition("lastmodifieddate", "GTE", str(NOW_MS))
    served.patch(f"{CONTACTS}/1", {"properties": {"city": "Lund"}})
    assert ids(served.search(since)) == []
    served.clock.advance(3)
    assert ids(served.search(since)) == ["1"]


def test_archived_records_are_never_found() -> None:
    served = serve(a_portal(PEOPLE))
    served.delete(f"{CONTACTS}/1")
    assert ids(served.search()) == ["2", "3", "4"]


def test_a_record_can_be_found_by_what_it_belongs_to() -> None:
    deals = [{"id": "5", "properties": {"dealname": "One"}, "contactIds": ["3"]}, {"id": "6", "properties": {}, "contactIds": []}]
    served = serve(a_portal([*PEOPLE, a_contact(7, associatedcompanyid="8")], companies=[{"id": "8", "properties": {}}], deals=deals))
    assert ids(served.search(condition("associations.company", "EQ", "8"))) == ["7"]
    of_contact = {"filters": [condition("associations.contact", "EQ", "3")]}
    assert ids(served.post("/crm/v3/objects/deals/search", of_contact).json()) == ["5"]


def test_until_a_change_is_found_search_keeps_to_what_it_saw_last() -> None:
    served = serve(a_portal(PEOPLE), index_lag_s=3.0)
    for city in ("Lund", "Oslo"):
        served.patch(f"{CONTACTS}/1", {"properties": {"city": city}})
    assert ids(served.search(condition("city", "EQ", "Bonn"))) == ["1"]
    assert ids(served.search(condition("city", "IN", values=["oslo"]))) == []


def test_a_page_has_the_order_of_the_sort_even_where_its_ends_lie_a_page_apart() -> None:
    served = serve(a_portal([a_contact(number, city=city) for number, city in enumerate("acbd", start=1)]))
    assert ids(served.search(sorts=["city"], properties=["city"])) == ["1", "3", "2", "4"]
