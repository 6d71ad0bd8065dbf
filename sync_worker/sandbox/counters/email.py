"""Marketing email counters of a contact."""

from __future__ import annotations

from array import array
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.counters.first_last import FirstLast

_COUNTER_PROPERTIES: Final = {
    "DELIVERED": "hs_email_delivered",
    "OPEN": "hs_email_open",
    "CLICK": "hs_email_click",
    "BOUNCE": "hs_email_bounce",
}


class EmailCounters:
    """The `hs_email_*` counters.

    HubSpot counts emails ("the number of marketing emails which have had link clicks"), not events: five clicks in one
    email count once. Filtered and replaced events do not count.
    """

    __slots__ = ("clicks", "counted", "opens", "sends", "sent")

    def __init__(self) -> None:
        self.counted: dict[str, set[object]] = {}
        self.sent = array("q")
        self.sends, self.opens, self.clicks = FirstLast(), FirstLast(), FirstLast()

    def add(self, event: Row) -> None:
        """Count one email event (v1)."""
        if event.get("filteredEvent") or event.get("obsoletedBy"):
            return
        kind, created = event["type"], event["created"]
        if kind in _COUNTER_PROPERTIES:
            self.counted.setdefault(kind, set()).add(_email_key(event))
        if kind == "SENT":
            self.sent.append(created)
            self.sends.observe(created)
        elif kind == "OPEN":
            self.opens.observe(created)
        elif kind == "CLICK":
            self.clicks.observe(created)

    def properties(self) -> dict[str, str]:
        """Return the counters that are set; a counter without events is unset."""
        counts = {_COUNTER_PROPERTIES[kind]: str(len(emails)) for kind, emails in self.counted.items()}
        return {
            **counts,
            **self.sends.time_properties("hs_email_first_send_date", "hs_email_last_send_date"),
            **self.opens.time_properties("hs_email_first_open_date", "hs_email_last_open_date"),
            **self.clicks.time_properties("hs_email_first_click_date", "hs_email_last_click_date"),
            **({"hs_email_sends_since_last_engagement": str(self._sends_since_engagement())} if self.sent else {}),
        }

    def _sends_since_engagement(self) -> int:
        engaged = max((each.last[0] for each in (self.opens, self.clicks) if each.last), default=0)
        return sum(created > engaged for created in self.sent)


def _email_key(event: Row) -> object:
    sent_by = event.get("sentBy") or {}
    return event.get("emailCampaignId") or sent_by.get("id") or event["id"]
