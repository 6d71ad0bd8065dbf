from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sync_worker.errors import Forbidden, Unavailable
from sync_worker.hubspot.api.crm.crm_objects import MAX_SEARCH_BODY_CHARS, UnorderedResponse
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import IdRange
from tests.hubspot.fakes import FakeServer, error_body, json_response, make_record, next_page_body, not_found_body

CONTACTS = "/crm/v3/objects/contacts"
SEARCH = f"{CONTACTS}/search"
READ = f"{CONTACTS}/batch/read"
MANY_PROPERTIES = ["city", *(f"a_property_with_a_long_name_{number:04}" for number in range(700))]


def ids(items: tuple[Any, ...]) -> list[int]:
    return [item.id for item in items]


def test_a_page_has_contacts_with_values_and_times(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", CONTACTS, json_response({"results": [make_record(51, email="a@b.c", city=None)], **next_page_body("102")}))

    page = hubspot.contacts.list_from_id(0, ["email", "city"])

    (contact,) = page.items
    assert page.next == 102
    assert contact.id == 51
    assert contact.properties["email"] == "a@b.c"
    assert contact.properties["city"] is None
    assert contact.updated_at == datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    assert not contact.archived


def test_a_page_starts_at_any_id_and_requests_the_merged_ids(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", CONTACTS, json_response({"results": []}))

    assert hubspot.contacts.list_from_id(4_711, ["email"]).next is None
    assert hubspot.contacts.list_from_id(0, ["email"], limit=7).items == ()

    first, second = server.queries
    assert first == {"limit": "100", "after": "4711", "properties": "email,hs_merged_object_ids", "archived": "false"}
    assert "after" not in second
    assert second["limit"] == "7"


def test_a_cursor_that_does_not_advance_is_an_error(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", CONTACTS, json_response({"results": [make_record(51)], **next_page_body("51")}))

    with pytest.raises(Unavailable):
        hubspot.contacts.list_from_id(51, ["email"])


def test_properties_that_do_not_fit_into_a_url_are_read_by_id(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", CONTACTS, json_response({"results": [make_record(1), make_record(2), make_record(3)], **next_page_body("4")}))
    server.respond(
        "POST", READ, json_response({"results": [make_record(3, city="c"), make_record(1, city="a")]})
    )  # contact 2 was deleted after the list was read

    page = hubspot.contacts.list_from_id(0, MANY_PROPERTIES)

    assert [(contact.id, contact.properties["city"]) for contact in page.items] == [(1, "a"), (3, "c")]
    assert page.next == 4
    assert server.queries[0]["properties"] == "hs_object_id"
    assert server.bodies[1]["properties"] == [*MANY_PROPERTIES, "hs_merged_object_ids"]


def test_changes_are_searched_by_time_and_read_in_id_order(hubspot: HubSpot, server: FakeServer) -> None:
    rows = [make_record(id_) for id_ in range(1_001, 1_201)]
    server.respond(
        "POST",
        SEARCH,
        json_response({"total": 12_000, "results": [rows[1], rows[0], *rows[2:]], **next_page_body("200")}),
        json_response({"total": 0, "results": []}),
    )
    since, until = datetime(2026, 11, 20, 12, 0, 0, 250_000, UTC), datetime(2026, 11, 20, 13, 0, tzinfo=UTC)

    first = hubspot.contacts.search_modified(since, 1_000, ["email"], until)
    second = hubspot.contacts.search_modified(since, 1_200, ["email"], until)

    assert first.next == 1_200
    assert len(first.items) == 200
    assert second.next is None
    assert server.bodies[0] == {
        "filterGroups": [
            {
                "filters": [
                    {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "1795176000250"},
                    {"propertyName": "hs_object_id", "operator": "GT", "value": "1000"},
                    {"propertyName": "lastmodifieddate", "operator": "LT", "value": "1795179600000"},
                ]
            }
        ],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": ["email", "hs_merged_object_ids"],
        "limit": 200,
    }


def test_a_short_page_of_changes_is_the_last(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", SEARCH, json_response({"total": 1, "results": [make_record(5)]}))

    assert hubspot.contacts.search_modified(datetime(2026, 1, 1, tzinfo=UTC), 0, []).next is None


def test_a_search_that_would_be_too_long_requests_ids_only(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", SEARCH, json_response({"total": 1, "results": [make_record(5)]}))
    server.respond("POST", READ, json_response({"results": [make_record(5, city="e")]}))

    page = hubspot.contacts.search_modified(datetime(2026, 1, 1, tzinfo=UTC), 0, MANY_PROPERTIES)

    assert page.items[0].properties["city"] == "e"
    assert len(str(server.bodies[0])) < MAX_SEARCH_BODY_CHARS
    assert server.bodies[0]["properties"] == ["hs_object_id"]


def test_the_id_range_has_the_count_and_both_ends(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", SEARCH, json_response({"total": 20_000, "results": [make_record(987_654)]}))

    extent = hubspot.contacts.read_id_range()

    assert (extent.total, extent.highest_id, extent.lowest_id) == (20_000, 987_654, 987_654)
    sorts = [body["sorts"] for body in server.bodies]
    assert sorted(sort["direction"] for (sort,) in sorts) == ["ASCENDING", "DESCENDING"]
    assert {sort["propertyName"] for (sort,) in sorts} == {"hs_object_id"}


def test_the_id_range_of_an_empty_portal_has_no_ends(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", SEARCH, json_response({"total": 0, "results": []}))
    assert hubspot.contacts.read_id_range() == IdRange(total=0, highest_id=None, lowest_id=None)


def test_contacts_are_read_by_id_a_hundred_at_a_time(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "POST",
        READ,
        json_response({"results": [make_record(id_) for id_ in range(1, 101)]}),
        json_response({"results": [make_record(101)]}),
    )

    found = hubspot.contacts.read([*range(1, 102), 5, 5], ["email"])

    assert ids(found.items) == list(range(1, 102))
    assert [len(body["inputs"]) for body in server.bodies] == [100, 1]
    assert not found.missing


def test_missing_ids_are_reported(hubspot: HubSpot, server: FakeServer) -> None:
    answer = {"status": "COMPLETE", "results": [make_record(1)], "numErrors": 1, "errors": [not_found_body("999")]}
    for status in (207, 200):
        server.respond("POST", READ, json_response(answer, status))

        found = hubspot.contacts.read([999, 1], ["email"])

        assert ids(found.items) == [1]
        assert found.missing == {999}


def test_ids_of_merged_contacts_resolve_to_the_survivor(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", READ, json_response({"results": [make_record(70, hs_merged_object_ids="51;52;40")]}))

    found = hubspot.contacts.read([51, 52, 60], ["email"])

    assert found.merged_into == {51: 70, 52: 70}
    assert found.missing == {60}
    assert found.items[0].merged_ids == {51, 52, 40}


def test_a_forbidden_read_is_never_an_empty_result(hubspot: HubSpot, server: FakeServer) -> None:
    refusal = error_body(
        "no", "MISSING_SCOPES", errors=[{"message": "…", "context": {"requiredGranularScopes": ["crm.objects.contacts.read"]}}]
    )
    server.respond("GET", CONTACTS, json_response(refusal, 403))

    with pytest.raises(Forbidden, match=r"crm\.objects\.contacts\.read"):
        hubspot.contacts.list_from_id(0, ["email"])


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"results": None},
        {"results": {}},
        {"results": [make_record(number) | {"updatedAt": "now"} for number in range(1, 11)]},  # no record is readable: a new format
    ],
)
def test_an_invalid_reply_is_an_error(hubspot: HubSpot, server: FakeServer, answer: object) -> None:
    server.respond("GET", CONTACTS, json_response(answer))

    with pytest.raises(Unavailable, match="unexpected format"):
        hubspot.contacts.list_from_id(0, ["email"])


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"updatedAt": "now"}, "a time that is neither ISO 8601 nor milliseconds"),
        ({"updatedAt": "9999-12-31T23:59:59Z"}, "a time that is not between 1970 and 2200"),
        ({"properties": {"email": ["b@x.example"]}}, "Expected `str | null`, got `array` - at `properties.email`"),
        ({"properties": None}, "AttributeError"),
    ],
)
def test_a_record_that_cannot_be_read_exists_all_the_same(
    hubspot: HubSpot, server: FakeServer, odd: dict[str, object], reason: str
) -> None:
    body = {"results": [make_record(1, email="a@x.example"), make_record(2) | odd, make_record(3)]}
    server.respond("GET", CONTACTS, json_response(body))
    server.respond("POST", f"{CONTACTS}/batch/read", json_response(body))

    page = hubspot.contacts.list_from_id(0, ["email"])
    found = hubspot.contacts.read([1, 2, 3, 4], ["email"])

    assert [(contact.id, contact.is_readable) for contact in page.items] == [(1, True), (2, False), (3, True)]
    assert ([contact.id for contact in found.items], found.missing) == ([1, 3], {4})
    assert hubspot.metrics.snapshot().unreadable == {("read contacts", reason): 2}


def test_a_record_without_an_id_may_be_any_of_the_requested(hubspot: HubSpot, server: FakeServer) -> None:
    nameless = {name: value for name, value in make_record(2).items() if name != "id"}
    server.respond("POST", f"{CONTACTS}/batch/read", json_response({"results": [make_record(1), nameless]}))

    found = hubspot.contacts.read([1, 2], ["email"])

    assert ([contact.id for contact in found.items], found.missing) == ([1], set())


@pytest.mark.parametrize(
    ("ids", "after", "leads_to"),
    [((3, 2), 0, None), ((1, 1), 0, None), ((4, 5), 10, None), ((11, 12), 10, "11"), ((11, 12), 10, "page-2")],
)
def test_an_unsorted_list_is_detected_on_every_page(
    hubspot: HubSpot, server: FakeServer, ids: tuple[int, ...], after: int, leads_to: str | None
) -> None:
    server.respond(
        "GET",
        "/crm/v3/objects/contacts",
        json_response({"results": [make_record(id_) for id_ in ids], **(next_page_body(leads_to) if leads_to else {})}),
    )

    with pytest.raises(UnorderedResponse):
        hubspot.contacts.list_from_id(after, ())


def test_a_list_in_any_order_is_read_by_tokens(hubspot: HubSpot, server: FakeServer) -> None:
    first, second = {"results": [make_record(9), make_record(2)], **next_page_body("b")}, {"results": [make_record(5)]}
    server.respond("GET", "/crm/v3/objects/contacts", json_response(first), json_response(second))

    one = hubspot.contacts.list_from_token(None, ())
    two = hubspot.contacts.list_from_token(one.next, ())

    assert ([record.id for record in (*one.items, *two.items)], two.next) == ([9, 2, 5], None)
    assert server.queries[1]["after"] == "b"


def test_id_ranges_are_searched_and_other_ids_are_an_error(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "POST",
        "/crm/v3/objects/contacts/search",
        json_response({"total": 3, "results": [make_record(5), make_record(7), make_record(20)]}),
        json_response({"total": 2, "results": [make_record(5), make_record(8)]}),
    )

    page = hubspot.contacts.search_id_ranges([(5, 8), (20, 30)], ("email",))

    assert ([record.id for record in page.items], page.next, page.total) == ([5, 7, 20], None, 3)
    groups = [[(each["operator"], each["value"]) for each in group["filters"]] for group in server.bodies[0]["filterGroups"]]
    assert groups == [[("GTE", "5"), ("LT", "8")], [("GTE", "20"), ("LT", "30")]]
    with pytest.raises(UnorderedResponse):
        hubspot.contacts.search_id_ranges([(5, 8), (20, 30)], ("email",))


def test_more_properties_leave_room_for_fewer_ranges(hubspot: HubSpot) -> None:
    fitting = [hubspot.contacts.max_ranges_per_search([f"property_{number:03}" for number in range(names)]) for names in range(0, 260, 10)]
    assert fitting[0] == 5
    assert fitting[-1] == 0
    assert fitting == sorted(fitting, reverse=True)
    assert {*fitting} > {0, 1, 5}
