"""Website visit counters of a contact."""

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.base.timestamps import format_iso, parse_ms
from sync_worker.sandbox.counters.first_last import FirstLast

PAGE_VIEW: Final = "e_visited_page"
SESSION_MS: Final = 30 * 60 * 1000  # half an hour without a page view ends a session


class VisitCounters:
    """The `hs_analytics_*` counters of page views and sessions."""

    __slots__ = ("pages", "times")

    def __init__(self) -> None:
        self.times = array("q")
        self.pages = FirstLast()

    def add(self, event: Row) -> None:
        """Count one event occurrence, if it is a page view."""
        if event["eventType"] != PAGE_VIEW:
            return
        at = parse_ms(event["occurredAt"]) or 0
        self.times.append(at)
        self.pages.observe(at, (event.get("properties") or {}).get("hs_url") or "")

    def properties(self) -> dict[str, str]:
        """Return the counters that are set."""
        starts = self._session_starts()
        if not starts:
            return {}
        views = len(self.times)
        return {
            "hs_analytics_num_page_views": str(views),
            "hs_analytics_num_visits": str(len(starts)),
            "hs_analytics_average_page_views": str(round(views / len(starts))),
            "hs_analytics_first_visit_timestamp": format_iso(starts[0]),
            "hs_analytics_last_visit_timestamp": format_iso(starts[-1]),
            **self.pages.time_properties("hs_analytics_first_timestamp", "hs_analytics_last_timestamp"),
            **self.pages.text_properties("hs_analytics_first_url", "hs_analytics_last_url"),
        }

    def _session_starts(self) -> list[int]:
        times = sorted(self.times)
        return times[:1] + [later for earlier, later in pairwise(times) if later - earlier > SESSION_MS]
