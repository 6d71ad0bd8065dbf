"""Whether anybody has sent a form: HubSpot lists submissions form by form, and a portal may have hundreds of them.

A contact who sends a form gets a new date of conversion and one conversion more, so that one search tells whether the forms must be
looked at. Once an hour they are looked at in any case: a calculated property may come late, or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sync_worker.concurrency import Pollable, submit_and_poll
from sync_worker.hubspot.api.contacts import CONVERSION_COUNT_PROPERTY, LAST_CONVERSION_PROPERTY, Contacts
from sync_worker.hubspot.records.models import Form
from sync_worker.store import scan_state
from sync_worker.store.database import Store
from sync_worker.store.scan_state import FormCheck, SeenConversion
from sync_worker.timestamps import from_ms, to_ms

EVENT_KIND: Final = "form_submission"
FULL_CHECK_INTERVAL: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormWatcher:
    """What is known of the last look at the forms."""

    contacts: Contacts
    store: Store
    now: datetime
    overlap: timedelta

    def detect_changes(self) -> Pollable[FormCheck | None]:
        """Return what to note when the forms have been looked at, None where there is nothing new to be seen."""
        with self.store.transaction() as tx:
            last = scan_state.load_form_check(tx)
        if last is None or self.now >= from_ms(last.checked_at) + FULL_CHECK_INTERVAL:
            return FormCheck(checked_at=to_ms(self.now), seen=())
        page = yield from submit_and_poll(partial(self.contacts.search_converted, from_ms(last.checked_at) - self.overlap))
        # Two forms may be sent in one moment: the date alone would hide the second from who looked in between.
        shown = sorted(
            SeenConversion(row.id, *(row.properties.get(name) or "" for name in (LAST_CONVERSION_PROPERTY, CONVERSION_COUNT_PROPERTY)))
            for row in page.items
        )
        if page.next is None and all(each in last.seen for each in shown):
            return None
        return FormCheck(checked_at=last.checked_at, seen=tuple(shown))

    def save(self, check: FormCheck) -> None:
        """Note that the forms have been looked at."""
        with self.store.transaction() as tx:
            scan_state.save_form_check(tx, check)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedForms:
    """The forms that are archived now: nobody sends them any more, so that each is read once, to its end."""

    store: Store
    forms: Sequence[Form]

    def find_unread(self) -> list[Form]:
        """Return those that have not been read since they were archived."""
        with self.store.transaction() as tx:
            known = scan_state.load_archived_forms(tx)
        return [form for form in self.forms if known.get(form.id) != _archive_time(form)]

    def mark_read(self) -> None:
        """Note that all of them have been read, or that HubSpot does not show what was sent with them."""
        with self.store.transaction() as tx:
            scan_state.save_archived_forms(tx, {form.id: _archive_time(form) for form in self.forms})


def _archive_time(form: Form) -> int:
    return to_ms(form.archived_at) if form.archived_at else 0
