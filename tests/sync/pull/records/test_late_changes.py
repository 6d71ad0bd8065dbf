"""A change that search shows late, while many contacts changed, is read although a deleted contact leaves the numbers as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.harness import Harness, make_contact, small_portal, start_harness

CONTACTS: Final = 220
OTHERS: Final = range(1, 211)  # change at once, more than one page of search


@contextmanager
def start_after_bulk_change(folder: Path) -> Iterator[Harness]:
    """Start with a portal in which most contacts changed three minutes ago; the worker has read it."""
    people = [make_contact(number) for number in range(1, CONTACTS + 1)]
    with start_harness(folder, small_portal(contacts=people, email_events=[], events=[], submissions=[])) as harness:
        harness.backfill()
        harness.advance(30)
        for number in OTHERS:
            harness.edit_contact(number, city="Rome")
        harness.advance(3)
        harness.sync()
        yield harness


def change_late(harness: Harness, change: Callable[[], object]) -> None:
    """Make a change that the index of search, and so the last cycle, has not shown: it happened two minutes before."""
    harness.advance(-2)
    change()
    harness.advance(3)


def test_a_late_change_is_read_in_the_next_cycle_though_another_contact_was_deleted(tmp_path: Path) -> None:
    with start_after_bulk_change(tmp_path) as harness:
        idle = harness.sync()
        assert (sum(idle.requests.values()) <= 8, idle.evaluated) == (True, 0), idle.requests

        before = harness.value(220, "lead_grade")
        change_late(harness, lambda: harness.edit_contact(220, jobtitle="CTO"))
        harness.archive_contact(7)
        harness.sync()
        assert harness.value(220, "lead_grade") != before

        created: list[int] = []
        change_late(harness, lambda: created.append(harness.create_contact(email="late@example.com")))
        harness.archive_contact(8)
        harness.sync()
        assert harness.value(created[0], "lead_score") == "0"

        change_late(harness, lambda: created.append(harness.merge_contacts(219, 9)))
        harness.sync()
        assert harness.value(created[1], "lead_score") == "0"

        assert sum(harness.sync().requests.values()) <= 8
