"""Replies with values of any type and size: each is stored, left out and counted, or an error of ours; never another exception."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from sync_worker.errors import SyncWorkerError
from sync_worker.hubspot.api.crm.crm_objects import UnorderedResponse
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import MarketingEvent
from sync_worker.hubspot.rest.retry import RetryPolicy
from sync_worker.store.facts import contacts, events
from sync_worker.store.writes import memberships
from sync_worker.sync.pull.row_mapper import RowMapper, event_row
from tests.hubspot.fakes import json_response, make_client, make_record, next_page_body, serve_fake
from tests.store.database_factories import open_in_memory
from tests.sync.model_factories import make_crm_schema

ROW_MAPPER = RowMapper(crm_schema=make_crm_schema())
AT_MS = 1_793_534_400_123
START, STOP = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
SEMINAR = MarketingEvent(id="501", name="Seminar")

CONTACT = make_record(1, email="a@x.example", hs_additional_emails="b@x.example", associatedcompanyid="7", hs_merged_object_ids="8;9")
CLICK = {
    "id": "k",
    "created": AT_MS,
    "type": "CLICK",
    "recipient": "a@x.example",
    "url": "https://x.example/",
    "emailCampaignId": 9,
    "userAgent": "M",
    "sentBy": {"id": "s", "created": AT_MS},
    "obsoletedBy": {"id": "n", "created": AT_MS},
    "filteredEvent": False,
}
VIEW = {
    "id": "v",
    "eventType": "e_visited_page",
    "objectId": "51",
    "occurredAt": "2026-11-01T12:00:00.123Z",
    "properties": {"hs_url": "https://x.example/", "hs_title": "Home", "hs_utm_campaign": "c", "hs_form_guid": "f"},
}
SUBMISSION = {
    "conversionId": "c",
    "submittedAt": AT_MS,
    "pageUrl": "https://x.example/",
    "values": [{"name": "email", "value": "a@x.example", "objectTypeId": "0-1"}],
}
FORM = {"id": "f", "name": "Demo", "formType": "hubspot", "archived": True, "archivedAt": "2026-05-01T00:00:00Z"}
WEBINAR = {"objectId": "501", "eventName": "Seminar", "eventType": "WEBINAR", "attendees": 3, "updatedAt": "2026-05-01T00:00:00Z"}
ATTENDANCE = {
    "id": "p",
    "properties": {"attendanceState": "ATTENDED", "occurredAt": AT_MS},
    "associations": {"contact": {"contactId": "51", "email": "a@x.example"}},
}
OPTION = {"value": "a", "label": "A", "displayOrder": 1, "hidden": False, "description": "d"}
PROPERTY = {
    "name": "p",
    "label": "P",
    "type": "enumeration",
    "fieldType": "select",
    "groupName": "g",
    "description": "d",
    "options": [OPTION],
    "displayOrder": 1,
    "hidden": False,
    "formField": False,
    "archived": False,
    "calculated": False,
    "hubspotDefined": False,
    "modificationMetadata": {"readOnlyValue": False},
}
ACCOUNT = {"portalId": 77, "timeZone": "UTC", "accountType": "STANDARD", "companyCurrency": "EUR", "uiDomain": "x", "portalName": "x"}
USAGE = {"usageLimit": 5, "currentUsage": 1, "resetsAt": "2026-05-01T00:00:00Z"}
IMPORT = {"id": "1", "state": "DONE", "createdAt": "2026-05-01T00:00:00Z", "metadata": {"counters": {"TOTAL_ROWS": 3}}, "importName": "n"}
LIST = {"listId": "9", "name": "MQL", "processingType": "MANUAL", "size": 3, "additionalProperties": {"hs_list_size": "3"}}


def save_contacts(tx: Connection, found: Sequence[Any]) -> None:
    contacts.save(tx, ROW_MAPPER.contact_rows([each for each in found if each.is_readable]), scan_id=1)


def save_companies(tx: Connection, found: Sequence[Any]) -> None:
    contacts.save_companies(tx, ROW_MAPPER.company_rows(found))


def save_events(tx: Connection, found: Sequence[Any]) -> None:
    events.save(tx, [event_row(event) for event in found])


def save_forms(tx: Connection, found: Sequence[Any]) -> None:
    events.save_forms(tx, {form.id: form.name for form in found if form.name is not None})


def save_members(tx: Connection, found: Sequence[Any]) -> None:
    memberships.replace(tx, "mql", found)


def save_nothing(_tx: Connection, found: Any) -> None:
    str(found)


@dataclass(frozen=True)
class Case:
    """A call, HubSpot's reply to it, and how the result is saved. `rows` leads to the rows of the reply."""

    method: str
    path: str
    body: Any
    call: Callable[[HubSpot], Any]
    save: Callable[[Connection, Any], None] = save_nothing
    rows: str = "results"


def page(row: Any, **more: Any) -> dict[str, Any]:
    return {"results": [row], **next_page_body("100"), **more}


CONTACTS, FORMS = "/crm/v3/objects/contacts", "/form-integrations/v1/submissions/forms/f"
PAGES = {
    "contacts": Case("GET", CONTACTS, page(CONTACT), lambda h: h.contacts.list_from_id(0, ["email"]).items, save_contacts),
    "contacts by token": Case(
        "GET", CONTACTS, page(CONTACT), lambda h: h.contacts.list_from_token(None, ROW_MAPPER.contact_properties).items, save_contacts
    ),
    "contacts by id": Case(
        "POST",
        f"{CONTACTS}/batch/read",
        {"results": [CONTACT]},
        lambda h: h.contacts.read([1, 2], ROW_MAPPER.contact_properties).items,
        save_contacts,
    ),
    "changed contacts": Case(
        "POST",
        f"{CONTACTS}/search",
        page(CONTACT, total=1),
        lambda h: h.contacts.search_modified(START, 0, ROW_MAPPER.contact_properties).items,
        save_contacts,
    ),
    "companies": Case(
        "GET",
        "/crm/v3/objects/companies",
        page(make_record(7, numberofemployees="5")),
        lambda h: h.companies.list_from_id(0, ["numberofemployees"]).items,
        save_companies,
    ),
    "email events": Case(
        "GET",
        "/email/public/v1/events",
        {"hasMore": True, "offset": "o", "events": [CLICK]},
        lambda h: h.email_events.read_page("CLICK", START, STOP).items,
        save_events,
        "events",
    ),
    "occurrences": Case(
        "GET", "/events/v3/events", page(VIEW), lambda h: h.event_occurrences.read_page("e_visited_page", START, STOP).items, save_events
    ),
    "occurrences of a contact": Case(
        "GET", "/events/v3/events", page(VIEW), lambda h: h.event_occurrences.for_contact(51, "e_visited_page").items, save_events
    ),
    "event types": Case(
        "GET",
        "/events/v3/events/event-types",
        {"eventTypes": ["e_visited_page"]},
        lambda h: h.event_occurrences.list_types(),
        rows="eventTypes",
    ),
    "forms": Case("GET", "/marketing/v3/forms", {"results": [FORM]}, lambda h: h.forms.list_all(), save_forms),
    "submissions": Case("GET", FORMS, page(SUBMISSION), lambda h: h.forms.read_submissions("f").items, save_events),
    "webinars": Case("GET", "/marketing/marketing-events/v3", {"results": [WEBINAR]}, lambda h: h.marketing_events.list_webinars()),
    "attendances": Case(
        "GET",
        "/marketing/marketing-events/v3/participations/501/breakdown",
        page(ATTENDANCE),
        lambda h: h.marketing_events.read_attendances(SEMINAR).items,
        save_events,
    ),
    "list members": Case(
        "GET", "/crm/v3/lists/9/memberships", page({"recordId": "51"}), lambda h: h.lists.read_members("9").items, save_members
    ),
    "properties": Case("GET", "/crm/v3/properties/contacts", {"results": [PROPERTY]}, lambda h: list(h.properties.list_all().values())),
    "property groups": Case(
        "GET",
        "/crm/v3/properties/contacts/groups",
        {"results": [{"name": "g", "label": "G", "displayOrder": 1}]},
        lambda h: list(h.properties.list_groups().values()),
    ),
}
OTHERS = {
    "number of contacts": Case("POST", f"{CONTACTS}/search", page({"id": "5"}, total=1), lambda h: h.contacts.read_id_range()),
    "account": Case("GET", "/account-info/v3/details", ACCOUNT, lambda h: h.account.read_details()),
    "usage": Case("GET", "/account-info/v3/api-usage/daily/private-apps", {"results": [USAGE]}, lambda h: h.account.read_daily_usage()),
    "a list": Case("GET", "/crm/v3/lists/9", {"list": LIST}, lambda h: h.lists.get("9")),
    "changed members": Case(
        "PUT",
        "/crm/v3/lists/9/memberships/add-and-remove",
        {"recordsIdsAdded": ["5"], "recordIdsRemoved": [], "recordIdsMissing": ["6"]},
        lambda h: h.lists.change_members("9", add=[5]),
    ),
    "an import": Case("GET", "/crm/v3/imports/1", IMPORT, lambda h: h.imports.get("1")),
    "imports": Case("GET", "/crm/v3/imports", {"results": [IMPORT]}, lambda h: h.imports.find_by_name("n")),
    "import errors": Case(
        "GET",
        "/crm/v3/imports/1/errors",
        {"results": [{"errorType": "X", "sourceData": {"rowData": ["5"]}}]},
        lambda h: list(h.imports.read_errors("1")),
    ),
    "an export": Case(
        "GET",
        "/crm/v3/exports/export/async/tasks/1/status",
        {"status": "COMPLETE", "result": "https://x.example/"},
        lambda h: h.exports.read_download_url("1"),
    ),
    "stored values": Case("GET", CONTACTS, page(CONTACT), lambda h: h.contacts.list_from_id(0, ()).items, save_contacts),
}

ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**53,
    2**63,
    10**30,
    1e300,
    float("nan"),
    float("inf"),
    "",
    "x",
    "5",
    "-5",
    "1e400",
    "nan",
    "9" * 400,
    "a" * 5_000,
    "\0",
    "\ud800",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+12:00",
    "99999-01-01T00:00:00Z",
    253_402_300_799_999,
    10**18,
    [],
    {},
    [None],
    [[]],
    {"id": "5"},
    ["a@x.example"],
)


def paths_of(data: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside of plain JSON."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield (*prefix, key)
        yield from paths_of(value, (*prefix, key))


def alter(draw: st.DrawFn, data: Any) -> Any:
    """Return the data with up to three values replaced or removed."""
    for _ in range(draw(st.integers(1, 3))):
        if not (paths := list(paths_of(data))):
            return data
        *parents, last = draw(st.sampled_from(paths))
        parent = data
        for key in parents:
            parent = parent[key]
        odd = draw(st.sampled_from((*ODD_VALUES, KeyError)))
        if odd is KeyError:
            del parent[last]
        else:
            parent[last] = deepcopy(odd)
    return data


@st.composite
def altered(draw: st.DrawFn, data: Any) -> Any:
    return alter(draw, deepcopy(data))


@st.composite
def altered_second_row(draw: st.DrawFn, case: Case) -> Any:
    body = deepcopy(case.body)
    rows = body[case.rows]
    second = deepcopy({"row": rows[0]})
    for name in ("id", "name"):
        if isinstance(second["row"], dict) and isinstance(second["row"].get(name), str):
            second["row"][name] = f"{second['row'][name]}2"
    rows.append(alter(draw, second).get("row"))
    return body


def run(case: Case, hubspot: HubSpot, body: Any) -> Any:
    with serve_fake() as server:
        status, headers, _ = json_response()
        server.respond(case.method, case.path, (status, headers, json.dumps(body).encode()))
        return case.call(hubspot)


def make_patient_client() -> HubSpot:
    return make_client(retry_policy=RetryPolicy(max_attempts=1))


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in (PAGES | OTHERS).items()])
def test_the_valid_reply_is_read_and_saved(case: Case) -> None:
    store = open_in_memory()
    with make_patient_client() as hubspot, store.transaction() as tx:
        found = run(case, hubspot, case.body)
        case.save(tx, found)
        assert found
        assert hubspot.metrics.snapshot().unreadable == {}
    store.close()


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in (PAGES | OTHERS).items()])
def test_a_reply_with_odd_values_is_saved_or_an_error_of_ours(case: Case) -> None:
    store = open_in_memory()

    @given(altered(case.body))
    def check(body: Any) -> None:
        try:
            found = run(case, hubspot, body)
        except SyncWorkerError:
            return
        with store.transaction() as tx:
            case.save(tx, [each for each in found if each is not None] if isinstance(found, list | tuple) else found)

    with make_patient_client() as hubspot:
        check()
    store.close()


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in PAGES.items()])
def test_an_odd_row_leaves_the_others_readable(case: Case) -> None:
    store = open_in_memory()
    with make_patient_client() as hubspot:
        first = run(case, hubspot, case.body)[0]

        @given(altered_second_row(case))
        def check(body: Any) -> None:
            try:
                found = run(case, hubspot, body)
            except UnorderedResponse:  # the odd value is another id; the list is then followed page by page
                return
            assert first in found
            with store.transaction() as tx:
                case.save(tx, found)

        check()
    store.close()
