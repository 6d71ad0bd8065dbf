from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sync_worker.reports.review_schedule import schedule_review
from sync_worker.store.model_revisions import ModelRevision, RevisionKind
from sync_worker.timestamps import to_ms

APPROVED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def make_row(kind: RevisionKind, *, days: int, model: str = "m") -> ModelRevision:
    return ModelRevision(at=to_ms(APPROVED_AT + timedelta(days=days)), kind=kind, model=model, author="Ada", note="n")


def test_no_review_is_due_before_the_first_approval() -> None:
    assert schedule_review([]) is None
    assert schedule_review([make_row("note", days=0), make_row("review", days=1)]) is None


@pytest.mark.parametrize(
    ("rows", "due"),
    [
        ([("approval", 0)], 60),
        ([("approval", 0), ("approval", 30)], 60),  # a second approval does not postpone the review
        ([("approval", 0), ("note", 50)], 60),
        ([("approval", 0), ("review", 58)], 148),
        ([("approval", 0), ("review", 58), ("review", 160), ("approval", 170)], 250),
    ],
)
def test_a_review_is_due_60_days_after_the_first_approval_then_90_days_after_each_review(
    rows: list[tuple[RevisionKind, int]], due: int
) -> None:
    schedule = schedule_review([make_row(kind, days=days) for kind, days in rows])
    assert schedule is not None
    assert schedule.due == APPROVED_AT + timedelta(days=due)


def test_an_overdue_review_is_counted_in_full_days() -> None:
    schedule = schedule_review([make_row("approval", days=0)])
    assert schedule is not None
    overdue = [schedule.overdue_days(APPROVED_AT + timedelta(days=days, hours=1)) for days in (0, 59, 60, 61, 72)]
    assert overdue == [0, 0, 0, 1, 12]
