"""`itertools.batched` for Python 3.11. Delete this module when 3.12 is the minimum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield the items in tuples of `size`; the last may be smaller."""
    rest = iter(items)
    while some := tuple(islice(rest, size)):
        yield some
