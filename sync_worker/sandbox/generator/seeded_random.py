"""Chance that can be repeated: the same place in the same portal draws the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import log
from random import Random
from typing import TypeVar

T = TypeVar("T")


def create_random(*seed_parts: object) -> Random:
    """Return the source of chance for one place, such as (seed, "people", block)."""
    return Random("/".join(map(str, seed_parts)))  # noqa: S311 — made-up people, no secrets


def pick(rng: Random, options: Sequence[T]) -> T:
    """Return one of the options, each as likely as the others."""
    return options[int(rng.random() * len(options))]


def draw_int(rng: Random, minimum: int, maximum: int) -> int:
    """Return a whole number from `least` to `most`, both included."""
    return minimum + int(rng.random() * (maximum - minimum + 1))


def draw_exponential(rng: Random, mean: float) -> float:
    """Return a span that is mostly short and sometimes long, `mean` on average."""
    return -mean * log(1.0 - rng.random())


def expand_weights(weighted_options: Sequence[tuple[T, float]], *, slots: int = 1000) -> tuple[T, ...]:
    """Return the options repeated by weight, so that an even pick follows the weights."""
    total = sum(weight for _, weight in weighted_options)
    ends = [round(slots * part / total) for part in accumulate(weight for _, weight in weighted_options)]
    starts = [0, *ends[:-1]]
    return tuple(option for (option, _), start, end in zip(weighted_options, starts, ends, strict=True) for _ in range(end - start))


def draw_uuid(rng: Random) -> str:
    """Return a UUID of 128 bits of chance."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
