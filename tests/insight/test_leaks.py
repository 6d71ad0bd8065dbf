"""Criteria that may be the outcome itself: one rule for `outcomes`, `backtest` and `suggest`."""

from __future__ import annotations

import pytest

from sync_worker.insight.leaks import may_leak


@pytest.mark.parametrize(
    ("hits", "met", "outcomes", "contacts", "found"),
    [
        (17, 20, 37, 100, True),
        (16, 20, 37, 100, False),
        (9, 9, 37, 100, False),
        (95, 100, 95, 100, False),
        (85, 100, 155, 200, False),
        (95, 100, 160, 200, True),
    ],
    ids=["more than 80 %", "80 %", "few contacts", "all contacts", "others convert as well", "others convert less"],
)
def test_a_criterion_may_leak_if_almost_all_of_its_contacts_convert_and_others_do_not(
    hits: int, met: int, outcomes: int, contacts: int, *, found: bool
) -> None:
    assert may_leak(hits, met, outcomes=outcomes, contacts=contacts) is found
