"""The forms of the portal: whether any of them has new submissions, and which archived ones are still to be read.

HubSpot lists submissions by form, and a portal may have hundreds of forms. A submission changes the conversion date and the conversion
count of its contact, so one search shows whether the forms must be read.
Once an hour they are read in any case, because HubSpot may calculate these properties late or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sync_worker.hubspot.api.crm.contacts import CONVERSION_COUNT_PROPERTY, LAST_CONVERSION_PROPERTY
from sync_worker.hubspot.records.models import Form
from sync_worker.store.saved_state import scan_state
from sync_worker.store.saved_state.scan_state import FormCheck, SeenConversion
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.item_errors import ItemErrors
from sync_worker.timestamps import from_ms, to_ms

EVENT_KIND: Final = "form_submission"
BLOG_COMMENT_TYPE: Final = "blog_comment"
FULL_CHECK_INTERVAL: Final = timedelta(hours=1)


def select_readable(forms: Iterable[Form]) -> list[Form]:
    """Return the forms whose submissions HubSpot shows; it refuses those of comments on a blog."""
    return [form for form in forms if form.type != BLOG_COMMENT_TYPE]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormWatcher:
    """The state of the last check for new submissions."""

    context: PullContext

    def detect_changes(self) -> FormCheck | None:
        """Return the check to save once the forms are read, or None if there are no new submissions."""
        last = self.context.transact(scan_state.load_form_check)
        if last is None or self.context.now >= from_ms(last.checked_at) + FULL_CHECK_INTERVAL:
            return FormCheck(checked_at=self.context.now_ms, seen=())
        page = self.context.hubspot.contacts.search_converted(self.context.overlap_start(last.checked_at))
        # A contact may submit two forms in one moment. After a read between the two, the date alone would hide the second.
        shown = sorted(
            SeenConversion(row.id, *(row.properties.get(name) or "" for name in (LAST_CONVERSION_PROPERTY, CONVERSION_COUNT_PROPERTY)))
            for row in page.items
        )
        if page.next is None and all(each in last.seen for each in shown):
            return None
        return FormCheck(checked_at=last.checked_at, seen=tuple(shown))

    def save(self, check: FormCheck) -> None:
        """Save that the forms have been read."""
        self.context.transact(lambda tx: scan_state.save_form_check(tx, check))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedForms:
    """The archived forms: they get no new submissions, so each is read only once."""

    context: PullContext
    forms: Sequence[Form]

    def find_unread(self) -> list[Form]:
        """Return the forms that have not been read since they were archived."""
        known = self.context.transact(scan_state.load_archived_forms)
        return [form for form in self.forms if known.get(form.id) != _archive_time(form)]

    def mark_read(self, *, except_for: ItemErrors) -> None:
        """Save that all archived forms have been read, except for those that could not be."""
        known = self.context.transact(scan_state.load_archived_forms)
        read = {form.id: _archive_time(form) for form in self.forms if not except_for.is_incomplete(form.id)}
        archive_times = {form.id: known[form.id] for form in self.forms if form.id in known} | read
        self.context.transact(lambda tx: scan_state.save_archived_forms(tx, archive_times))


def _archive_time(form: Form) -> int:
    return to_ms(form.archived_at) if form.archived_at else 0
