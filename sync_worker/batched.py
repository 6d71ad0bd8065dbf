"""Things some at a time: Python has `itertools.batched` from 3.12 on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield the things in tuples of that size; the last may be smaller."""
    rest = iter(items)
    while some := tuple(islice(rest, size)):
        yield some
