"""Every paged reading continues to the page without a cursor, whatever page is empty, and stops if a cursor repeats."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest

from sync_worker.errors import Unavailable
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import MarketingEvent
from sync_worker.intervals import Interval
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.item_errors import ItemErrors
from sync_worker.sync.reader.keyed_stream import Stream
from sync_worker.sync.reader.parallel_reader import read_parallel
from tests.hubspot.fakes import FakeResponse, FakeServer, json_response, make_client, make_record, serve_fake

IDS = (101, 111, 121)  # each on a page of its own
AT_MS = 1_793_534_400_000
AT = datetime.fromtimestamp(AT_MS / 1000, UTC)
WEBINAR = MarketingEvent(id="7", name="Scoring")
TIMES = Interval(AT_MS - 1_000, AT_MS + 1_000)

Place = Literal["first", "middle", "last", "none"]


def email_event(id_: int) -> dict[str, Any]:
    return {"id": str(id_), "created": AT_MS - id_, "type": "CLICK", "recipient": "a@x.example"}


def occurrence(id_: int) -> dict[str, Any]:
    at = datetime.fromtimestamp((AT_MS + id_) / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": str(id_), "eventType": "e_visited_page", "objectId": "1", "occurredAt": at, "properties": {}}


def submission(id_: int) -> dict[str, Any]:
    return {"conversionId": str(id_), "submittedAt": AT_MS - id_, "values": [{"name": "email", "value": "a@x.example"}]}


def participation(id_: int) -> dict[str, Any]:
    properties = {"attendanceState": "ATTENDED", "occurredAt": AT_MS}
    return {"id": str(id_), "properties": properties, "associations": {"contact": {"contactId": "1"}}}


def deal_page(rows: list[Any], after: str | None) -> dict[str, Any]:
    links = {"from": {"id": "9"}, "to": [{"toObjectId": id_} for id_ in rows], **paging(after)}
    return {"status": "COMPLETE", "results": [links]}


def paging(after: str | None) -> dict[str, Any]:
    return {"paging": {"next": {"after": after}}} if after else {}


def plain_page(rows: list[Any], after: str | None) -> dict[str, Any]:
    return {"results": rows, **paging(after)}


def email_page(rows: list[Any], after: str | None) -> dict[str, Any]:
    return {"events": rows, "hasMore": after is not None, **({"offset": after} if after else {})}


def read_stream(stream: Stream[Any], gaps: Sequence[Interval]) -> list[int]:
    rows = [row for batch in read_parallel(stream, gaps, readers=1) for row in batch.rows]
    return [int(str(row.id).partition(":")[0]) for row in rows]


def read_contact_stream(hubspot: HubSpot) -> list[int]:
    return read_stream(hubspot_streams.contacts(hubspot, ()), [Interval(0, 200)])


def read_email_events(hubspot: HubSpot) -> list[int]:
    return read_stream(hubspot_streams.email_events(hubspot, "email_click"), hubspot_streams.mirror([TIMES]))


def read_occurrences(hubspot: HubSpot) -> list[int]:
    return read_stream(hubspot_streams.occurrences(hubspot, "e_visited_page"), [TIMES])


def read_occurrences_of_contact(hubspot: HubSpot) -> list[int]:
    return read_stream(hubspot_streams.contact_occurrences(hubspot, "e_visited_page", [1]), [Interval(0, 1)])


def read_submissions(hubspot: HubSpot) -> list[int]:
    return read_stream(hubspot_streams.submissions(hubspot, ["f"], {"f": 0}, ItemErrors("form", {})), [Interval(0, 1)])


def read_attendances(hubspot: HubSpot) -> list[int]:
    return read_stream(hubspot_streams.attendances(hubspot, [WEBINAR], ItemErrors("webinar", {})), [Interval(0, 1)])


def read_list_by_token(hubspot: HubSpot) -> list[int]:
    pages = follow_pages(lambda token: hubspot.companies.list_from_token(token, ()), operation="read companies")
    return [row.id for page in pages for row in page.items]


def read_changes(hubspot: HubSpot) -> list[int]:
    pages = follow_pages(lambda after: hubspot.contacts.search_modified(AT, after or 0, ()), operation="search contacts")
    return [row.id for page in pages for row in page.items]


def read_id_ranges(hubspot: HubSpot) -> list[int]:
    def fetch_page(low: int | None) -> Any:
        return hubspot.companies.search_id_ranges([(low or 1, 200)], ())

    return [row.id for page in follow_pages(fetch_page, operation="search companies") for row in page.items]


def read_members(hubspot: HubSpot) -> list[int]:
    pages = follow_pages(lambda after: hubspot.lists.read_members("5", after), operation="read the members of a list")
    return [id_ for page in pages for id_ in page.items]


def read_deal(hubspot: HubSpot) -> Iterable[int]:
    return hubspot.deals.read([9], ()).items[0].contact_ids


def numbers(rows: Iterable[Any]) -> list[int]:
    return [int(row.id) for row in rows]


@dataclass(frozen=True)
class Reading:
    """A paged reading of three rows: the endpoint, its rows, the shape of its pages, and the function that reads all of them."""

    method: str
    path: str
    row: Callable[[int], Any]
    read: Callable[[HubSpot], Iterable[int]]
    page: Callable[[list[Any], str | None], dict[str, Any]] = plain_page


READINGS = {
    "the list of contacts": Reading("GET", "/crm/v3/objects/contacts", make_record, read_contact_stream),
    "a list by token": Reading("GET", "/crm/v3/objects/companies", make_record, read_list_by_token),
    "the changed contacts": Reading("POST", "/crm/v3/objects/contacts/search", make_record, read_changes),
    "ranges of ids": Reading("POST", "/crm/v3/objects/companies/search", make_record, read_id_ranges),
    "email events": Reading("GET", "/email/public/v1/events", email_event, read_email_events, email_page),
    "occurrences": Reading("GET", "/events/v3/events", occurrence, read_occurrences),
    "occurrences of a contact": Reading("GET", "/events/v3/events", occurrence, read_occurrences_of_contact),
    "submissions": Reading("GET", "/form-integrations/v1/submissions/forms/f", submission, read_submissions),
    "forms": Reading("GET", "/marketing/v3/forms", lambda id_: {"id": str(id_), "name": "x"}, lambda h: numbers(h.forms.list_all())),
    "webinars": Reading(
        "GET",
        "/marketing/marketing-events/v3",
        lambda id_: {"objectId": str(id_), "eventName": "x"},
        lambda h: numbers(h.marketing_events.list_webinars()),
    ),
    "attendances": Reading("GET", "/marketing/marketing-events/v3/participations/7/breakdown", participation, read_attendances),
    "list members": Reading("GET", "/crm/v3/lists/5/memberships", lambda id_: {"recordId": str(id_)}, read_members),
    "import errors": Reading(
        "GET",
        "/crm/v3/imports/3/errors",
        lambda id_: {"errorType": "X", "sourceData": {"rowData": [str(id_)]}},
        lambda h: [error.contact_id or 0 for error in h.imports.read_errors("3")],
    ),
    "contacts of a deal": Reading("POST", "/crm/v4/associations/deals/contacts/batch/read", int, read_deal, deal_page),
}


@dataclass
class PagedServer:
    """Serves each row on a page of its own, and an empty page at one place."""

    reading: Reading
    empty: Place

    def reply(self, cursor: str | None, first_id: int) -> tuple[list[int], str | None]:
        """Return the rows of a page, and the cursor of the next one."""
        empty_page = {"first": {50: []}, "middle": {IDS[1] - 5: []}, "last": {150: []}, "none": dict[int, list[int]]()}[self.empty]
        pages = {key: rows for key, rows in sorted(({id_: [id_] for id_ in IDS} | empty_page).items()) if key >= first_id}
        keys = [*pages]
        place = keys.index(int(cursor)) if cursor else 0
        return (pages[keys[place]] if keys else []), (str(keys[place + 1]) if place + 1 < len(keys) else None)


class CircularServer(PagedServer):
    """Serves empty pages whose cursors lead to each other."""

    def reply(self, cursor: str | None, first_id: int) -> tuple[list[int], str | None]:  # noqa: ARG002
        return [], "8" if cursor == "7" else "7"


def serve(server: FakeServer, paged: PagedServer) -> None:
    reading = paged.reading

    def answer(request: Any) -> FakeResponse:
        body = json.loads(request.body) if request.body else {}
        rows, following = paged.reply(cursor_of(request, body), first_id_of(body))
        total = sum(id_ >= first_id_of(body) for id_ in IDS)
        return json_response({**reading.page([reading.row(id_) for id_ in rows], following), "total": total})

    server.answer(reading.method, reading.path, answer)
    server.respond("POST", "/crm/v3/objects/deals/batch/read", json_response({"results": [make_record(9)]}))


def cursor_of(request: Any, body: dict[str, Any]) -> str | None:
    query = parse_qs(urlsplit(request.url).query)
    inputs = [each["after"] for each in body.get("inputs", ()) if each.get("after")]
    return next(iter([*query.get("after", ()), *query.get("offset", ()), *inputs]), body.get("after"))


def first_id_of(body: dict[str, Any]) -> int:
    """Return the lowest id that a search asks for: it starts again behind the last id."""
    filters = [each for group in body.get("filterGroups", ()) for each in group["filters"] if each["propertyName"] == "hs_object_id"]
    return max((int(each["value"]) + (each["operator"] == "GT") for each in filters if each["operator"] in ("GT", "GTE")), default=0)


@pytest.mark.parametrize("empty", ["none", "first", "middle", "last"])
@pytest.mark.parametrize("name", READINGS)
def test_an_empty_page_does_not_end_a_reading_unless_it_has_no_cursor(name: str, empty: Place) -> None:
    with serve_fake() as server, make_client() as hubspot:
        serve(server, PagedServer(READINGS[name], empty))
        assert sorted(READINGS[name].read(hubspot)) == [*IDS]


@pytest.mark.parametrize("name", READINGS)
def test_a_cursor_that_repeats_ends_a_reading_with_an_error(name: str) -> None:
    with serve_fake() as server, make_client() as hubspot:
        serve(server, CircularServer(READINGS[name], "none"))
        with pytest.raises(Unavailable, match=r"repeats|not sorted"):
            READINGS[name].read(hubspot)


def test_a_search_that_counts_contacts_and_shows_none_is_not_the_end() -> None:
    with serve_fake() as server, make_client() as hubspot:
        hidden = json_response({"total": 1, "results": []})
        server.respond("POST", "/crm/v3/objects/contacts/search", hidden, json_response({"total": 1, "results": [make_record(5)]}), hidden)
        assert read_changes(hubspot) == [5]
        page = hubspot.contacts.search_modified(AT, 0, ())
        assert (page.items, page.lacks_items) == ((), True)
