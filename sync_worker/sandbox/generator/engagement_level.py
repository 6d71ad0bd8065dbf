"""How much people care: from those who never look to those who are about to buy."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from random import Random
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """A degree of interest and what people do who have it; shares and chances are 0..1."""

    idle_days: float  # since the last sign of life, on average
    span_days: tuple[int, int]  # from the first to the last sign of life
    visits: tuple[int, int]
    mailed: float  # share of the campaigns that are sent to them
    opened: float  # chance that one is opened while they are interested
    clicked: float  # chance that an opened one is clicked
    forms: tuple[int, int]
    asks: float  # chance that they ask for a contact or a demo
    deal: float  # chance of a deal, for somebody who fits perfectly
    qualified: float  # chance that somebody has made them an MQL already


ASLEEP: Final = Heat(
    idle_days=900,
    span_days=(0, 0),
    visits=(0, 0),
    mailed=0.015,
    opened=0,
    clicked=0,
    forms=(0, 0),
    asks=0,
    deal=0.14,
    qualified=0,
)
GLANCING: Final = Heat(
    idle_days=220,
    span_days=(0, 20),
    visits=(1, 2),
    mailed=0.08,
    opened=0.4,
    clicked=0.3,
    forms=(0, 1),
    asks=0.01,
    deal=0.12,
    qualified=0,
)
CURIOUS: Final = Heat(
    idle_days=150,
    span_days=(5, 120),
    visits=(2, 4),
    mailed=0.35,
    opened=0.6,
    clicked=0.5,
    forms=(0, 2),
    asks=0.05,
    deal=0.2,
    qualified=0.03,
)
ENGAGED: Final = Heat(
    idle_days=60,
    span_days=(60, 260),
    visits=(4, 9),
    mailed=0.75,
    opened=0.8,
    clicked=0.75,
    forms=(1, 4),
    asks=0.2,
    deal=0.35,
    qualified=0.2,
)
HOT: Final = Heat(
    idle_days=20,
    span_days=(120, 420),
    visits=(8, 20),
    mailed=1,
    opened=0.95,
    clicked=0.9,
    forms=(3, 9),
    asks=0.5,
    deal=0.65,
    qualified=0.35,
)

_DEGREES: Final = (ASLEEP, GLANCING, CURIOUS, ENGAGED, HOT)
_ENDS: Final = (0.62, 0.835, 0.93, 0.975)  # most people do nothing, few do a lot


def interest(rng: Random, lean: float) -> Heat:
    """Return somebody's interest; a `lean` above nought makes them keener than most."""
    return _DEGREES[bisect(_ENDS, rng.random() + lean)]
