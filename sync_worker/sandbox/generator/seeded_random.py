"""Repeatable random values: equal seed parts give equal values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import log
from random import Random
from typing import TypeVar

T = TypeVar("T")


def create_random(*seed_parts: object) -> Random:
    """Return a random source for seed parts such as (seed, "people", block)."""
    return Random("/".join(map(str, seed_parts)))  # noqa: S311 — not used for secrets


def pick(rng: Random, options: Sequence[T]) -> T:
    """Return a random option; all are equally likely."""
    return options[int(rng.random() * len(options))]


def draw_int(rng: Random, minimum: int, maximum: int) -> int:
    """Return a random integer from `minimum` to `maximum`, both inclusive."""
    return minimum + int(rng.random() * (maximum - minimum + 1))


def draw_exponential(rng: Random, mean: float) -> float:
    """Return an exponentially distributed value with this mean."""
    return -mean * log(1.0 - rng.random())


def expand_weights(weighted_options: Sequence[tuple[T, float]], *, slots: int = 1000) -> tuple[T, ...]:
    """Return the options repeated by weight, for use with `pick`."""
    total = sum(weight for _, weight in weighted_options)
    ends = [round(slots * part / total) for part in accumulate(weight for _, weight in weighted_options)]
    starts = [0, *ends[:-1]]
    return tuple(option for (option, _), start, end in zip(weighted_options, starts, ends, strict=True) for _ in range(end - start))


def draw_uuid(rng: Random) -> str:
    """Return a random UUID."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
