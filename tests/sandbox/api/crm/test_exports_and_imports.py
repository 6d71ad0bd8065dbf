"""hubspot-api.md section 8: exports and imports."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.request.auth_tokens import ApiApp
from tests.sandbox.portal_factories import CONTACTS, PortalClient, make_contact, make_contacts, make_filter, make_portal, start_portal

EXPORTS = "/crm/v3/exports/export/async"
EXPORT = {
    "exportType": "VIEW",
    "exportName": "all",
    "format": "CSV",
    "language": "EN",
    "objectType": "CONTACT",
    "objectProperties": ["email", "lifecyclestage"],
    "exportInternalValuesOptions": ["NAMES", "VALUES"],
}
IMPORTS = "/crm/v3/imports"


def export_status(served: PortalClient, export: httpx.Response) -> dict[str, str]:
    found: dict[str, str] = served.get(f"{EXPORTS}/tasks/{export.json()['id']}/status").json()
    return found


def export_rows(served: PortalClient, **request: object) -> list[list[str]]:
    export = served.post(EXPORTS, {**EXPORT, **request})
    assert export.status_code == 202, export.text
    served.clock.advance(120)
    return list(csv.reader(io.StringIO(served.http.get(export_status(served, export)["result"]).text)))


def run_import(served: PortalClient, operation: str, lines: Iterable[str], key: str = "hs_object_id") -> httpx.Response:
    header, *_ = lines = list(lines)
    mappings = [
        {
            "columnObjectTypeId": "0-1",
            "columnName": name,
            "propertyName": name,
            **({"columnType": "HUBSPOT_OBJECT_ID"} if name == key else {}),
        }
        for name in header.split(",")
    ]
    page = {"hasHeader": True, "columnMappings": mappings}
    request = {
        "name": "scores",
        "importOperations": {"0-1": operation},
        "files": [{"fileName": "scores.csv", "fileFormat": "CSV", "fileImportPage": page}],
    }
    files = {"files": ("scores.csv", "\r\n".join(lines), "text/csv")}
    return served.http.post(IMPORTS, data={"importRequest": json.dumps(request)}, files=files)


def finish_imports(served: PortalClient) -> None:
    """Advance the clock until every import is finished, and let the portal write the rows."""
    served.clock.advance(10)
    served.get(IMPORTS)


def test_an_export_takes_time_and_its_link_is_valid_for_five_minutes_without_a_token() -> None:
    served = start_portal(make_portal([make_contact(1, lifecyclestage="lead")]))
    export = served.post(EXPORTS, EXPORT)
    assert (export.status_code, export_status(served, export)["status"]) == (202, "PROCESSING")
    served.clock.advance(2)
    done = export_status(served, export)
    assert done["status"] == "COMPLETE"
    served.http.headers.pop("Authorization")
    assert served.http.get(done["result"]).text.splitlines() == ["Record ID,email,lifecyclestage", "1,person-1@example.com,lead"]
    served.clock.advance(300)
    assert served.http.get(done["result"]).status_code == 403


def test_the_second_export_waits_for_the_first() -> None:
    served = start_portal(make_portal())
    first, second = (served.post(EXPORTS, EXPORT) for _ in range(2))
    assert [export_status(served, one)["status"] for one in (first, second)] == ["PROCESSING", "PENDING"]
    served.clock.advance(2)
    assert [export_status(served, one)["status"] for one in (first, second)] == ["COMPLETE", "PROCESSING"]
    assert served.get(f"/crm/v3/exports/export/{second.json()['id']}").json()["exportState"] == "PROCESSING"


def test_30_exports_can_start_in_24_hours() -> None:
    served = start_portal(make_portal())
    assert [served.post(EXPORTS, EXPORT).status_code for _ in range(31)] == [202] * 30 + [429]
    served.clock.advance(86_401)
    assert served.post(EXPORTS, EXPORT).status_code == 202


def test_an_export_has_labels_unless_names_and_values_are_requested() -> None:
    served = start_portal(make_portal([make_contact(1, lifecyclestage="marketingqualifiedlead")]))
    header, line = export_rows(served, exportInternalValuesOptions=[])
    assert (header[1:], line[1:]) == (["Email", "Lifecycle Stage"], ["person-1@example.com", "Marketing Qualified Lead"])


def test_an_export_can_include_associated_ids() -> None:
    """Section 8: `associatedObjectType`, at most four."""
    companies = [{"id": "7", "properties": {}}]
    deals = [{"id": str(number), "properties": {}, "contactIds": ["1"]} for number in (5, 6)]
    served = start_portal(make_portal([make_contact(1, associatedcompanyid="7"), make_contact(2)], companies=companies, deals=deals))
    request = {"objectProperties": ["email"], "associatedObjectType": ["COMPANY", "DEAL"]}
    header, first, second = export_rows(served, **request)
    assert header == ["Record ID", "email", "Associated Company IDs", "Associated Deal IDs"]
    assert (first[2:], second[2:]) == (["7", "5;6"], ["", ""])
    assert served.post(EXPORTS, {**EXPORT, "associatedObjectType": ["COMPANY"] * 5}).status_code == 400


def test_an_export_can_select_by_search_or_by_list() -> None:
    served = start_portal(make_portal(make_contacts(3)))
    found = export_rows(served, publicCrmSearchRequest={"filters": [make_filter("email", "EQ", "person-2@example.com")]})
    assert [line[0] for line in found[1:]] == ["2"]
    served.post("/crm/v3/lists", {"name": "MQL", "objectTypeId": "0-1", "processingType": "MANUAL"})
    served.put("/crm/v3/lists/1/memberships/add", ["3"])
    assert [line[0] for line in export_rows(served, exportType="LIST", listId="1")[1:]] == ["3"]
    assert served.post(EXPORTS, {**EXPORT, "exportType": "LIST"}).status_code == 400


def test_a_large_file_is_zipped() -> None:
    served = start_portal(make_portal([make_contact(number, message="x" * 50_000) for number in range(1, 51)]))
    export = served.post(EXPORTS, {**EXPORT, "objectProperties": ["message"]})
    served.clock.advance(2)
    content = served.http.get(export_status(served, export)["result"]).content
    assert content[:2] == b"PK"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert len(archive.read("all.csv").splitlines()) == 51


def test_only_the_app_that_started_an_export_can_read_it() -> None:
    served = start_portal(make_portal())
    export = served.post(EXPORTS, EXPORT)
    served.gate.tokens.grant("other", ApiApp(id="other"))
    served.http.headers["Authorization"] = "Bearer other"
    reply = served.get(f"{EXPORTS}/tasks/{export.json()['id']}/status")
    assert (reply.status_code, reply.json()["message"].startswith("Permission to get export file cannot be granted")) == (403, True)


def test_an_import_updates_records_and_reports_each_bad_row() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    lines = ["hs_object_id,jobtitle,hs_lead_status", "1,CTO,NEW", "2,,NOPE", "999,CEO,NEW"]
    started = run_import(served, "UPDATE", lines).json()
    assert started["state"] == "STARTED"
    served.clock.advance(2)
    done = served.get(f"{IMPORTS}/{started['id']}").json()
    assert (done["state"], done["metadata"]["counters"]) == ("DONE", {"UPDATED_OBJECTS": 1, "ERRORS": 2, "TOTAL_ROWS": 3})
    errors = served.get(f"{IMPORTS}/{started['id']}/errors").json()["results"]
    assert [(error["errorType"], error["sourceData"]["lineNumber"]) for error in errors] == [
        ("INVALID_ENUMERATION_OPTION", 3),
        ("INVALID_OBJECT_ID", 4),
    ]
    assert (served.value(1, "jobtitle"), served.value(2, "hs_lead_status")) == ("CTO", None)
    assert [item["id"] for item in served.get(IMPORTS).json()["results"]] == [started["id"]]


@pytest.mark.parametrize(("reading", "left"), [("kept", "CTO"), ("cleared", None)])
def test_an_empty_cell_clears_nothing_unless_by_switch(reading: Any, left: str | None) -> None:
    served = start_portal(make_portal([make_contact(1, jobtitle="CTO")]), switches=Switches(empty_cell=reading))
    run_import(served, "UPDATE", ["hs_object_id,jobtitle,city", "1,,Bonn"])
    finish_imports(served)
    assert (served.value(1, "city"), served.value(1, "jobtitle")) == ("Bonn", left)


@pytest.mark.parametrize(("reading", "city"), [("row", None), ("cell", "Bonn")])
def test_a_bad_value_blocks_its_row_or_only_itself_by_switch(reading: Any, city: str | None) -> None:
    served = start_portal(make_portal(make_contacts(1)), switches=Switches(bad_cell=reading))
    started = run_import(served, "UPDATE", ["hs_object_id,hs_lead_status,city", "1,NOPE,Bonn"]).json()
    finish_imports(served)
    assert (served.value(1, "city"), served.value(1, "hs_lead_status")) == (city, None)
    assert len(served.get(f"{IMPORTS}/{started['id']}/errors").json()["results"]) == 1


@pytest.mark.parametrize(("reading", "shown"), [("instant", "2026-02-03T04:05:06Z"), ("local", "2026-02-03 05:05")])
def test_exported_dates_have_the_api_format_or_local_minutes_by_switch(reading: Any, shown: str) -> None:
    served = start_portal(
        make_portal([make_contact(1, notes_last_updated="2026-02-03T04:05:06Z")]), switches=Switches(export_times=reading)
    )
    assert export_rows(served, objectProperties=["notes_last_updated"])[1][1] == shown


@pytest.mark.parametrize(("operation", "ids", "errors"), [("UPSERT", ["1", "2"], 0), ("CREATE", ["1", "2"], 1), ("UPDATE", ["1"], 1)])
def test_the_import_operation_creates_updates_or_rejects(operation: str, ids: list[str], errors: int) -> None:
    served = start_portal(make_portal(make_contacts(1)))
    started = run_import(served, operation, ["email,jobtitle", "person-1@example.com,CTO", "new@example.com,CEO"], key="email").json()
    finish_imports(served)
    assert [item["id"] for item in served.get(CONTACTS).json()["results"]] == ids
    assert len(served.get(f"{IMPORTS}/{started['id']}/errors").json()["results"]) == errors


def test_an_import_writes_rows_over_time_and_a_canceled_import_keeps_its_written_rows() -> None:
    served = start_portal(make_portal(make_contacts(100)))
    started = run_import(served, "UPDATE", ["hs_object_id,city", *(f"{number},Bonn" for number in range(1, 101))]).json()
    assert started["metadata"]["counters"] == {}
    served.clock.advance(1)
    assert served.post(f"{IMPORTS}/{started['id']}/cancel", {}).status_code == 200
    finish_imports(served)
    assert [served.value(number, "city") for number in (1, 50, 51, 100)] == ["Bonn", "Bonn", None, None]


def test_the_rejected_row_is_returned_on_request() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    started = run_import(served, "UPDATE", ["hs_object_id,jobtitle", "999,CEO"]).json()
    finish_imports(served)
    errors = f"{IMPORTS}/{started['id']}/errors"
    plain, whole = (served.get(errors, **query).json()["results"][0] for query in ({}, {"includeRowData": "true"}))
    assert ("rowData" in plain["sourceData"], whole["sourceData"]["rowData"]) == (False, ["999", "CEO"])


def test_the_fourth_import_waits_and_a_running_one_can_be_canceled() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    started = [run_import(served, "UPDATE", ["hs_object_id,city", "1,Bonn"]).json() for _ in range(4)]
    assert [item["state"] for item in started] == ["STARTED"] * 3 + ["DEFERRED"]
    assert served.post(f"{IMPORTS}/1/cancel", {}).status_code == 200
    assert served.get(f"{IMPORTS}/1").json()["state"] == "CANCELED"
    served.clock.advance(60)
    assert served.post(f"{IMPORTS}/2/cancel", {}).status_code == 400


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("hs_object_id,no_such_property", "the properties ['no_such_property'] do not exist"),
        ("hs_object_id,hs_email_click", "the properties ['hs_email_click'] are read-only"),
    ],
)
def test_a_mapping_to_an_unknown_or_read_only_property_rejects_the_import(header: str, message: str) -> None:
    served = start_portal(make_portal(make_contacts(1)))
    reply = run_import(served, "UPDATE", [header, "1,7"])
    assert (reply.status_code, message in reply.json()["message"]) == (400, True)


def test_a_column_without_a_mapping_rejects_the_import() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    mapping = {"columnObjectTypeId": "0-1", "columnName": "id", "propertyName": "hs_object_id", "columnType": "HUBSPOT_OBJECT_ID"}
    page = {"hasHeader": True, "columnMappings": [mapping]}
    request = {
        "name": "a",
        "importOperations": {"0-1": "UPDATE"},
        "files": [{"fileName": "a.csv", "fileFormat": "CSV", "fileImportPage": page}],
    }
    files = {"files": ("a.csv", "id,city\n1,Bonn\n", "text/csv")}
    reply = served.http.post(IMPORTS, data={"importRequest": json.dumps(request)}, files=files)
    assert (reply.status_code, "missing are ['city']" in reply.json()["message"]) == (400, True)
    ignored = {"columnObjectTypeId": "0-1", "columnName": "city", "propertyName": None}
    page["columnMappings"] = [mapping, ignored]
    assert served.http.post(IMPORTS, data={"importRequest": json.dumps(request)}, files=files).status_code == 200
    finish_imports(served)
    assert served.value(1, "city") is None


@pytest.mark.parametrize(
    ("column", "cell", "error_type"),
    [
        ("hs_lead_status", "NOPE", "INVALID_ENUMERATION_OPTION"),
        ("total_score", "many", "COULD_NOT_PARSE_NUMBER"),
        ("visited_at", "yesterday", "COULD_NOT_PARSE_DATE"),
        ("born_on", "soon", "COULD_NOT_PARSE_DATE"),
        ("email", "ana@", "INVALID_EMAIL"),
        ("message", "x" * 65_537, "COLUMN_TOO_LARGE"),
        ("city", "B", "INVALID_CUSTOM_PROPERTY_VALIDATION"),
        ("jobtitle", "CTO", "MISSING_REQUIRED_PROPERTY"),
    ],
)
def test_a_row_error_has_a_type_of_the_imports_api(column: str, cell: str, error_type: str) -> None:
    known = make_contact(2, total_score="1.5", visited_at="2026-01-01T00:00:00Z", born_on="2000-01-01", state="Hesse", country="FR")
    served = start_portal(make_portal([make_contact(1, lifecyclestage="lead", country="DE"), known]))
    needed = {"propertyName": "state", "ruleType": "REQUIRED", "when": {"country": ["DE"] if column == "jobtitle" else []}}
    short = {"propertyName": "city", "ruleType": "MIN_LENGTH", "ruleArguments": ["2"]}
    served.post("/sandbox/validation-rules", {"rules": [needed, short]})
    started = run_import(served, "UPDATE", [f"hs_object_id,{column}", f"1,{cell}"]).json()
    finish_imports(served)
    assert [error["errorType"] for error in served.get(f"{IMPORTS}/{started['id']}/errors").json()["results"]] == [error_type]


def test_a_property_that_is_archived_during_an_import_and_a_short_row_are_row_errors() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    started = run_import(served, "UPDATE", ["hs_object_id,city", "1,Bonn", "2"]).json()
    served.post("/sandbox/properties/delete", {"name": "city"})
    finish_imports(served)
    errors = served.get(f"{IMPORTS}/{started['id']}/errors").json()["results"]
    assert [error["errorType"] for error in errors] == ["PROPERTY_DEFINITION_NOT_FOUND", "INCORRECT_NUMBER_OF_COLUMNS"]


@pytest.mark.parametrize(
    ("operation", "row", "error_type"),
    [
        ("CREATE", "person-1@example.com,CTO", "CREATE_ONLY_IMPORT"),
        ("UPDATE", "new@example.com,CTO", "UPDATE_ONLY_IMPORT"),
    ],
)
def test_a_row_that_the_operation_does_not_allow_names_the_operation(operation: str, row: str, error_type: str) -> None:
    served = start_portal(make_portal(make_contacts(1)))
    started = run_import(served, operation, ["email,jobtitle", row], key="email").json()
    finish_imports(served)
    assert [error["errorType"] for error in served.get(f"{IMPORTS}/{started['id']}/errors").json()["results"]] == [error_type]


def test_a_body_that_is_not_an_import_is_rejected() -> None:
    served = start_portal(make_portal())
    assert served.post(IMPORTS, {}).status_code == 415
    files = {"files": ("a.csv", "x", "text/csv")}
    assert served.http.post(IMPORTS, data={"importRequest": "{}"}, files=files).status_code == 400
