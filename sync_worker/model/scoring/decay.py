"""Decay of the score: by inactivity or per event, and its floor."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.model.file.schema import Degradation
from sync_worker.model.file.units import PARTS, percent_to_parts, to_micro, to_milliseconds

DEFAULT_GRACE: Final = timedelta(days=30)
DEFAULT_PERIOD: Final = timedelta(days=30)
DEFAULT_LOSS: Final = "10 %"


def score_floor(degradation: Degradation, threshold: Decimal) -> int:
    """Return the floor in micro-points: a share of the threshold for MQLs."""
    return to_micro(threshold) * percent_to_parts(degradation.floor) // PARTS


def grace_period(degradation: Degradation) -> timedelta:
    """Return the time without decay; default: 30 days with `inactivity`, 0 with `per_event`."""
    return degradation.grace if degradation.grace is not None else DEFAULT_GRACE if degradation.kind == "inactivity" else timedelta()


def decay_period(degradation: Degradation) -> timedelta:
    """Return the period of decay by inactivity."""
    return degradation.every or DEFAULT_PERIOD


def count_full_periods(last_engagement: pl.Expr, degradation: Degradation, at: datetime) -> pl.Expr:
    """Return the number of full periods since the end of the grace period; 0 for contacts without engagement."""
    idle = (pl.lit(at, dtype=TIMESTAMP) - last_engagement).dt.total_milliseconds() - to_milliseconds(grace_period(degradation))
    return (idle // to_milliseconds(decay_period(degradation))).clip(lower_bound=0).fill_null(0)


def inactivity_loss(earned: pl.Expr, periods: pl.Expr, degradation: Degradation) -> pl.Expr:
    """Return the micro-points lost by inactivity: a share or points per full period, or by half-life."""
    if degradation.half_life is not None:
        half_lives = periods * (to_milliseconds(decay_period(degradation)) / to_milliseconds(degradation.half_life))
        return earned - (earned * 0.5**half_lives + 0.5).floor().cast(pl.Int64)
    amount, _, unit = (degradation.lose or DEFAULT_LOSS).partition(" ")
    if unit == "points":
        return pl.when(earned > 0).then(periods * to_micro(Decimal(amount))).otherwise(0)
    share = periods * percent_to_parts(Decimal(amount))
    # In three parts, so that no product exceeds 64 bits.
    return earned * (share // PARTS) + (earned // PARTS) * (share % PARTS) + (earned % PARTS) * (share % PARTS) // PARTS


def apply_decay(points: pl.Expr, event_at: pl.Expr, degradation: Degradation, at: datetime) -> pl.Expr:
    """Return the micro-points of an event that are left: half after each half-life, or linearly down to 0 at the expiry."""
    idle = (pl.lit(at, dtype=TIMESTAMP) - event_at).dt.total_milliseconds() - to_milliseconds(grace_period(degradation))
    age = idle.clip(lower_bound=0)
    if degradation.half_life is not None:
        share = 0.5 ** (age / to_milliseconds(degradation.half_life))
    else:
        share = (1 - age / to_milliseconds(degradation.expiry or DEFAULT_PERIOD)).clip(lower_bound=0)
    return (points * share + 0.5).floor().cast(pl.Int64)
