"""Exports: start, poll, download without the token, read row by row."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import requests

from sync_worker.errors import Forbidden
from sync_worker.hubspot.api.bulk import exports
from sync_worker.hubspot.api.bulk.csv_file import UnusableExport
from sync_worker.hubspot.api.bulk.polling import Poller
from sync_worker.hubspot.records.models import Contact
from sync_worker.hubspot.rest.error_responses import BulkLimitReached
from tests.hubspot.fakes import BASE_URL, FakeClock, FakeResponse, FakeServer, error_body, json_response, make_client, network_error

START = "/crm/v3/exports/export/async"
STATUS = f"{START}/tasks/7/status"
FILE = "/files/secret"
DONE = json_response({"status": "COMPLETE", "result": BASE_URL + FILE})
PROCESSING = json_response({"status": "PROCESSING"})
EXPIRED: FakeResponse = (403, {}, b"<Error>Request has expired</Error>")
HEADER = "Record ID,hs_object_id,createdate,lastmodifieddate,email,jobtitle"
ROWS = (
    '1,1,2024-01-02T03:04:05Z,2026-01-02T03:04:05.678Z,a@b.c,"CTO, ""acting"""',
    '2,2,2024-01-02T03:04:05Z,2026-01-02T03:04:05.678Z,,"two\r\nlines"',
)


def csv_table(*rows: str, head: str = HEADER) -> bytes:
    return "\r\n".join((head, *rows, "")).encode("utf-8-sig")


def file_response(content: bytes) -> FakeResponse:
    return 200, {"Content-Type": "application/octet-stream"}, content


def zip_archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.csv", content)
    return out.getvalue()


def make_poller(minutes: float = 60) -> Poller:
    return Poller(timeout=timedelta(minutes=minutes), heartbeat=lambda: None)


def read_export(clock: FakeClock | None = None, *, names: Sequence[str] = ("email", "jobtitle"), minutes: float = 60) -> list[Contact]:
    hubspot = make_client(clock)
    with hubspot.exports.open_when_ready("7", make_poller(minutes)) as sheet:
        return list(exports.read_contacts(sheet, names))


def read_content(server: FakeServer, content: bytes) -> list[Contact]:
    server.respond("GET", STATUS, DONE)
    server.respond("GET", FILE, file_response(content))
    return read_export()


def test_an_export_requests_internal_names_values_ids_and_timestamps(server: FakeServer) -> None:
    server.respond("POST", START, json_response({"id": 7}, 202))
    assert make_client().exports.start("COMPANY", ("domain", "hs_object_id"), name="run x") == "7"
    (body,) = server.bodies
    assert body["exportInternalValuesOptions"] == ["NAMES", "VALUES"]
    assert body["objectProperties"] == ["hs_object_id", "hs_lastmodifieddate", "domain"]
    assert (body["objectType"], body["exportType"], body["format"], body["language"]) == ("COMPANY", "VIEW", "CSV", "EN")


def test_a_row_equals_the_record_of_the_api(server: FakeServer) -> None:
    first, second = read_content(server, csv_table(*ROWS))
    assert (first.id, first.properties) == (1, {"email": "a@b.c", "jobtitle": 'CTO, "acting"'})
    assert (second.id, second.properties) == (2, {"email": None, "jobtitle": "two\r\nlines"})
    # Slightly earlier, so that the same record from the API does not look older.
    assert first.updated_at == datetime(2026, 1, 2, 3, 4, 4, 678_000, tzinfo=UTC)


def test_a_large_export_is_a_zip_of_several_files(server: FakeServer) -> None:
    assert [one.id for one in read_content(server, zip_archive(a=csv_table(ROWS[0]), b=csv_table(ROWS[1])))] == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        zip_archive(a=csv_table(*ROWS))[:-40],
        csv_table(*ROWS)[:-6],
        csv_table("1,1"),
        csv_table("1,x", head="hs_object_id,email"),
        csv_table(ROWS[0].replace("1,1,", "one,one,")),
        b"\xff\xfe not text",
    ],
    ids=["half a zip", "half a row", "cells missing", "columns missing", "no number", "no text"],
)
def test_a_damaged_file_is_not_used(server: FakeServer, content: bytes) -> None:
    with pytest.raises(UnusableExport):
        read_content(server, content)


def test_an_export_is_polled_with_growing_intervals(server: FakeServer) -> None:
    clock = FakeClock()
    server.respond("GET", STATUS, *[PROCESSING] * 3, DONE)
    server.respond("GET", FILE, file_response(csv_table(*ROWS)))
    assert len(read_export(clock)) == 2
    assert clock.slept == [2, 6, 18, 30, 24]


def test_polling_sends_a_heartbeat_at_least_twice_a_minute() -> None:
    clock, beats = FakeClock(), list[float]()
    Poller(timeout=timedelta(minutes=10), heartbeat=lambda: beats.append(clock.monotonic())).poll(lambda: None, clock)
    assert sum(clock.slept) == pytest.approx(600)
    assert max(later - earlier for earlier, later in pairwise(beats)) <= 30


def test_polling_an_export_times_out(server: FakeServer) -> None:
    server.respond("GET", STATUS, PROCESSING)
    with pytest.raises(UnusableExport, match="has not finished an export after 0:05:00"):
        read_export(minutes=5)


@pytest.mark.parametrize("status", [{"status": "CANCELED"}, {"status": "COMPLETE", "result": f"{BASE_URL}{FILE}", "numErrors": 3}])
def test_a_failed_or_incomplete_export_is_not_used(server: FakeServer, status: dict[str, object]) -> None:
    server.respond("GET", STATUS, json_response(status))
    with pytest.raises(UnusableExport, match="export failed"):
        read_export()


def test_an_expired_download_url_is_requested_again(server: FakeServer) -> None:
    server.respond("GET", STATUS, DONE)
    server.respond("GET", FILE, EXPIRED, file_response(csv_table(*ROWS)))
    assert len(read_export()) == 2
    assert server.paths == [f"GET {STATUS}", f"GET {FILE}"] * 2


def test_an_interrupted_download_restarts(server: FakeServer) -> None:
    server.respond("GET", STATUS, DONE)
    server.respond("GET", FILE, network_error(requests.exceptions.ChunkedEncodingError("broken")), file_response(csv_table(*ROWS)))
    assert [one.id for one in read_export()] == [1, 2]


def test_a_failed_download_does_not_reveal_its_url(server: FakeServer) -> None:
    server.respond("GET", STATUS, DONE)
    server.respond("GET", FILE, network_error(requests.ConnectionError(f"{BASE_URL}{FILE}?signature=x")))
    with pytest.raises(UnusableExport, match="All 5 attempts failed") as raised:
        read_export()
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_the_token_is_not_sent_to_the_download_host(server: FakeServer) -> None:
    server.respond("GET", STATUS, DONE)
    server.respond("GET", FILE, (302, {"Location": "/elsewhere"}, b""))
    server.respond("GET", "/elsewhere", file_response(csv_table(*ROWS)))
    read_export()
    assert ["Authorization" in headers for headers in server.headers] == [True, False, False]


@pytest.mark.parametrize("address", ["http://files.example.com/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "https:///x"])
def test_a_file_is_downloaded_by_https_only(server: FakeServer, address: str) -> None:
    server.respond("GET", STATUS, json_response({"status": "COMPLETE", "result": address}))
    with pytest.raises(UnusableExport, match="not https"):
        read_export()
    assert {path.split()[1] for path in server.paths} == {STATUS}


def test_a_redirect_away_from_https_is_not_followed(server: FakeServer) -> None:
    server.respond("GET", STATUS, DONE)
    server.respond("GET", FILE, (302, {"Location": "http://files.example.com/x"}, b""))
    with pytest.raises(UnusableExport, match="not https"):
        read_export()


def test_the_daily_export_limit_is_reported_at_once(server: FakeServer) -> None:
    clock = FakeClock()
    server.respond("POST", START, json_response(error_body("The limit of 30 exports in 24 hours is reached.", "RATE_LIMITS"), 429))
    with pytest.raises(BulkLimitReached, match="30 exports"):
        make_client(clock).exports.start("CONTACT", (), name="x")
    assert (len(server.paths), clock.slept) == (1, [])


def test_a_rate_limited_export_is_retried(server: FakeServer) -> None:
    refused = error_body("You have reached your ten_secondly_rolling limit.", policyName="TEN_SECONDLY_ROLLING")
    server.respond("POST", START, json_response(refused, 429), json_response({"id": 7}, 202))
    assert make_client().exports.start("CONTACT", (), name="x") == "7"


def test_access_to_exports_is_checked_without_creating_one(server: FakeServer) -> None:
    path = STATUS.replace("/7/", "/0/")
    server.respond(
        "GET",
        path,
        json_response(error_body("Export 0 does not exist.", "OBJECT_NOT_FOUND"), 404),
        json_response(error_body("no", "MISSING_SCOPES"), 403),
    )
    hubspot = make_client()
    hubspot.exports.check_access()
    with pytest.raises(Forbidden):
        hubspot.exports.check_access()
