"""The counters of one contact."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.counters.deals import DealCounters
from sync_worker.sandbox.counters.email import EmailCounters
from sync_worker.sandbox.counters.form_conversions import FormConversionCounters
from sync_worker.sandbox.counters.visits import VisitCounters

#: The counters of a contact without events: website and form counters are zero, email and deal counters are unset.
ZERO_COUNTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hs_analytics_num_page_views": "0",
        "hs_analytics_num_visits": "0",
        "num_conversion_events": "0",
        "num_unique_conversion_events": "0",
    }
)


class ContactCounters:
    """Counts the events and deals of one contact, in any order."""

    __slots__ = ("_conversions", "_deals", "_email", "_visits")

    def __init__(self) -> None:
        self._email: EmailCounters | None = None
        self._visits: VisitCounters | None = None
        self._conversions: FormConversionCounters | None = None
        self._deals: DealCounters | None = None

    def add_email_event(self, event: Row) -> None:
        """Count one email event (v1)."""
        self._email = self._email or EmailCounters()
        self._email.add(event)

    def add_event(self, event: Row) -> None:
        """Count one event occurrence; only page views have counters."""
        self._visits = self._visits or VisitCounters()
        self._visits.add(event)

    def add_submission(self, submission: Row, form_name: str) -> None:
        """Count one form submission."""
        self._conversions = self._conversions or FormConversionCounters()
        self._conversions.add(submission, form_name)

    def add_deal(self, deal: Row) -> None:
        """Count one associated deal."""
        self._deals = self._deals or DealCounters()
        self._deals.add(deal)

    def properties(self) -> dict[str, str]:
        """Return the calculated properties that are set, in HubSpot's text format."""
        parts = (self._email, self._visits, self._conversions, self._deals)
        return {**ZERO_COUNTERS, **{name: value for part in parts if part for name, value in part.properties().items()}}
