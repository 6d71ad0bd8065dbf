"""Form conversion counters of a contact."""

from __future__ import annotations

from urllib.parse import urlsplit

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.counters.first_last import FirstLast


class FormConversionCounters:
    """The `*conversion*` counters of form submissions."""

    __slots__ = ("count", "events", "forms")

    def __init__(self) -> None:
        self.count = 0
        self.forms: set[str] = set()
        self.events = FirstLast()

    def add(self, submission: Row, form_name: str) -> None:
        """Count one submission of the form `form_name`."""
        self.count += 1
        self.forms.add(submission["formId"])
        self.events.observe(submission["submittedAt"], f"{_page_title(submission)}: {form_name}")

    def properties(self) -> dict[str, str]:
        """Return the counters; HubSpot names a conversion "Page: Form"."""
        return {
            "num_conversion_events": str(self.count),
            "num_unique_conversion_events": str(len(self.forms)),
            **self.events.time_properties("first_conversion_date", "recent_conversion_date"),
            **self.events.text_properties("first_conversion_event_name", "recent_conversion_event_name"),
        }


def _page_title(submission: Row) -> str:
    if title := submission.get("pageTitle"):
        return str(title)
    url = urlsplit(submission.get("pageUrl") or "")
    page = url.path.rstrip("/").rpartition("/")[2]
    return page.replace("-", " ").capitalize() or url.netloc or "Unknown page"
