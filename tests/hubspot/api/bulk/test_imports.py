"""Imports: one multipart body, sent once, and the results of its rows."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import orjson
import pytest
import requests

from sync_worker.errors import Unavailable
from sync_worker.hubspot.api.bulk.import_file import ImportFile
from sync_worker.hubspot.api.bulk.polling import Poller
from sync_worker.hubspot.records.models import Import
from sync_worker.hubspot.rest.error_responses import BulkLimitReached, InvalidRequest, MissingScope
from sync_worker.sandbox.request.multipart import parse_parts
from tests.hubspot.fakes import (
    TIMESTAMP,
    FakeClock,
    FakeServer,
    error_body,
    html_response,
    json_response,
    make_client,
    network_error,
    next_page_body,
)

IMPORTS = "/crm/v3/imports"
NAMES = ("lead_grade", "lead_score_reasons")


def import_body(number: int = 5, state: str = "STARTED", name: str = "scores", **counters: int) -> dict[str, Any]:
    return {"id": number, "importName": name, "state": state, "createdAt": TIMESTAMP, "metadata": {"counters": counters}}


def make_import_file(rows: int = 2, **limits: int) -> ImportFile:
    file = ImportFile("scores", NAMES, **limits)
    for number in range(1, rows + 1):
        file.add_contact(number, {"lead_grade": "A-", "lead_score_reasons": '+5 clicked "x", twice\n−3 é', "other": "left out"})
    return file


def start_import() -> Import:
    with make_import_file() as file:
        return make_client().imports.start(file)


def count_posts(server: FakeServer) -> int:
    return server.paths.count(f"POST {IMPORTS}")


def test_the_body_maps_its_columns_and_has_every_value() -> None:
    with make_import_file() as file:
        upload = file.build_upload()
        upload.file.seek(0)
        request, table = parse_parts(upload.file.read(), upload.content_type)
    import_request = orjson.loads(request.content)
    assert (request.name, table.name, table.filename, import_request["name"]) == ("importRequest", "files", "contacts.csv", "scores")
    assert import_request["importOperations"] == {"0-1": "UPDATE"}
    columns = import_request["files"][0]["fileImportPage"]["columnMappings"]
    assert [(each["columnName"], each["propertyName"]) for each in columns] == [("Record ID", "hs_object_id"), *((n, n) for n in NAMES)]
    assert [each.get("columnType") for each in columns] == ["HUBSPOT_OBJECT_ID", None, None]
    rows = list(csv.reader(io.StringIO(table.content.decode(), newline="")))
    assert rows == [["Record ID", *NAMES], *([str(n), "A-", '+5 clicked "x", twice\n−3 é'] for n in (1, 2))]


def test_a_file_is_full_below_the_limits_of_hubspot() -> None:
    with make_import_file(1, max_rows=2) as one, make_import_file(2, max_rows=2) as two:
        assert (one.is_full, two.is_full) == (False, True)


def test_the_body_is_sent_with_its_length(server: FakeServer) -> None:
    server.respond("POST", IMPORTS, json_response(import_body()))
    assert start_import().id == "5"
    headers = server.headers[0]
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert int(headers["Content-Length"]) > 500
    assert "Authorization" in headers


@pytest.mark.parametrize(
    "lost", [html_response(502), network_error(requests.ConnectionError("reset")), network_error(requests.ReadTimeout("late"))]
)
def test_an_import_whose_reply_was_lost_is_found_by_name(server: FakeServer, lost: Any) -> None:
    server.respond("POST", IMPORTS, lost)
    server.respond(
        "GET",
        IMPORTS,
        json_response({"results": [import_body(4, name="another")], **next_page_body("4")}),
        json_response({"results": [import_body(5)]}),
    )
    assert start_import().id == "5"
    assert count_posts(server) == 1


def test_an_import_that_hubspot_never_got_is_sent_again(server: FakeServer) -> None:
    server.respond("POST", IMPORTS, html_response(502), json_response(import_body(6)))
    server.respond("GET", IMPORTS, json_response({"results": [import_body(4, name="another")]}))
    assert start_import().id == "6"
    assert count_posts(server) == 2


def test_an_import_is_not_retried_without_limit(server: FakeServer) -> None:
    server.respond("POST", IMPORTS, html_response(502))
    server.respond("GET", IMPORTS, json_response({"results": []}))
    with pytest.raises(Unavailable):
        start_import()
    assert count_posts(server) == 5


def test_a_rate_limited_import_is_retried(server: FakeServer) -> None:
    refused = error_body("You have reached your ten_secondly_rolling limit.", policyName="TEN_SECONDLY_ROLLING")
    server.respond("POST", IMPORTS, json_response(refused, 429), json_response(import_body()))
    assert start_import().id == "5"


@pytest.mark.parametrize(
    ("status", "category", "error"),
    [(403, "MISSING_SCOPES", MissingScope), (429, "RATE_LIMITS", BulkLimitReached), (400, "VALIDATION_ERROR", InvalidRequest)],
)
def test_a_permanent_error_is_reported_at_once(server: FakeServer, status: int, category: str, error: type[Exception]) -> None:
    server.respond("POST", IMPORTS, json_response(error_body("No more imports today.", category), status))
    with pytest.raises(error):
        start_import()
    assert len(server.paths) == 1


def test_an_import_is_polled_until_it_has_finished(server: FakeServer) -> None:
    clock = FakeClock()
    waiting = Poller(timeout=timedelta(minutes=5), heartbeat=lambda: None)
    answers = [import_body(state="DEFERRED"), import_body(state="PROCESSING"), import_body(state="DONE", UPDATED_OBJECTS=2)]
    server.respond("GET", f"{IMPORTS}/5", *map(json_response, answers))
    ended = make_client(clock).imports.wait_until_finished("5", waiting)
    assert ended is not None
    assert (ended.is_successful, ended.counters, clock.slept) == (True, {"UPDATED_OBJECTS": 2}, [2, 6, 18])
    server.respond("GET", f"{IMPORTS}/6", json_response(import_body(6, "PROCESSING")))
    assert make_client(clock).imports.wait_until_finished("6", waiting) is None


def test_errors_name_the_contact_if_hubspot_returns_the_row(server: FakeServer) -> None:
    first = {"errorType": "INVALID_OPTION", "errorMessage": "x was not one of", "sourceData": {"lineNumber": 2, "rowData": ["17", "x"]}}
    second = {"errorMessage": "a@b.c is odd", "sourceData": {"lineNumber": 3}}
    server.respond(
        "GET", f"{IMPORTS}/5/errors", json_response({"results": [first], **next_page_body("1")}), json_response({"results": [second]})
    )
    errors = list(make_client().imports.read_errors("5"))
    assert [(error.contact_id, error.reason) for error in errors] == [(17, "INVALID_OPTION"), (None, "<address> is odd")]
    assert [query.get("after") for query in server.queries] == [None, "1"]
    assert server.queries[0]["includeRowData"] == "true"
