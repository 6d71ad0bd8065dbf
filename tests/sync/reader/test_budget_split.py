"""Reading and writing at once: list pages and writes share a budget, searches have their own."""

from __future__ import annotations

from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.sync.reader.budget_split import (
    CONTACTS_PER_CALL,
    CONTACTS_PER_LIST_PAGE,
    CONTACTS_PER_SEARCH_PAGE,
    CallRates,
    Saturation,
    split_budget,
)

RATE_LIMITS = CallRates(burst=190, window=10.0, searches=5)


@pytest.mark.parametrize(
    ("contacts", "further_calls", "list_pages", "until"),
    [
        (5_000, 1, 128, 0.0),  # all in one window: nothing need be left to search
        (20_000, 1, 157, 10.0),  # 200 writes and 100 pages fit into two windows; of the 80 calls left, the list leaves 6 % of all
        (50_000, 1, 214, 30.0),
        (50_000, 2, 71, 50.0),  # subscriptions and writes: search reads all, and the list only what is left
        (100_000, 1, 330, 67.0),  # in the seventh window, search needs seven seconds more
    ],
)
def test_the_list_reads_what_the_other_calls_leave_of_the_windows(contacts: int, further_calls: int, list_pages: int, until: float) -> None:
    found = split_budget(contacts, RATE_LIMITS, further_calls=further_calls)
    assert (found.list_pages, found.until) == (list_pages, until)


@given(contacts=st.integers(0, 5_000_000), calls=st.integers(1, 2), burst=st.integers(1, 500), searches=st.integers(1, 10))
def test_all_that_is_left_to_search_can_be_found_in_time_and_all_calls_fit(contacts: int, calls: int, burst: int, searches: int) -> None:
    found = split_budget(contacts, CallRates(burst=burst, window=10.0, searches=searches), further_calls=calls)
    windows = floor(found.until / 10.0) + 1
    assert found.list_pages + calls * ceil(contacts / CONTACTS_PER_CALL) <= burst * windows
    assert found.list_pages * CONTACTS_PER_LIST_PAGE + searches * found.until * CONTACTS_PER_SEARCH_PAGE >= contacts - 1e-6


def test_the_list_stops_at_its_share_and_continues_where_search_is_late() -> None:
    now = 0.0
    enough = split_budget(50_000, RATE_LIMITS, further_calls=1).enough(lambda: now)
    assert [enough(pages) for pages in (0, 213, 214, 300)] == [False, False, True, True]
    now = 30.0
    assert not enough(300)


def test_a_budget_is_used_up_while_it_is_so_once_in_each_window() -> None:
    saturation = Saturation(window=10.0, seen=100.0)
    looks = [(105.0, False), (109.0, True), (118.0, False), (118.5, True), (128.5, False), (128.6, False), (130.0, True)]

    lasting = [saturation.lasts(now, used_up=used_up) for now, used_up in looks]

    assert lasting == [True, True, True, True, True, False, True]
