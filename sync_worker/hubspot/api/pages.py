"""Paged reads: only a page without a cursor is the last. A page may be short or empty and still lead to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from sync_worker.errors import Unavailable
from sync_worker.hubspot.records.models import CursorT, ResultPage

T = TypeVar("T")


def follow_pages(
    fetch_page: Callable[[CursorT | None], ResultPage[T, CursorT]], *, operation: str, start: CursorT | None = None
) -> Iterator[ResultPage[T, CursorT]]:
    """Yield the pages from a cursor on, by default from the first page.

    Raises:
        Unavailable: a cursor repeats, so the pages would never end.
    """
    cursor, seen = start, {start}
    while True:
        page = fetch_page(cursor)
        yield page
        cursor = page.next
        if cursor is None:
            return
        if cursor in seen:
            raise Unavailable("HubSpot's paging cursor repeats.", operation=operation)
        seen.add(cursor)
