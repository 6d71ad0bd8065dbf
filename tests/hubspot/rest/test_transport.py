from __future__ import annotations

import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from sync_worker.errors import (
    ConfigurationError,
    ExitCode,
    Forbidden,
    NotFound,
    PortalBusy,
    RateLimited,
    SyncWorkerError,
    Unauthorized,
    Unavailable,
)
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.rest.clock import ConnectionClosed
from sync_worker.hubspot.rest.clock_skew import check
from sync_worker.hubspot.rest.daily_quota import DailyLimitReached
from sync_worker.hubspot.rest.rate_limiter import RateLimitSettings
from sync_worker.hubspot.rest.retry import RetryPolicy
from tests.hubspot.fakes import (
    START_TIME,
    FakeClock,
    FakeServer,
    error_body,
    html_response,
    json_response,
    make_client,
    make_record,
    network_error,
    run_in_threads,
    serve_fake,
)

DETAILS = "/account-info/v3/details"
ACCOUNT = {"portalId": 77, "timeZone": "Europe/Berlin", "accountType": "STANDARD", "companyCurrency": "EUR"}
BURST = error_body(
    "You have reached your ten_secondly_rolling limit.",
    errorType="RATE_LIMIT",
    policyName="TEN_SECONDLY_ROLLING",
    groupName="publicapi:private_app-api-calls-ten-secondly:1:77",
)
SECONDLY = error_body("You have reached your secondly limit.", errorType="RATE_LIMIT", policyName="SECONDLY")
DAILY = error_body("You have reached your daily limit.", errorType="RATE_LIMIT", policyName="DAILY", requestId="r")


@pytest.mark.parametrize(
    "fault",
    [
        html_response(401),
        html_response(403),
        html_response(404),
        json_response({"message": "Forbidden"}, 403),
        html_response(502),
        html_response(503),
        html_response(504),
        html_response(524),
        json_response(error_body("internal error"), 500),
        json_response(error_body("Locked"), 423),
        json_response(status=477, Retry_After="3"),
        (200, {"Content-Type": "text/html"}, b"<html>"),
        (200, {"Content-Type": "application/json"}, b'{"portalId": 77, "timeZ'),
        network_error(requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted."))),
        network_error(requests.ReadTimeout()),
        network_error(requests.ConnectTimeout()),
        network_error(requests.exceptions.ChunkedEncodingError()),
    ],
)
def test_a_transient_fault_is_retried(hubspot: HubSpot, server: FakeServer, fault: tuple[int, dict[str, str], bytes]) -> None:
    server.respond("GET", DETAILS, fault, fault, json_response(ACCOUNT))

    assert hubspot.account.read_details().portal_id == 77
    assert hubspot.metrics.snapshot().retries == 2
    assert hubspot.metrics.snapshot().requests == {f"GET {DETAILS}": 3}


@pytest.mark.parametrize("permitted", [0, 1, 2])
def test_a_request_and_each_retry_need_a_permit(hubspot: HubSpot, server: FakeServer, permitted: int) -> None:
    server.respond("GET", DETAILS, html_response(502))
    permits = iter([30.0] * permitted)

    def permit() -> float:
        try:
            return next(permits)
        except StopIteration:
            raise PortalBusy("lost") from None

    with hubspot.require_permit(permit), pytest.raises(PortalBusy, match="lost"):
        hubspot.account.read_details()
    assert len(server.paths) == permitted
    assert {call_timeout for _, call_timeout in server.timeouts} <= {30.0}
    with pytest.raises(Unavailable):
        hubspot.account.read_details()


@pytest.mark.parametrize(("off", "which"), [(-301, "301 s ahead of"), (301, "301 s behind"), (86_400, "86,400 s behind")])
def test_a_skewed_clock_is_rejected_before_any_response_is_used(hubspot: HubSpot, server: FakeServer, off: int, which: str) -> None:
    server.respond("GET", DETAILS, json_response(ACCOUNT, Date=format_datetime(START_TIME + timedelta(seconds=off), usegmt=True)))

    with pytest.raises(ConfigurationError, match=f"clock is {which} HubSpot's .*NTP"):
        hubspot.account.read_details()


@pytest.mark.parametrize(
    "headers",
    [
        {"Date": format_datetime(START_TIME + timedelta(seconds=299), usegmt=True)},
        {"Date": format_datetime(START_TIME - timedelta(seconds=300), usegmt=True)},
        {"Date": format_datetime(START_TIME - timedelta(days=1), usegmt=True), "Age": "86400"},
        {"Date": "yesterday"},
        {"Date": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"Date": "Fri, 31 Dec 9999 23:59:59 -1200"},
        {},
    ],
)
def test_a_correct_or_incomparable_clock_is_accepted(hubspot: HubSpot, server: FakeServer, headers: dict[str, str]) -> None:
    server.respond("GET", DETAILS, json_response(ACCOUNT, **headers))

    assert hubspot.account.read_details().portal_id == 77


def test_a_slow_response_is_no_evidence_of_clock_skew() -> None:
    sent = START_TIME
    headers = {"Date": format_datetime(sent + timedelta(minutes=9), usegmt=True)}
    check(headers, sent_at=sent, received_at=sent + timedelta(minutes=10))

    with pytest.raises(ConfigurationError, match="540 s behind"):  # the same date in a fast response
        check(headers, sent_at=sent, received_at=sent)


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [(401, Unauthorized, ExitCode.REFUSED), (403, Forbidden, ExitCode.REFUSED), (404, NotFound, ExitCode.REFUSED)],
)
def test_a_permanent_error_is_not_retried(
    hubspot: HubSpot, server: FakeServer, status: int, error: type[SyncWorkerError], code: ExitCode
) -> None:
    server.respond("GET", DETAILS, json_response(error_body("no"), status))

    with pytest.raises(error) as caught:
        hubspot.account.read_details()

    assert len(server.paths) == 1
    assert caught.value.exit_code == code


def test_each_retry_is_logged(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", DETAILS, html_response(502), json_response(ACCOUNT))

    with capture_logs() as logs:
        hubspot.account.read_details()

    (line,) = logs
    assert (line["event"], line["operation"], line["reason"]) == ("request.retried", "read the account's details", "HubSpot answered 502.")


def test_a_persistent_error_names_the_operation(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", DETAILS, html_response(502))

    with pytest.raises(Unavailable, match="read the account's details: HubSpot answered 502"):
        hubspot.account.read_details()

    assert len(server.paths) == 5


def test_a_refused_connection_is_reported_without_query_or_token() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
    clock = FakeClock()
    with make_client(clock, base_url=base) as hubspot, pytest.raises(Unavailable) as caught:
        hubspot.email_events.read_page("CLICK", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))

    assert str(caught.value).startswith(f"read email events: {base} cannot be reached: Connection refused.")
    assert len(clock.slept) == 2
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_unknown_host_name_is_reported(server: FakeServer, hubspot: HubSpot) -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    failure = requests.ConnectionError("https://api.hubapi.com/x?email=ann@acme.example")
    failure.__context__ = unknown
    server.respond("GET", DETAILS, network_error(failure))

    with pytest.raises(Unavailable, match="Name or service not known") as caught:
        hubspot.account.read_details()

    assert "acme" not in str(caught.value)


def test_a_burst_429_pauses_the_budget_for_ten_seconds(hubspot: HubSpot, server: FakeServer, clock: FakeClock) -> None:
    server.respond("GET", DETAILS, json_response(BURST, 429), json_response(ACCOUNT))

    hubspot.account.read_details()

    assert 1_010 <= clock.time <= 1_012
    assert hubspot.metrics.snapshot().rate_limited == 1


def test_a_search_429_pauses_for_a_second(hubspot: HubSpot, server: FakeServer, clock: FakeClock) -> None:
    server.respond("POST", "/crm/v3/objects/contacts/search", json_response(SECONDLY, 429), json_response({"total": 0, "results": []}))

    hubspot.contacts.read_id_range()

    assert 1_001 <= clock.time <= 1_003


def test_a_retry_after_header_is_respected(hubspot: HubSpot, server: FakeServer, clock: FakeClock) -> None:
    server.respond("GET", DETAILS, json_response(BURST, 429, Retry_After="4"), json_response(ACCOUNT))

    hubspot.account.read_details()

    assert 1_004 <= clock.time <= 1_006


def test_retry_after_beyond_the_maximum_wait_blocks_no_other_request(hubspot: HubSpot, server: FakeServer, clock: FakeClock) -> None:
    server.respond("GET", DETAILS, json_response(BURST, 429, Retry_After="86400"), json_response(ACCOUNT))

    with pytest.raises(RateLimited) as caught:
        hubspot.account.read_details()

    assert caught.value.retry_after == 86_400
    assert clock.slept == []
    hubspot.account.read_details()
    assert clock.time <= 1_000 + 121


def test_twenty_seconds_of_429s_are_survived(server: FakeServer, clock: FakeClock) -> None:
    server.respond("GET", DETAILS, *[json_response(BURST, 429)] * 3, json_response(ACCOUNT))

    with make_client(clock, retry_policy=RetryPolicy()) as hubspot:
        assert hubspot.account.read_details().portal_id == 77


def test_endless_429s_are_reported_as_rate_limiting(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", DETAILS, json_response(BURST, 429))

    with pytest.raises(RateLimited, match="TEN_SECONDLY_ROLLING"):
        hubspot.account.read_details()


def test_the_daily_limit_stops_all_calls_at_once(hubspot: HubSpot, server: FakeServer, clock: FakeClock) -> None:
    server.respond("GET", DETAILS, json_response(ACCOUNT), json_response(DAILY, 429))
    hubspot.account.read_details()

    with pytest.raises(DailyLimitReached) as caught:
        hubspot.account.read_details()
    with pytest.raises(DailyLimitReached):
        hubspot.account.read_details()

    assert len(server.paths) == 2  # the third was not sent
    assert clock.slept == []
    assert caught.value.resets_at == datetime(2026, 11, 20, 23, 0, tzinfo=UTC)  # midnight in Berlin, learned from the details
    assert caught.value.exit_code == ExitCode.TRY_AGAIN


def test_a_closed_connection_wakes_all_waiting_threads(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", DETAILS, json_response(ACCOUNT))
    hubspot.close()

    with pytest.raises(ConnectionClosed):
        hubspot.account.read_details()

    assert server.paths == []


def test_the_limit_is_learned_from_the_first_reply(server: FakeServer, clock: FakeClock) -> None:
    limits = {
        "X_HubSpot_RateLimit_Max": "190",
        "X_HubSpot_RateLimit_Remaining": "189",
        "X_HubSpot_RateLimit_Interval_Milliseconds": "10000",
    }
    server.respond("GET", DETAILS, json_response(ACCOUNT, **limits), json_response(ACCOUNT))

    with make_client(clock) as hubspot:
        for _ in range(190):
            hubspot.account.read_details()
        assert clock.time == 1_000
        hubspot.account.read_details()

    assert clock.time > 1_010


def test_both_path_versions_are_used(server: FakeServer) -> None:
    server.respond("GET", "/crm/v3/objects/contacts", json_response({"results": [make_record(1)]}))
    server.respond("GET", "/crm/objects/2026-09/contacts", json_response({"results": [make_record(1)]}))

    for version in ("v3", "2026-09"):
        with make_client(api_version=version) as hubspot:
            assert [contact.id for contact in hubspot.contacts.list_from_id(0, ["email"]).items] == [1]

    assert server.paths == ["GET /crm/v3/objects/contacts", "GET /crm/objects/2026-09/contacts"]


def test_request_metrics_are_counted_from_any_thread(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", DETAILS, json_response(ACCOUNT))
    before = hubspot.metrics.snapshot()

    def read_details(_: int) -> None:
        for _ in range(5):
            hubspot.account.read_details()

    run_in_threads(4, read_details)

    counts = hubspot.metrics.snapshot().subtract(before)
    assert counts.requests == {f"GET {DETAILS}": 20}
    assert counts.total == 20
    assert hubspot.metrics.snapshot().subtract(hubspot.metrics.snapshot()).requests == {}


def test_a_redirect_is_not_followed(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", DETAILS, (302, {"Location": "https://elsewhere.example/"}, b""))

    with pytest.raises(Unavailable, match="302"):
        hubspot.account.read_details()

    assert {call.split()[1] for call in server.paths} == {DETAILS}


def test_a_wrong_address_fails_fast_and_points_to_the_setting(server: FakeServer, clock: FakeClock) -> None:
    server.respond("GET", DETAILS, html_response(404))

    with make_client(clock, retry_policy=RetryPolicy()) as hubspot, pytest.raises(Unavailable, match="HUBSPOT_BASE_URL") as caught:
        hubspot.account.read_details()

    assert len(server.paths) == RetryPolicy().max_attempts_before_first_response
    assert caught.value.exit_code == ExitCode.TRY_AGAIN


NUMBERS = ("0", "7", "-1", "9" * 9, "9" * 400, "9" * 5_000, "1e400", "nan", "\u0665", "")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "X_HubSpot_RateLimit_Max": st.sampled_from(NUMBERS),
            "X_HubSpot_RateLimit_Remaining": st.sampled_from(NUMBERS),
            "X_HubSpot_RateLimit_Interval_Milliseconds": st.sampled_from(NUMBERS),
            "X_HubSpot_RateLimit_Daily": st.sampled_from(NUMBERS),
            "X_HubSpot_RateLimit_Daily_Remaining": st.sampled_from(NUMBERS),
            "Retry_After": st.sampled_from((*NUMBERS, "Fri, 31 Dec 9999 23:59:59 -1200")),
            "Date": st.sampled_from(("Fri, 31 Dec 9999 23:59:59 -1200", "31 Dec 99999", "")),
        },
    ),
    st.sampled_from([200, 404, 423, 429, 477, 500]),
)
def test_odd_headers_cost_minutes_at_most(headers: dict[str, str], status: int) -> None:
    clock = FakeClock()
    body = ACCOUNT if status == 200 else error_body("no")
    with serve_fake() as server, make_client(clock, limits=RateLimitSettings(reserve=0.5)) as hubspot:
        server.respond("GET", DETAILS, json_response(body, status, **headers), json_response(ACCOUNT))
        for _ in range(2):
            with suppress(SyncWorkerError):
                hubspot.account.read_details()

    assert clock.time < 1_000 + 3_600
