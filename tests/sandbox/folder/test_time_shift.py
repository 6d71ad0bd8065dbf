from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.sandbox import folder
from sync_worker.sandbox.base.portal_data import PortalData, Row

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
MS = 1_790_000_000_000
WEEK_MS = 604_800_000


def make_portal(**rows: list[Row]) -> PortalData:
    return PortalData(portal_id=1, tier="enterprise", time_zone="Europe/Berlin", now=NOW, **rows)  # type: ignore[arg-type]


def shift_property(name: str, value: str | None) -> str | None:
    (row,) = folder.shift_times(make_portal(contacts=[{"id": "1", "properties": {name: value}}]), WEEK).contacts
    return row["properties"][name]


def test_now_is_shifted_with_the_rows() -> None:
    data = folder.shift_times(make_portal(contacts=[{"createdAt": "2026-10-01T00:00:00.000Z", "updatedAt": "2026-10-02T12:30:00Z"}]), WEEK)
    assert data.now == NOW + WEEK
    assert list(data.contacts) == [{"createdAt": "2026-10-08T00:00:00.000Z", "updatedAt": "2026-10-09T12:30:00.000Z"}]


def test_an_email_event_is_shifted_with_its_send_and_its_successor() -> None:
    event = {"id": "e", "created": MS, "sentBy": {"id": "s", "created": MS - 5}, "obsoletedBy": {"id": "o", "created": MS + 5}, "appId": 7}
    (row,) = folder.shift_times(make_portal(email_events=[event]), WEEK).email_events
    assert row == {
        "id": "e",
        "created": MS + WEEK_MS,
        "sentBy": {"id": "s", "created": MS - 5 + WEEK_MS},
        "obsoletedBy": {"id": "o", "created": MS + 5 + WEEK_MS},
        "appId": 7,
    }


def test_attendance_is_shifted_with_the_webinar() -> None:
    webinar = {"objectId": "501", "eventName": "x", "startDateTime": "2026-10-01T00:00:00Z"}
    participation = {
        "id": "p",
        "properties": {"attendanceState": "ATTENDED", "occurredAt": MS},
        "associations": {"contact": {"contactId": "7"}},
    }
    data = folder.shift_times(make_portal(marketing_events=[webinar], participations=[participation]), WEEK)
    assert [row["startDateTime"] for row in data.marketing_events] == ["2026-10-08T00:00:00.000Z"]
    assert list(data.participations) == [{**participation, "properties": {"attendanceState": "ATTENDED", "occurredAt": MS + WEEK_MS}}]


def test_page_views_submissions_and_deals_are_shifted() -> None:
    data = folder.shift_times(
        make_portal(
            events=[{"occurredAt": "2026-10-01T00:00:00Z", "properties": {"hs_url": "https://www.example.com/2026-10-01"}}],
            submissions=[{"submittedAt": MS, "values": [{"name": "when", "value": "2026-10-01T00:00:00Z"}]}],
            deals=[{"properties": {"closedate": "2026-10-01T00:00:00Z", "amount": "1790000000000"}}],
        ),
        WEEK,
    )
    assert list(data.events) == [{"occurredAt": "2026-10-08T00:00:00.000Z", "properties": {"hs_url": "https://www.example.com/2026-10-01"}}]
    assert list(data.submissions) == [{"submittedAt": MS + WEEK_MS, "values": [{"name": "when", "value": "2026-10-01T00:00:00Z"}]}]
    assert list(data.deals) == [{"properties": {"closedate": "2026-10-08T00:00:00.000Z", "amount": "1790000000000"}}]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("anything", "2026-10-01T10:00:00.123Z", "2026-10-08T10:00:00.123Z"),
        ("anything", "2026-10-01T10:00:00+02:00", "2026-10-08T08:00:00.000Z"),
        ("hs_email_last_click_date", str(MS), str(MS + WEEK_MS)),
        ("renewal_date", "2026-10-30", "2026-11-06"),
        ("phone", str(MS), str(MS)),
        ("last_login", "2026-10-30", "2026-11-06"),
        ("lead_number", "2026-10-3", "2026-10-3"),
        ("renewal_date", "2026-13-45", "2026-13-45"),
        ("anything", "2026-13-45T10:00:00Z", "2026-13-45T10:00:00Z"),
        ("renewal_date", "next spring", "next spring"),
        ("renewal_date", "", ""),
        ("renewal_date", None, None),
    ],
)
def test_property_values_that_are_times_are_shifted(name: str, before: str | None, after: str | None) -> None:
    assert shift_property(name, before) == after


def test_a_time_at_the_end_of_the_calendar_is_unchanged() -> None:
    assert shift_property("anything", "9999-12-31T23:59:59Z") == "9999-12-31T23:59:59Z"


@given(
    at=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 — hypothesis requires naive bounds
    offset=st.timedeltas(min_value=timedelta(days=-3000), max_value=timedelta(days=3000)),
)
def test_differences_between_times_are_unchanged_to_the_millisecond(at: datetime, offset: timedelta) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    ms = int(at.timestamp() * 1000)
    data = make_portal(events=[{"occurredAt": at.isoformat(timespec="milliseconds")}], submissions=[{"submittedAt": ms}])
    shifted = folder.shift_times(data, offset)
    (event,), (submission,) = shifted.events, shifted.submissions
    occurred = datetime.fromisoformat(event["occurredAt"])
    assert occurred - shifted.now == at - NOW
    assert submission["submittedAt"] - ms == (shifted.now - NOW) / timedelta(milliseconds=1)
    assert abs(shifted.now - NOW - offset) <= timedelta(milliseconds=0.5)


def test_rows_are_shifted_at_each_iteration() -> None:
    data = folder.shift_times(make_portal(forms=[{"id": "f", "name": "Contact us"}]), WEEK)
    assert list(data.forms) == list(data.forms) == [{"id": "f", "name": "Contact us"}]
