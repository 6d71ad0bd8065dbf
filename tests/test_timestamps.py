from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from sync_worker.timestamps import from_ms, to_ms


@given(ms=st.integers(-(10**12), 10**14))
def test_milliseconds_survive_the_conversion_to_a_datetime_and_back(ms: int) -> None:
    assert to_ms(from_ms(ms)) == ms
    assert from_ms(ms).utcoffset() == timedelta(0)


@given(at=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-8))])))
def test_a_conversion_drops_only_the_microseconds(at: datetime) -> None:
    lost = at - from_ms(to_ms(at))
    assert timedelta(0) <= lost < timedelta(milliseconds=1)


def test_times_before_1970_are_also_rounded_down() -> None:
    assert to_ms(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1
