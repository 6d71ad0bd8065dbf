from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
import urllib3
from structlog.testing import capture_logs

from sync_worker.errors import ConfigurationError, ExitCode, Forbidden, NotFound, RateLimited, SyncWorkerError, Unauthorized, Unavailable
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.rest.clock import ConnectionClosed
from sync_worker.hubspot.rest.clock_skew import check
from sync_worker.hubspot.rest.daily_quota import DailyLimitReached
from sync_worker.hubspot.rest.retry import RetryPolicy
from tests.hubspot.fakes import BASE, STARTED, HandWoundClock, Server, a_row, an_error, breaks, connected, in_threads, says, says_html

DETAILS = "/account-info/v3/details"
ACCOUNT = {"portalId": 77, "timeZone": "Europe/Berlin", "accountType": "STANDARD", "companyCurrency": "EUR"}
BURST = an_error(
    "You have reached your ten_secondly_rolling limit.",
    errorType="RATE_LIMIT",
    policyName="TEN_SECONDLY_ROLLING",
    groupName="publicapi:private_app-api-calls-ten-secondly:1:77",
)
SECONDLY = an_error("You have reached your secondly limit.", errorType="RATE_LIMIT", policyName="SECONDLY")
DAILY = an_error("You have reached your daily limit.", errorType="RATE_LIMIT", policyName="DAILY", requestId="r")


@pytest.mark.parametrize(
    "fault",
    [
        says_html(502),
        says_html(503),
        says_html(504),
        says_html(524),
        says(an_error("internal error"), 500),
        says(an_error("Locked"), 423),
        says(status=477, Retry_After="3"),
        (200, {"Content-Type": "text/html"}, b"<html>"),
        (200, {"Content-Type": "application/json"}, b'{"portalId": 77, "timeZ'),
        breaks(requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted."))),
        breaks(requests.ReadTimeout()),
        breaks(requests.ConnectTimeout()),
        breaks(requests.exceptions.ChunkedEncodingError()),
    ],
)
def test_a_passing_fault_is_survived(hubspot: HubSpot, server: Server, fault: tuple[int, dict[str, str], bytes]) -> None:
    server.on("GET", DETAILS, fault, fault, says(ACCOUNT))

    assert hubspot.account.read_details().portal_id == 77
    assert hubspot.metrics.snapshot().retries == 2
    assert hubspot.metrics.snapshot().requests == {f"GET {DETAILS}": 3}


@pytest.mark.parametrize(("off", "which"), [(-301, "301 s ahead of"), (301, "301 s behind"), (86_400, "86,400 s behind")])
def test_a_clock_that_goes_wrong_is_refused_before_anything_is_believed(hubspot: HubSpot, server: Server, off: int, which: str) -> None:
    server.on("GET", DETAILS, says(ACCOUNT, Date=format_datetime(STARTED + timedelta(seconds=off), usegmt=True)))

    with pytest.raises(ConfigurationError, match=f"clock is {which} HubSpot's .*NTP"):
        hubspot.account.read_details()


@pytest.mark.parametrize(
    "headers",
    [
        {"Date": format_datetime(STARTED + timedelta(seconds=299), usegmt=True)},
        {"Date": format_datetime(STARTED - timedelta(seconds=300), usegmt=True)},
        {"Date": format_datetime(STARTED - timedelta(days=1), usegmt=True), "Age": "86400"},
        {"Date": "yesterday"},
        {},
    ],
)
def test_a_clock_that_goes_right_or_cannot_be_compared_is_trusted(hubspot: HubSpot, server: Server, headers: dict[str, str]) -> None:
    server.on("GET", DETAILS, says(ACCOUNT, **headers))

    assert hubspot.account.read_details().portal_id == 77


def test_a_reply_that_took_long_says_nothing_against_the_clock() -> None:
    sent = STARTED
    headers = {"Date": format_datetime(sent + timedelta(minutes=9), usegmt=True)}
    check(headers, sent_at=sent, received_at=sent + timedelta(minutes=10))


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [(401, Unauthorized, ExitCode.REFUSED), (403, Forbidden, ExitCode.REFUSED), (404, NotFound, ExitCode.SOME_REJECTED)],
)
def test_a_refusal_is_not_asked_twice(hubspot: HubSpot, server: Server, status: int, error: type[SyncWorkerError], code: ExitCode) -> None:
    server.on("GET", DETAILS, says(an_error("no"), status))

    with pytest.raises(error) as caught:
        hubspot.account.read_details()

    assert len(server.paths) == 1
    assert caught.value.exit_code == code


def test_each_retry_is_told_in_the_log(hubspot: HubSpot, server: Server) -> None:
    server.on("GET", DETAILS, says_html(502), says(ACCOUNT))

    with capture_logs() as logs:
        hubspot.account.read_details()

    (line,) = logs
    assert (line["event"], line["operation"], line["reason"]) == ("request.retried", "read the account's details", "HubSpot answered 502.")


def test_a_fault_that_stays_is_told_with_what_was_being_done(hubspot: HubSpot, server: Server) -> None:
    server.on("GET", DETAILS, says_html(502))

    with pytest.raises(Unavailable, match="read the account's details: HubSpot answered 502"):
        hubspot.account.read_details()

    assert len(server.paths) == 5


def test_an_address_where_nobody_listens_is_told_without_a_query_or_a_token() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
    clock = HandWoundClock()
    with connected(clock, base_url=base) as hubspot, pytest.raises(Unavailable) as caught:
        hubspot.email_events.read_page("CLICK", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))

    assert str(caught.value).startswith(f"read e-mail events: {base} cannot be reached: Connection refused.")
    assert len(clock.slept) == 2
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_name_that_leads_nowhere_is_told(server: Server, hubspot: HubSpot) -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    failure = requests.ConnectionError("https://api.hubapi.com/x?email=ann@acme.example")
    failure.__context__ = unknown
    server.on("GET", DETAILS, breaks(failure))

    with pytest.raises(Unavailable, match="Name or service not known") as caught:
        hubspot.account.read_details()

    assert "acme" not in str(caught.value)


def test_a_burst_refusal_holds_the_lane_for_ten_seconds_and_goes_on(hubspot: HubSpot, server: Server, clock: HandWoundClock) -> None:
    server.on("GET", DETAILS, says(BURST, 429), says(ACCOUNT))

    hubspot.account.read_details()

    assert 1_010 <= clock.time <= 1_012
    assert hubspot.metrics.snapshot().rate_limited == 1


def test_a_search_refusal_costs_a_second(hubspot: HubSpot, server: Server, clock: HandWoundClock) -> None:
    server.on("POST", "/crm/v3/objects/contacts/search", says(SECONDLY, 429), says({"total": 0, "results": []}))

    hubspot.contacts.read_id_range()

    assert 1_001 <= clock.time <= 1_003


def test_a_named_wait_is_kept(hubspot: HubSpot, server: Server, clock: HandWoundClock) -> None:
    server.on("GET", DETAILS, says(BURST, 429, Retry_After="4"), says(ACCOUNT))

    hubspot.account.read_details()

    assert 1_004 <= clock.time <= 1_006


def test_a_named_wait_beyond_all_patience_holds_nobody_up(hubspot: HubSpot, server: Server, clock: HandWoundClock) -> None:
    server.on("GET", DETAILS, says(BURST, 429, Retry_After="86400"), says(ACCOUNT))

    with pytest.raises(RateLimited) as caught:
        hubspot.account.read_details()

    assert caught.value.retry_after == 86_400
    assert clock.slept == []
    hubspot.account.read_details()
    assert clock.time <= 1_000 + 121


def test_twenty_seconds_of_refusals_are_survived(server: Server, clock: HandWoundClock) -> None:
    server.on("GET", DETAILS, *[says(BURST, 429)] * 3, says(ACCOUNT))

    with connected(clock, patience=RetryPolicy()) as hubspot:
        assert hubspot.account.read_details().portal_id == 77


def test_refusals_without_end_are_told_as_such(hubspot: HubSpot, server: Server) -> None:
    server.on("GET", DETAILS, says(BURST, 429))

    with pytest.raises(RateLimited, match="TEN_SECONDLY_ROLLING"):
        hubspot.account.read_details()


def test_the_end_of_the_day_stops_everything_at_once(hubspot: HubSpot, server: Server, clock: HandWoundClock) -> None:
    server.on("GET", DETAILS, says(ACCOUNT), says(DAILY, 429))
    hubspot.account.read_details()

    with pytest.raises(DailyLimitReached) as caught:
        hubspot.account.read_details()
    with pytest.raises(DailyLimitReached):
        hubspot.account.read_details()

    assert len(server.paths) == 2  # the third was not sent
    assert clock.slept == []
    assert caught.value.resets_at == datetime(2026, 11, 20, 23, 0, tzinfo=UTC)  # midnight in Berlin, learned from the details
    assert caught.value.exit_code == ExitCode.TRY_AGAIN


def test_a_closed_connection_lets_nobody_wait(hubspot: HubSpot, server: Server) -> None:
    server.on("GET", DETAILS, says(ACCOUNT))
    hubspot.close()

    with pytest.raises(ConnectionClosed):
        hubspot.account.read_details()

    assert server.paths == []


def test_the_limit_is_learned_from_the_first_reply(server: Server, clock: HandWoundClock) -> None:
    limits = {
        "X_HubSpot_RateLimit_Max": "190",
        "X_HubSpot_RateLimit_Remaining": "189",
        "X_HubSpot_RateLimit_Interval_Milliseconds": "10000",
    }
    server.on("GET", DETAILS, says(ACCOUNT, **limits), says(ACCOUNT))

    with connected(clock) as hubspot:
        for _ in range(190):
            hubspot.account.read_details()
        assert clock.time == 1_000
        hubspot.account.read_details()

    assert clock.time > 1_010


def test_both_versions_of_the_paths_are_spoken(server: Server) -> None:
    server.on("GET", "/crm/v3/objects/contacts", says({"results": [a_row(1)]}))
    server.on("GET", "/crm/objects/2026-09/contacts", says({"results": [a_row(1)]}))

    for version in ("v3", "2026-09"):
        with connected(api_version=version) as hubspot:
            assert [contact.id for contact in hubspot.contacts.list_from_id(0, ["email"]).items] == [1]

    assert server.paths == ["GET /crm/v3/objects/contacts", "GET /crm/objects/2026-09/contacts"]


def test_traffic_is_counted_from_any_thread(hubspot: HubSpot, server: Server) -> None:
    server.on("GET", DETAILS, says(ACCOUNT))
    before = hubspot.metrics.snapshot()

    def ask(_: int) -> None:
        for _ in range(5):
            hubspot.account.read_details()

    in_threads(4, ask)

    grown = hubspot.metrics.snapshot().subtract(before)
    assert grown.requests == {f"GET {DETAILS}": 20}
    assert grown.total == 20
    assert hubspot.metrics.snapshot().subtract(hubspot.metrics.snapshot()).requests == {}


def test_a_redirect_is_not_followed(hubspot: HubSpot, server: Server) -> None:
    server.on("GET", DETAILS, (302, {"Location": "https://elsewhere.example/"}, b""))

    with pytest.raises(Unavailable, match="302"):
        hubspot.account.read_details()

    assert {call.split()[1] for call in server.paths} == {DETAILS}
    assert BASE.startswith("http://127.0.0.1")
