from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync_worker.errors import QuotaExceeded
from sync_worker.hubspot.rest.daily_quota import DailyLimitReached, DailyQuota
from tests.hubspot.fakes import FakeClock

MIDNIGHT_IN_BERLIN = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)  # one hour after the clock starts


def quota_headers(limit: int, remaining: int) -> dict[str, str]:
    return {"X-HubSpot-RateLimit-Daily": str(limit), "X-HubSpot-RateLimit-Daily-Remaining": str(remaining)}


def test_the_limit_resets_at_midnight_in_the_portals_time_zone(clock: FakeClock) -> None:
    quota = DailyQuota(clock)
    quota.set_time_zone("Europe/Berlin")

    assert quota.next_reset() == MIDNIGHT_IN_BERLIN


def test_after_a_daily_429_nothing_is_sent_until_midnight(clock: FakeClock) -> None:
    quota = DailyQuota(clock)
    quota.set_time_zone("Europe/Berlin")

    error = quota.mark_exhausted("read contacts")

    assert error.resets_at == MIDNIGHT_IN_BERLIN
    assert "2026-11-20 at 23:00 UTC" in str(error)
    with pytest.raises(DailyLimitReached):
        quota.raise_if_exhausted("read contacts")
    clock.time += 3_601
    quota.raise_if_exhausted("read contacts")


def test_without_a_time_zone_calls_resume_after_15_minutes(clock: FakeClock) -> None:
    quota = DailyQuota(clock)
    quota.set_time_zone("Atlantis/Capital")

    error = quota.mark_exhausted("read contacts")

    assert error.resets_at is None
    assert "midnight in the portal's time zone" in str(error)
    with pytest.raises(QuotaExceeded):
        quota.raise_if_exhausted("read contacts")
    clock.time += 901
    quota.raise_if_exhausted("read contacts")


def test_the_headers_set_the_remaining_calls(clock: FakeClock) -> None:
    quota = DailyQuota(clock)

    quota.update_from_headers(quota_headers(625_000, 1))
    quota.update_from_headers({})

    assert (quota.limit, quota.remaining) == (625_000, 1)
    quota.raise_if_exhausted("read contacts")


def test_the_daily_reserve_is_left_to_other_apps(clock: FakeClock) -> None:
    quota = DailyQuota(clock, reserve=0.2)

    quota.update_from_headers(quota_headers(1_000, 201))
    quota.raise_if_exhausted("read contacts")
    quota.update_from_headers(quota_headers(1_000, 200))

    with pytest.raises(QuotaExceeded):
        quota.raise_if_exhausted("read contacts")
