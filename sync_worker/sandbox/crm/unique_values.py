"""Index of email addresses and other unique values."""

from __future__ import annotations

from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.object_types import CONTACTS
from sync_worker.sandbox.crm.records import RecordStore

SECONDARY_EMAILS_PROPERTY = "hs_additional_emails"


class UniqueValueIndex:
    """Finds records by a unique value: email addresses by an index, other properties by a scan of the column."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records
        self._by_email: dict[str, int] = {}  # → row
        self._blocked_emails: set[str] = set()
        if records.object_type is CONTACTS:
            for row in records.iter_live_rows():
                self.add_emails(row)

    def add_emails(self, row: int) -> None:
        """Index the addresses of a record; the first record with an address keeps it."""
        for email in self._emails(row):
            self._by_email.setdefault(email, row)

    def remove_emails(self, row: int) -> None:
        """Remove the addresses of a record from the index."""
        for email in self._emails(row):
            if self._by_email.get(email) == row:
                del self._by_email[email]

    def block_emails(self, row: int) -> None:
        """Block the addresses of a record for all contacts."""
        self._blocked_emails.update(self._emails(row))

    def is_blocked(self, email: str) -> bool:
        """Return whether an address belonged to a permanently deleted contact."""
        return email.lower() in self._blocked_emails

    def find_row(self, property_name: str, value: str) -> int | None:
        """Return the row of the visible record with this value."""
        if property_name == "email":
            return self._by_email.get(value.strip().lower())
        if property_name == "hs_object_id":
            return self._records.find_surviving_row(parse_id(value))
        column = self._records.columns.get(property_name, [])
        return next((row for row, stored in enumerate(column) if stored == value and self._records.is_live(row)), None)

    def _emails(self, row: int) -> list[str]:
        if self._records.object_type is not CONTACTS:
            return []
        email, others = self._records.value(row, "email"), self._records.value(row, SECONDARY_EMAILS_PROPERTY)
        return [*([email.lower()] if email else []), *(others.lower().split(";") if others else [])]
