"""Which record has which e-mail address or other unique value."""

from __future__ import annotations

from sync_worker.sandbox.base.ids import id_of
from sync_worker.sandbox.base.object_types import CONTACTS
from sync_worker.sandbox.crm.records import Records

SECONDARY = "hs_additional_emails"


class Identities:
    """Finds records by the value of a unique property; addresses by an index, other properties by looking at all records."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._by_email: dict[str, int] = {}  # → row
        self._blocked: set[str] = set()
        if records.kind is CONTACTS:
            for row in records.live_rows():
                self.add(row)

    def add(self, row: int) -> None:
        """Note the addresses of a record; the first record with an address keeps it."""
        for email in self._emails(row):
            self._by_email.setdefault(email, row)

    def remove(self, row: int) -> None:
        """Forget the addresses of a record."""
        for email in self._emails(row):
            if self._by_email.get(email) == row:
                del self._by_email[email]

    def block(self, row: int) -> None:
        """Let nobody have the addresses of a record any more."""
        self._blocked.update(self._emails(row))

    def blocked(self, email: str) -> bool:
        """Tell whether an address belonged to somebody who was deleted for good."""
        return email.lower() in self._blocked

    def find(self, name: str, value: str) -> int | None:
        """Return the row of the visible record with this value of a unique property."""
        if name == "email":
            return self._by_email.get(value.strip().lower())
        if name == "hs_object_id":
            return self._records.survivor(id_of(value))
        column = self._records.columns.get(name, [])
        return next((row for row, held in enumerate(column) if held == value and self._records.is_live(row)), None)

    def _emails(self, row: int) -> list[str]:
        if self._records.kind is not CONTACTS:
            return []
        email, others = self._records.value(row, "email"), self._records.value(row, SECONDARY)
        return [*([email.lower()] if email else []), *(others.lower().split(";") if others else [])]
