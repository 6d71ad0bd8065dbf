from __future__ import annotations

from datetime import date, timedelta

import pytest

from sync_worker.model.i18n.translations import load_translation

TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("days", "text"),
    [(0, "20 Nov"), (1, "19 Nov"), (364, "21 Nov"), (365, "20 Nov 2025"), (366, "19 Nov 2025"), (323, "1 Jan"), (324, "31 Dec")],
)
def test_a_date_has_a_year_if_its_day_has_passed_again(days: int, text: str) -> None:
    assert load_translation("en").phrases.format_date(TODAY - timedelta(days=days), TODAY) == text


@pytest.mark.parametrize(
    ("within", "text"),
    [
        (timedelta(days=1), "24 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=3), "3 days"),
        (timedelta(days=2, hours=12), "60 hours"),
    ],
)
def test_a_window_of_whole_days_is_shown_in_days(within: timedelta, text: str) -> None:
    assert text in load_translation("en").phrases.describe_limits(within, None)
