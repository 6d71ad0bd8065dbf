"""What people did: e-mail events, event occurrences, form submissions, marketing events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.base.timestamps import parse_ms
from sync_worker.sandbox.crm.event_timeline import Key, Timeline
from sync_worker.sandbox.crm.marketing_events import MarketingEvents, event_of

SUBMITTED = "FORM_SUBMISSION"
TOOK_PART = "PARTICIPATION"


def address_of(submission: Row) -> str:
    """Return the e-mail address that was sent with a form, in lower case; "" without one."""
    values = submission.get("values", ())
    return next((str(value.get("value", "")).lower() for value in values if value.get("name") == "email"), "")


EMAIL_EVENTS = Key(
    at=lambda row: int(row["created"]), kind=lambda row: str(row.get("type", "")), who=lambda row: str(row.get("recipient", "")).lower()
)
OCCURRENCES = Key(
    at=lambda row: parse_ms(row["occurredAt"]) or 0,
    kind=lambda row: str(row.get("eventType", "")),
    who=lambda row: str(row.get("objectId", "")),
)
SUBMISSIONS = Key(at=lambda row: int(row["submittedAt"]), kind=lambda row: str(row["formId"]), who=address_of)


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of a portal, whose submissions are in their timeline."""

    by_id: dict[str, Row]


class Engagement:
    """Everything that people did in a portal: e-mail events and submissions by address, the rest by contact id."""

    def __init__(self, data: PortalData) -> None:
        self.email_events = Timeline(data.email_events, EMAIL_EVENTS)
        self.occurrences = Timeline(data.events, OCCURRENCES)
        self.submissions = Timeline(data.submissions, SUBMISSIONS)
        self.marketing_events = MarketingEvents(data.marketing_events, data.participations)
        self.forms = Forms({str(form["id"]): form for form in data.forms})

    def of_contact(self, contact_id: int, email: str | None, limit: int) -> list[dict[str, Any]]:
        """Return what one contact did, newest first: {at (epoch milliseconds), kind, row}."""
        seen = self.occurrences.newest(str(contact_id), limit)
        events = self.marketing_events
        for at, _, row in events.timeline.newest(str(contact_id), limit):
            name = events.by_id.get(event_of(row), {}).get("eventName")
            seen.append((at, TOOK_PART, {**row, "eventName": name}))
        if email:
            seen += self.email_events.newest(email.lower(), limit)
            seen += [(at, SUBMITTED, row) for at, _, row in self.submissions.newest(email.lower(), limit)]
        seen.sort(key=lambda item: -item[0])
        return [{"at": at, "kind": kind, "row": row} for at, kind, row in seen[:limit]]
