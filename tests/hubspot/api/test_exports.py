"""Exports: begun, waited for, fetched without the token, read row by row."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import requests

from sync_worker.errors import Forbidden
from sync_worker.hubspot.api import exports
from sync_worker.hubspot.api.csv_file import UnusableExport
from sync_worker.hubspot.api.polling import Poller
from sync_worker.hubspot.records.models import Contact
from sync_worker.hubspot.rest.error_responses import BulkLimitReached
from tests.hubspot.fakes import BASE, Answer, HandWoundClock, Server, an_error, breaks, connected, says

START = "/crm/v3/exports/export/async"
STATUS = f"{START}/tasks/7/status"
FILE = "/files/secret"
DONE = says({"status": "COMPLETE", "result": BASE + FILE})
PROCESSING = says({"status": "PROCESSING"})
EXPIRED: Answer = (403, {}, b"<Error>Request has expired</Error>")
HEAD = "Record ID,hs_object_id,createdate,lastmodifieddate,email,jobtitle"
ROWS = (
    '1,1,2024-01-02T03:04:05Z,2026-01-02T03:04:05.678Z,a@b.c,"CTO, ""acting"""',
    '2,2,2024-01-02T03:04:05Z,2026-01-02T03:04:05.678Z,,"two\r\nlines"',
)


def table(*rows: str, head: str = HEAD) -> bytes:
    return "\r\n".join((head, *rows, "")).encode("utf-8-sig")


def a_file(content: bytes) -> Answer:
    return 200, {"Content-Type": "application/octet-stream"}, content


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.csv", content)
    return out.getvalue()


def waiting(minutes: float = 60) -> Poller:
    return Poller(timeout=timedelta(minutes=minutes), heartbeat=lambda: None)


def read(clock: HandWoundClock | None = None, *, names: Sequence[str] = ("email", "jobtitle"), minutes: float = 60) -> list[Contact]:
    hubspot = connected(clock)
    with hubspot.exports.open_when_ready("7", waiting(minutes)) as sheet:
        return list(exports.read_contacts(sheet, names))


def answered(server: Server, content: bytes) -> list[Contact]:
    server.on("GET", STATUS, DONE)
    server.on("GET", FILE, a_file(content))
    return read()


def test_an_export_asks_for_names_and_values_and_for_what_tells_who_and_when(server: Server) -> None:
    server.on("POST", START, says({"id": 7}, 202))
    assert connected().exports.start("COMPANY", ("domain", "hs_object_id"), name="run x") == "7"
    (body,) = server.bodies
    assert body["exportInternalValuesOptions"] == ["NAMES", "VALUES"]
    assert body["objectProperties"] == ["hs_object_id", "hs_lastmodifieddate", "domain"]
    assert (body["objectType"], body["exportType"], body["format"], body["language"]) == ("COMPANY", "VIEW", "CSV", "EN")


def test_a_row_is_what_the_api_would_show(server: Server) -> None:
    first, second = answered(server, table(*ROWS))
    assert (first.id, first.properties) == (1, {"email": "a@b.c", "jobtitle": 'CTO, "acting"'})
    assert (second.id, second.properties) == (2, {"email": None, "jobtitle": "two\r\nlines"})
    # A little early, so that the same state read by the API is not taken for an older one.
    assert first.updated_at == datetime(2026, 1, 2, 3, 4, 4, 678_000, tzinfo=UTC)


def test_a_large_export_comes_zipped_in_several_files(server: Server) -> None:
    assert [one.id for one in answered(server, zipped(a=table(ROWS[0]), b=table(ROWS[1])))] == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        zipped(a=table(*ROWS))[:-40],
        table(*ROWS)[:-6],
        table("1,1"),
        table("1,x", head="hs_object_id,email"),
        table(ROWS[0].replace("1,1,", "one,one,")),
        b"\xff\xfe not text",
    ],
    ids=["half a zip", "half a row", "cells missing", "columns missing", "no number", "no text"],
)
def test_a_damaged_file_is_not_used(server: Server, content: bytes) -> None:
    with pytest.raises(UnusableExport):
        answered(server, content)


def test_an_export_is_looked_at_ever_more_seldom(server: Server) -> None:
    clock = HandWoundClock()
    server.on("GET", STATUS, *[PROCESSING] * 3, DONE)
    server.on("GET", FILE, a_file(table(*ROWS)))
    assert len(read(clock)) == 2
    assert clock.slept == [2, 6, 18, 30, 24]


def test_who_waits_says_so_at_least_twice_a_minute() -> None:
    clock, beats = HandWoundClock(), list[float]()
    Poller(timeout=timedelta(minutes=10), heartbeat=lambda: beats.append(clock.monotonic())).poll(lambda: None, clock)
    assert sum(clock.slept) == pytest.approx(600)
    assert max(later - earlier for earlier, later in pairwise(beats)) <= 30


def test_an_export_is_not_waited_for_for_ever(server: Server) -> None:
    server.on("GET", STATUS, PROCESSING)
    with pytest.raises(UnusableExport, match="not done with an export after 0:05:00"):
        read(minutes=5)


@pytest.mark.parametrize("status", [{"status": "CANCELED"}, {"status": "COMPLETE", "result": f"{BASE}{FILE}", "numErrors": 3}])
def test_an_export_that_failed_or_leaves_something_out_is_not_used(server: Server, status: dict[str, object]) -> None:
    server.on("GET", STATUS, says(status))
    with pytest.raises(UnusableExport, match="come to nothing"):
        read()


def test_an_address_that_has_expired_is_asked_for_anew(server: Server) -> None:
    server.on("GET", STATUS, DONE)
    server.on("GET", FILE, EXPIRED, a_file(table(*ROWS)))
    assert len(read()) == 2
    assert server.paths == [f"GET {STATUS}", f"GET {FILE}"] * 2


def test_a_file_that_breaks_off_is_fetched_from_the_beginning(server: Server) -> None:
    server.on("GET", STATUS, DONE)
    server.on("GET", FILE, breaks(requests.exceptions.ChunkedEncodingError("broken")), a_file(table(*ROWS)))
    assert [one.id for one in read()] == [1, 2]


def test_a_file_that_can_never_be_had_is_given_up_without_telling_its_address(server: Server) -> None:
    server.on("GET", STATUS, DONE)
    server.on("GET", FILE, breaks(requests.ConnectionError(f"{BASE}{FILE}?signature=x")))
    with pytest.raises(UnusableExport, match="5 times") as raised:
        read()
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_the_token_is_not_sent_to_where_the_file_lies(server: Server) -> None:
    server.on("GET", STATUS, DONE)
    server.on("GET", FILE, (302, {"Location": "/elsewhere"}, b""))
    server.on("GET", "/elsewhere", a_file(table(*ROWS)))
    read()
    assert ["Authorization" in headers for headers in server.headers] == [True, False, False]


@pytest.mark.parametrize("address", ["http://files.example.com/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "https:///x"])
def test_a_file_is_fetched_by_https_alone(server: Server, address: str) -> None:
    server.on("GET", STATUS, says({"status": "COMPLETE", "result": address}))
    with pytest.raises(UnusableExport, match="not https"):
        read()
    assert {path.split()[1] for path in server.paths} == {STATUS}


def test_a_redirection_away_from_https_is_not_followed(server: Server) -> None:
    server.on("GET", STATUS, DONE)
    server.on("GET", FILE, (302, {"Location": "http://files.example.com/x"}, b""))
    with pytest.raises(UnusableExport, match="not https"):
        read()


def test_too_many_exports_in_a_day_are_told_at_once(server: Server) -> None:
    clock = HandWoundClock()
    server.on("POST", START, says(an_error("The limit of 30 exports in 24 hours is reached.", "RATE_LIMITS"), 429))
    with pytest.raises(BulkLimitReached, match="30 exports"):
        connected(clock).exports.start("CONTACT", (), name="x")
    assert (len(server.paths), clock.slept) == (1, [])


def test_the_ordinary_limit_is_waited_for(server: Server) -> None:
    refused = an_error("You have reached your ten_secondly_rolling limit.", policyName="TEN_SECONDLY_ROLLING")
    server.on("POST", START, says(refused, 429), says({"id": 7}, 202))
    assert connected().exports.start("CONTACT", (), name="x") == "7"


def test_whether_there_may_be_exports_is_asked_without_making_one(server: Server) -> None:
    path = STATUS.replace("/7/", "/0/")
    server.on("GET", path, says(an_error("Export 0 does not exist.", "OBJECT_NOT_FOUND"), 404), says(an_error("no", "MISSING_SCOPES"), 403))
    hubspot = connected()
    hubspot.exports.check_access()
    with pytest.raises(Forbidden):
        hubspot.exports.check_access()
