from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_worker.sandbox import folder
from sync_worker.sandbox.base.errors import PortalFolderError
from tests.sandbox.portal_factories import CONTACTS, start_portal

HEADER = {"portalId": 1001, "tier": "enterprise", "timeZone": "Europe/Berlin", "now": "2026-11-01T00:00:00Z"}
CONTACT = {
    "id": "7",
    "properties": {"email": "ana@example.com"},
    "createdAt": "2026-01-02T03:04:05.678Z",
    "updatedAt": "2026-01-02T03:04:05.678Z",
    "archived": False,
}
CLICK = {"id": "e1", "created": 1_790_000_000_000, "type": "CLICK", "recipient": "ana@example.com"}
SUBSCRIPTION = {"email": "ana@example.com", "subscription": "Newsletter", "status": "SUBSCRIBED", "timestamp": "2026-10-01T10:00:00Z"}
VIEW = {"id": "v1", "eventType": "e_visited_page", "objectId": "7", "occurredAt": "2026-10-01T10:00:00Z", "properties": {}}
SUBMISSION = {"formId": "f1", "submittedAt": 1_790_000_000_000, "values": [{"name": "email", "value": "ana@example.com"}]}

PARTICIPATION = {
    "id": "p1",
    "properties": {"attendanceState": "ATTENDED", "occurredAt": 1_790_000_000_000},
    "associations": {"contact": {"contactId": "7"}, "marketingEvent": {"marketingEventId": "501"}},
}


PLAN = {"objectType": "contacts", "name": "plan", "type": "enumeration", "fieldType": "select", "options": [{"value": "team"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFolder:
    path: Path

    def with_header(self, **changes: object) -> PortalFolder:
        (self.path / "portal.json").write_text(json.dumps({**HEADER, **changes}, indent=1), encoding="utf-8")
        return self

    def with_lines(self, file: str, *rows: object) -> PortalFolder:
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        (self.path / file).write_text("\n".join(lines), encoding="utf-8")
        return self


@pytest.fixture
def disk(tmp_path: Path) -> PortalFolder:
    return PortalFolder(path=tmp_path).with_header()


def test_a_folder_that_is_larger_than_the_memory_is_refused_with_both_sizes(disk: PortalFolder) -> None:
    with (disk.path / "events.jsonl").open("wb") as file:
        file.truncate(10 * 10**9)  # a sparse file
    with pytest.raises(PortalFolderError, match=r"10\.0 GB.*4\.0 GB.*Take a part"):
        folder.read(disk.path, max_bytes=4 * 10**9)
    (disk.path / "events.jsonl").unlink()
    assert list(folder.read(disk.path).events) == []


def test_portal_json_identifies_the_portal(disk: PortalFolder) -> None:
    data = folder.read(disk.path)
    assert (data.portal_id, data.tier, data.time_zone) == (1001, "enterprise", "Europe/Berlin")
    assert data.now == datetime(2026, 11, 1, tzinfo=UTC)


def test_missing_files_are_empty(disk: PortalFolder) -> None:
    data = folder.read(disk.path)
    rows = (data.contacts, data.companies, data.email_events, data.events, data.forms, data.submissions, data.deals)
    assert [list(each) for each in (*rows, data.marketing_events, data.participations, data.properties, data.lists)] == [[]] * 11


def test_every_kind_of_row_can_be_read_twice(disk: PortalFolder) -> None:
    disk.with_lines("contacts.jsonl", CONTACT, "", {**CONTACT, "id": "8"}).with_lines("events.jsonl", VIEW)
    disk.with_lines("email_events.jsonl", CLICK).with_lines("submissions.jsonl", SUBMISSION)
    disk.with_lines("subscriptions.jsonl", SUBSCRIPTION, {**SUBSCRIPTION, "timestamp": 1_790_000_000_000})
    disk.with_lines("deals.jsonl", {"id": "5", "properties": {"amount": "10"}, "contactIds": ["7"]})
    data = folder.read(disk.path)
    for _ in range(2):
        assert [row["id"] for row in data.contacts] == ["7", "8"]
        assert [row["type"] for row in data.email_events] == ["CLICK"]
        assert [row["objectId"] for row in data.events] == ["7"]
        assert [row["formId"] for row in data.submissions] == ["f1"]
        assert [row["contactIds"] for row in data.deals] == [["7"]]


def test_ids_and_values_written_as_numbers_become_hubspots_texts(disk: PortalFolder) -> None:
    disk.with_lines("contacts.jsonl", {**CONTACT, "id": 7, "properties": {"age": 41, "share": 0.5, "opted": True, "city": None}})
    (row,) = folder.read(disk.path).contacts
    assert row["id"] == "7"
    assert row["properties"] == {"age": "41", "share": "0.5", "opted": "true", "city": None}


@pytest.mark.parametrize(
    ("file", "invalid", "message"),
    [
        ("contacts.jsonl", '{"id": "8", ', "not JSON"),
        ("contacts.jsonl", "[1]", "not a JSON object"),
        ("contacts.jsonl", {**CONTACT, "id": None}, "`id` is missing"),
        ("contacts.jsonl", {**CONTACT, "id": "ana"}, "`id` should be a number as text"),
        ("contacts.jsonl", {**CONTACT, "id": "²"}, "`id` should be a number as text"),
        ("contacts.jsonl", {**CONTACT, "createdAt": "yesterday"}, "`createdAt` should be a time"),
        ("contacts.jsonl", {**CONTACT, "updatedAt": "2026-01-02T03:04:05"}, "`updatedAt` should be a time"),
        ("contacts.jsonl", {**CONTACT, "properties": {"email": ["a"]}}, "`properties` should be text"),
        ("contacts.jsonl", {**CONTACT, "archived": "no"}, "`archived` should be true or false"),
        ("companies.jsonl", {**CONTACT, "properties": "none"}, "`properties` should be properties"),
        ("email_events.jsonl", {**CLICK, "id": ""}, "`id` should be text"),
        ("email_events.jsonl", {**CLICK, "created": "2026-01-01"}, "`created` should be a time in milliseconds"),
        ("email_events.jsonl", {**CLICK, "created": True}, "`created` should be a time in milliseconds"),
        ("email_events.jsonl", {**CLICK, "recipient": None}, "`recipient` is missing"),
        ("email_events.jsonl", {**CLICK, "sentBy": {"id": "e0"}}, "`sentBy` is missing: it should be a time"),
        ("events.jsonl", {**VIEW, "objectId": "ana"}, "`objectId` should be a number as text"),
        ("events.jsonl", {**VIEW, "occurredAt": "2026-13-01T00:00:00Z"}, "`occurredAt` should be a time"),
        ("forms.jsonl", {"id": "f1"}, "`name` is missing"),
        ("submissions.jsonl", {**SUBMISSION, "formId": None}, "`formId` is missing"),
        ("submissions.jsonl", {**SUBMISSION, "values": [1]}, "`values` should be a list"),
        ("marketing_events.jsonl", {"objectId": "501"}, "`eventName` is missing"),
        (
            "participations.jsonl",
            {**PARTICIPATION, "properties": {"attendanceState": "ATTENDED"}},
            "`properties` is missing: it should be a",
        ),
        ("participations.jsonl", {**PARTICIPATION, "properties": None}, "`properties` is missing: it should be properties such as"),
        (
            "participations.jsonl",
            {**PARTICIPATION, "associations": {"contact": {"contactId": "7"}}},
            "`associations` should be associations",
        ),
        ("deals.jsonl", {"id": "5", "contactIds": ["ana"]}, "`contactIds` should be a number as text"),
        ("properties.jsonl", {**PLAN, "objectType": "tickets"}, "`objectType` should be contacts, companies or deals"),
        ("properties.jsonl", {**PLAN, "type": "text"}, "`type` should be one of string, number"),
        ("properties.jsonl", {**PLAN, "name": None}, "`name` is missing"),
        ("properties.jsonl", {**PLAN, "options": [{"label": "Team"}]}, "`options` should be a list such as"),
        ("lists.jsonl", {"listId": "5", "contactIds": ["1"]}, "`name` is missing"),
        ("lists.jsonl", {"listId": "five", "name": "MQL"}, "`listId` should be a number as text"),
        ("subscriptions.jsonl", {**SUBSCRIPTION, "status": "YES"}, "`status` should be one of SUBSCRIBED, UNSUBSCRIBED, NOT_SPECIFIED"),
        ("subscriptions.jsonl", {**SUBSCRIPTION, "timestamp": "today"}, "`timestamp` should be a time"),
    ],
)
def test_an_invalid_line_is_reported_with_file_and_line(disk: PortalFolder, file: str, invalid: object, message: str) -> None:
    good = {"contacts": CONTACT, "companies": CONTACT, "email_events": CLICK, "events": VIEW}.get(file.removesuffix(".jsonl"))
    disk.with_lines(file, good or "", invalid)
    data = folder.read(disk.path)
    with pytest.raises(PortalFolderError) as raised:
        list(getattr(data, file.removesuffix(".jsonl")))
    assert str(raised.value).startswith(f"{disk.path / file}:2: ")
    assert message in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("changes", "line", "message"),
    [
        ({"tier": "platinum"}, 3, "`tier` is 'platinum'"),
        ({"timeZone": "Middle-earth/Shire"}, 4, "`timeZone` is 'Middle-earth/Shire'"),
        ({"now": "soon"}, 5, "`now` should be a time"),
        ({"portalId": None}, 2, "`portalId` is missing"),
    ],
)
def test_an_invalid_portal_json_is_reported_with_the_line(disk: PortalFolder, changes: dict[str, object], line: int, message: str) -> None:
    disk.with_header(**changes)
    with pytest.raises(PortalFolderError) as raised:
        folder.read(disk.path)
    assert str(raised.value).startswith(f"{disk.path / 'portal.json'}:{line}: ")
    assert message in str(raised.value)


def test_a_missing_folder_is_reported_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(PortalFolderError, match="not a folder") as raised:
        folder.read(tmp_path / "nowhere")
    assert '"timeZone"' in str(raised.value)


def test_a_folder_without_portal_json_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(PortalFolderError, match=r"no readable portal\.json"):
        folder.read(tmp_path)


def test_a_long_invalid_value_is_truncated_in_the_message(disk: PortalFolder) -> None:
    disk.with_lines("contacts.jsonl", {**CONTACT, "id": "x" * 5000})
    with pytest.raises(PortalFolderError) as raised:
        list(folder.read(disk.path).contacts)
    assert len(str(raised.value)) < 300 + len(str(disk.path))


def test_a_written_folder_is_read_back_unchanged(disk: PortalFolder, tmp_path: Path) -> None:
    disk.with_lines("contacts.jsonl", CONTACT).with_lines("email_events.jsonl", {**CLICK, "sentBy": {"id": "e0", "created": 5}})
    data = folder.read(disk.path)
    folder.write(data, tmp_path / "copy")
    again = folder.read(tmp_path / "copy")
    assert (again.portal_id, again.tier, again.time_zone, again.now) == (data.portal_id, data.tier, data.time_zone, data.now)
    assert list(again.contacts) == list(data.contacts)
    assert list(again.email_events) == list(data.email_events)


def test_a_folder_defines_the_portals_own_properties(disk: PortalFolder) -> None:
    options = [{"value": "trial", "label": "Trial"}, {"value": "team", "label": "Team", "hidden": True}]
    size = {"objectType": "company", "name": "size_class", "type": "string", "fieldType": "text", "label": "Size", "groupName": "fit"}
    locked = {"name": "synced", "type": "bool", "fieldType": "booleancheckbox", "modificationMetadata": {"readOnlyValue": True}}
    disk.with_lines("properties.jsonl", {**PLAN, "options": options}, size, locked)
    disk.with_lines("contacts.jsonl", {**CONTACT, "properties": {"email": "ana@example.com", "plan": "team"}})
    served = start_portal(folder.read(disk.path))
    plan = served.get("/crm/v3/properties/contacts/plan").json()
    assert (plan["type"], plan["label"], plan["groupName"]) == ("enumeration", "Plan", "custom_properties")
    assert [(option["value"], option["label"], option["hidden"]) for option in plan["options"]] == [
        ("trial", "Trial", False),
        ("team", "Team", True),
    ]
    assert served.get("/crm/v3/properties/companies/size_class").json()["groupName"] == "fit"
    assert served.get("/crm/v3/properties/companies/groups/fit").json()["label"] == "Fit"
    assert served.get("/crm/v3/properties/contacts/size_class").status_code == 404
    assert [option["value"] for option in served.get("/crm/v3/properties/contacts/synced").json()["options"]] == ["true", "false"]
    replies = [served.patch(f"{CONTACTS}/7", {"properties": change}) for change in ({"plan": "trial"}, {"plan": "x"}, {"synced": "true"})]
    assert [reply.status_code for reply in replies] == [200, 400, 400]


def test_a_folder_replaces_the_options_of_a_standard_property(disk: PortalFolder) -> None:
    stages = [{"value": "lead", "label": "Lead"}, {"value": "123", "label": "Trial"}]
    disk.with_lines("properties.jsonl", {"name": "lifecyclestage", "type": "enumeration", "fieldType": "radio", "options": stages})
    served = start_portal(folder.read(disk.path))
    definition = served.get("/crm/v3/properties/contacts/lifecyclestage").json()
    assert ([option["value"] for option in definition["options"]], definition["hubspotDefined"]) == (["lead", "123"], True)


def test_a_folder_has_lists_with_members(disk: PortalFolder) -> None:
    disk.with_lines("contacts.jsonl", CONTACT, {**CONTACT, "id": "8", "properties": {}})
    disk.with_lines("lists.jsonl", {"listId": "31", "name": "Customers", "contactIds": ["8", "7"], "createdAt": "2026-01-02T00:00:00Z"})
    served = start_portal(folder.read(disk.path))
    found = served.get("/crm/v3/lists/object-type-id/0-1/name/customers").json()["list"]
    assert (found["listId"], found["size"], found["processingType"]) == ("31", 2, "MANUAL")
    members = served.get("/crm/v3/lists/31/memberships").json()["results"]
    assert [(item["recordId"], item["membershipTimestamp"]) for item in members] == [(each, "2026-01-02T00:00:00Z") for each in ("7", "8")]
    created = served.post("/crm/v3/lists", {"name": "MQL", "objectTypeId": "0-1", "processingType": "MANUAL"}).json()["list"]
    assert created["listId"] == "32"


def test_the_value_of_a_record_wins_at_the_present_unless_it_changes_later(disk: PortalFolder) -> None:
    titles = [("7", "CTO", "2026-10-01T10:00:00Z"), ("8", "Student", "2026-10-01T10:00:00Z"), ("8", "CTO", "2026-12-01T10:00:00Z")]
    rows = [{"objectType": "contacts", "id": id_, "name": "jobtitle", "value": title, "timestamp": at} for id_, title, at in titles]
    disk.with_lines("contacts.jsonl", CONTACT, {**CONTACT, "id": "8", "properties": {"jobtitle": "CTO"}})
    data = folder.read(disk.with_lines("property_history.jsonl", *rows).path)
    found = [
        [row["properties"].get("jobtitle") for row in folder.take_snapshot(data, at).contacts] for at in (data.now, data.now - timedelta(1))
    ]
    assert found == [[None, "Student"], ["CTO", "Student"]]


def test_a_type_of_email_events_has_upper_case_as_in_hubspot(disk: PortalFolder) -> None:
    disk.with_lines("email_events.jsonl", {**CLICK, "type": "click"})
    served = start_portal(folder.read(disk.path))
    assert [event["id"] for event in served.get("/email/public/v1/events?eventType=CLICK").json()["events"]] == ["e1"]
