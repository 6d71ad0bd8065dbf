"""Criteria that convert so often that they may be the outcome itself: sales may fill in the value afterward."""

from __future__ import annotations

from typing import Final

MIN_GROUP: Final = 10  # contacts that meet a criterion
LEAK_RATE: Final = 0.8
MIN_LIFT: Final = 1.3  # compared with the contacts that do not meet it


def may_leak(hits: float, met: float, *, outcomes: int, contacts: int) -> bool:
    """Return whether more than 80 % of the contacts that meet a criterion converted, and 1.3 times as often as the others.

    `hits` of the `met` contacts, and `outcomes` of all `contacts`. A criterion that fewer than 10 contacts meet says nothing, and one that
    all contacts meet cannot be compared.
    """
    others = contacts - met
    if met < MIN_GROUP or others <= 0:
        return False
    rate, other_rate = hits / met, (outcomes - hits) / others
    return rate > LEAK_RATE and rate >= MIN_LIFT * other_rate
