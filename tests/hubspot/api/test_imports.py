"""Imports: one body with a table, sent once, and what becomes of its rows."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import orjson
import pytest
import requests

from sync_worker.errors import Unavailable
from sync_worker.hubspot.api.import_file import ImportFile
from sync_worker.hubspot.api.polling import Poller
from sync_worker.hubspot.records.models import Import
from sync_worker.hubspot.rest.error_responses import BulkLimitReached, InvalidRequest, MissingScope
from sync_worker.sandbox.request.multipart import parse_parts
from tests.hubspot.fakes import SAID, HandWoundClock, Server, an_error, breaks, connected, paging, says, says_html

IMPORTS = "/crm/v3/imports"
NAMES = ("lead_grade", "lead_score_reasons")


def an_import(number: int = 5, state: str = "STARTED", name: str = "scores", **counters: int) -> dict[str, Any]:
    return {"id": number, "importName": name, "state": state, "createdAt": SAID, "metadata": {"counters": counters}}


def a_table(rows: int = 2, **limits: int) -> ImportFile:
    file = ImportFile("scores", NAMES, **limits)
    for number in range(1, rows + 1):
        file.add_contact(number, {"lead_grade": "A-", "lead_score_reasons": '+5 clicked "x", twice\n−3 é', "other": "left out"})
    return file


def begun() -> Import:
    with a_table() as file:
        return connected().imports.start(file)


def posts(server: Server) -> int:
    return server.paths.count(f"POST {IMPORTS}")


def test_the_body_explains_its_columns_and_holds_every_value() -> None:
    with a_table() as file:
        upload = file.build_upload()
        upload.file.seek(0)
        request, table = parse_parts(upload.file.read(), upload.content_type)
    said = orjson.loads(request.content)
    assert (request.name, table.name, table.filename, said["name"]) == ("importRequest", "files", "contacts.csv", "scores")
    assert said["importOperations"] == {"0-1": "UPDATE"}
    columns = said["files"][0]["fileImportPage"]["columnMappings"]
    assert [(each["columnName"], each["propertyName"]) for each in columns] == [("Record ID", "hs_object_id"), *((n, n) for n in NAMES)]
    assert [each.get("columnType") for each in columns] == ["HUBSPOT_OBJECT_ID", None, None]
    rows = list(csv.reader(io.StringIO(table.content.decode(), newline="")))
    assert rows == [["Record ID", *NAMES], *([str(n), "A-", '+5 clicked "x", twice\n−3 é'] for n in (1, 2))]


def test_a_file_is_full_before_hubspot_finds_it_too_long() -> None:
    with a_table(1, most_rows=2) as one, a_table(2, most_rows=2) as two:
        assert (one.is_full, two.is_full) == (False, True)


def test_the_body_is_sent_whole_with_its_length(server: Server) -> None:
    server.on("POST", IMPORTS, says(an_import()))
    assert begun().id == "5"
    headers = server.headers[0]
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert int(headers["Content-Length"]) > 500
    assert "Authorization" in headers


@pytest.mark.parametrize("lost", [says_html(502), breaks(requests.ConnectionError("reset")), breaks(requests.ReadTimeout("late"))])
def test_an_import_whose_answer_was_lost_is_found_by_its_name_and_not_sent_again(server: Server, lost: Any) -> None:
    server.on("POST", IMPORTS, lost)
    server.on("GET", IMPORTS, says({"results": [an_import(4, name="another")], **paging("4")}), says({"results": [an_import(5)]}))
    assert begun().id == "5"
    assert posts(server) == 1


def test_an_import_that_hubspot_never_got_is_sent_again(server: Server) -> None:
    server.on("POST", IMPORTS, says_html(502), says(an_import(6)))
    server.on("GET", IMPORTS, says({"results": [an_import(4, name="another")]}))
    assert begun().id == "6"
    assert posts(server) == 2


def test_an_import_is_not_sent_for_ever(server: Server) -> None:
    server.on("POST", IMPORTS, says_html(502))
    server.on("GET", IMPORTS, says({"results": []}))
    with pytest.raises(Unavailable):
        begun()
    assert posts(server) == 5


def test_a_refusal_for_pace_is_waited_for(server: Server) -> None:
    refused = an_error("You have reached your ten_secondly_rolling limit.", policyName="TEN_SECONDLY_ROLLING")
    server.on("POST", IMPORTS, says(refused, 429), says(an_import()))
    assert begun().id == "5"


@pytest.mark.parametrize(
    ("status", "category", "error"),
    [(403, "MISSING_SCOPES", MissingScope), (429, "RATE_LIMITS", BulkLimitReached), (400, "VALIDATION_ERROR", InvalidRequest)],
)
def test_a_refusal_for_good_is_told_at_once(server: Server, status: int, category: str, error: type[Exception]) -> None:
    server.on("POST", IMPORTS, says(an_error("No more imports today.", category), status))
    with pytest.raises(error):
        begun()
    assert len(server.paths) == 1


def test_an_import_is_waited_for_until_it_is_over(server: Server) -> None:
    clock = HandWoundClock()
    waiting = Poller(timeout=timedelta(minutes=5), heartbeat=lambda: None)
    answers = [an_import(state="DEFERRED"), an_import(state="PROCESSING"), an_import(state="DONE", UPDATED_OBJECTS=2)]
    server.on("GET", f"{IMPORTS}/5", *map(says, answers))
    ended = connected(clock).imports.wait_until_finished("5", waiting)
    assert ended is not None
    assert (ended.is_successful, ended.counters, clock.slept) == (True, {"UPDATED_OBJECTS": 2}, [2, 6, 18])
    server.on("GET", f"{IMPORTS}/6", says(an_import(6, "PROCESSING")))
    assert connected(clock).imports.wait_until_finished("6", waiting) is None


def test_errors_name_the_contact_where_hubspot_shows_the_row(server: Server) -> None:
    first = {"errorType": "INVALID_OPTION", "errorMessage": "x was not one of", "sourceData": {"lineNumber": 2, "rowData": ["17", "x"]}}
    second = {"errorMessage": "a@b.c is odd", "sourceData": {"lineNumber": 3}}
    server.on("GET", f"{IMPORTS}/5/errors", says({"results": [first], **paging("1")}), says({"results": [second]}))
    errors = list(connected().imports.read_errors("5"))
    assert [(error.contact_id, error.reason) for error in errors] == [(17, "INVALID_OPTION"), (None, "<address> is odd")]
    assert [query.get("after") for query in server.queries] == [None, "1"]
    assert server.queries[0]["includeRowData"] == "true"
