"""Engagement levels of generated people: activity, clicks, forms, chances of a deal."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from random import Random
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementLevel:
    """The activity of people with one level of engagement; shares and chances are 0..1."""

    mean_idle_days: float  # days since the last event
    active_span_days: tuple[int, int]  # days from the first to the last event
    visit_range: tuple[int, int]
    campaign_share: float  # share of campaigns that include them
    open_chance: float  # chance to open an email during the active period
    click_chance: float  # chance to click in an opened email
    form_range: tuple[int, int]
    contact_request_chance: float  # chance to request a contact or a demo
    deal_chance: float  # chance of a deal at a fit of 1
    mql_chance: float  # chance to be an MQL already


INACTIVE: Final = EngagementLevel(
    mean_idle_days=900,
    active_span_days=(0, 0),
    visit_range=(0, 0),
    campaign_share=0.015,
    open_chance=0,
    click_chance=0,
    form_range=(0, 0),
    contact_request_chance=0,
    deal_chance=0.14,
    mql_chance=0,
)
LOW: Final = EngagementLevel(
    mean_idle_days=220,
    active_span_days=(0, 20),
    visit_range=(1, 2),
    campaign_share=0.08,
    open_chance=0.4,
    click_chance=0.3,
    form_range=(0, 1),
    contact_request_chance=0.01,
    deal_chance=0.12,
    mql_chance=0,
)
MEDIUM: Final = EngagementLevel(
    mean_idle_days=150,
    active_span_days=(5, 120),
    visit_range=(2, 4),
    campaign_share=0.35,
    open_chance=0.6,
    click_chance=0.5,
    form_range=(0, 2),
    contact_request_chance=0.05,
    deal_chance=0.2,
    mql_chance=0.03,
)
HIGH: Final = EngagementLevel(
    mean_idle_days=60,
    active_span_days=(60, 260),
    visit_range=(4, 9),
    campaign_share=0.75,
    open_chance=0.8,
    click_chance=0.75,
    form_range=(1, 4),
    contact_request_chance=0.2,
    deal_chance=0.35,
    mql_chance=0.2,
)
VERY_HIGH: Final = EngagementLevel(
    mean_idle_days=20,
    active_span_days=(120, 420),
    visit_range=(8, 20),
    campaign_share=1,
    open_chance=0.95,
    click_chance=0.9,
    form_range=(3, 9),
    contact_request_chance=0.5,
    deal_chance=0.65,
    mql_chance=0.35,
)

_LEVELS: Final = (INACTIVE, LOW, MEDIUM, HIGH, VERY_HIGH)
_CUMULATIVE_SHARES: Final = (0.62, 0.835, 0.93, 0.975)  # most people are inactive, few are very active


def draw_engagement_level(rng: Random, bias: float) -> EngagementLevel:
    """Return a random engagement level; a positive `bias` makes high levels more likely."""
    return _LEVELS[bisect(_CUMULATIVE_SHARES, rng.random() + bias)]
