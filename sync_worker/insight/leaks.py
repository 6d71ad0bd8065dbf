"""Criteria that convert so often that they may be the outcome itself: sales may fill in the value afterward."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

MIN_GROUP: Final = 10  # contacts that meet a criterion
LEAK_RATE: Final = 0.8
MIN_LIFT: Final = 1.3  # compared with the contacts that do not meet it

Numbers = int | npt.NDArray[np.float64]


def may_leak(hits: Numbers, met: Numbers, *, outcomes: int, contacts: int) -> npt.NDArray[np.bool_]:
    """Return whether more than 80 % of the contacts that meet a criterion converted, and 1.3 times as often as the others.

    `hits` of the `met` contacts, and `outcomes` of all `contacts`. A criterion that fewer than 10 contacts meet says nothing, and one that
    all contacts meet cannot be compared.
    """
    others = np.subtract(contacts, met)
    rate, other_rate = np.divide(hits, np.maximum(met, 1)), np.divide(np.subtract(outcomes, hits), np.maximum(others, 1))
    found: npt.NDArray[np.bool_] = (np.asarray(met) >= MIN_GROUP) & (others > 0) & (rate > LEAK_RATE) & (rate >= MIN_LIFT * other_rate)
    return found
