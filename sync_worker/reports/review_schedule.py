"""The schedule of model reviews: 60 days after the first approval, then 90 days after each review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.store.model_revisions import ModelRevision
from sync_worker.timestamps import from_ms

FIRST_REVIEW_AFTER: Final = timedelta(days=60)
REVIEW_INTERVAL: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSchedule:
    """When the next review is due."""

    due: datetime

    def overdue_days(self, now: datetime) -> int:
        """Return for how many full days the review has been overdue; 0 if it is not."""
        return max(0, (now - self.due).days)


def schedule_review(log: Sequence[ModelRevision]) -> ReviewSchedule | None:
    """Return the schedule that follows from the log of the model (oldest first), or None before the first approval."""
    approvals = [from_ms(row.at) for row in log if row.kind == "approval"]
    if not approvals:
        return None
    reviews = [from_ms(row.at) for row in log if row.kind == "review" and from_ms(row.at) >= approvals[0]]
    return ReviewSchedule(due=reviews[-1] + REVIEW_INTERVAL if reviews else approvals[0] + FIRST_REVIEW_AFTER)
