from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.hubspot.records.field_types import UnreadableField, parse_timestamp
from sync_worker.timestamps import from_ms, to_ms

instants = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis asks for naive bounds


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05.678Z", datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, 0, UTC)),  # Java leaves a fraction of zero out
        ("2026-01-02T04:04:05.6+01:00", datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC)),
        ("1767323045678", datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)),
    ],
)
def test_each_time_format_is_parsed(text: str, moment: datetime) -> None:
    assert parse_timestamp(text) == moment
    assert parse_timestamp(text).tzinfo is UTC


@pytest.mark.parametrize(
    "odd",
    [
        None,
        True,
        1.5,
        [],
        {},
        "",
        "soon",
        "2026-01-02T03:04:05",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+12:00",
        "9" * 5_000,
        10**30,
        -1,
    ],
)
def test_another_value_is_an_error(odd: object) -> None:
    with pytest.raises(UnreadableField):
        parse_timestamp(odd)


@given(instants)
def test_milliseconds_are_kept_exactly(moment: datetime) -> None:
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    assert from_ms(to_ms(moment)) == whole
    assert parse_timestamp(whole.isoformat(timespec="milliseconds")) == whole
