"""All events of a portal: email events, event occurrences, form submissions, marketing events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.base.timestamps import parse_ms
from sync_worker.sandbox.events.event_timeline import EventTimeline, RowKey
from sync_worker.sandbox.events.marketing_events import MarketingEventStore, participation_event_id

FORM_SUBMISSION = "FORM_SUBMISSION"
PARTICIPATION = "PARTICIPATION"


def submission_email(submission: Row) -> str:
    """Return the email address of a form submission in lower case; "" without one."""
    values = submission.get("values", ())
    return next((str(value.get("value", "")).lower() for value in values if value.get("name") == "email"), "")


EMAIL_EVENT_KEY = RowKey(
    timestamp=lambda row: int(row["created"]),
    kind=lambda row: str(row.get("type", "")),
    contact_key=lambda row: str(row.get("recipient", "")).lower(),
)
OCCURRENCE_KEY = RowKey(
    timestamp=lambda row: parse_ms(row["occurredAt"]) or 0,
    kind=lambda row: str(row.get("eventType", "")),
    contact_key=lambda row: str(row.get("objectId", "")),
)
SUBMISSION_KEY = RowKey(timestamp=lambda row: int(row["submittedAt"]), kind=lambda row: str(row["formId"]), contact_key=submission_email)


@dataclass(frozen=True, slots=True)
class FormCatalog:
    """The forms of a portal, by id."""

    by_id: dict[str, Row]


class Engagement:
    """Timelines of all events: email events and submissions keyed by address, the others by contact id."""

    def __init__(self, data: PortalData) -> None:
        self.email_events = EventTimeline(({**row, "portalId": data.portal_id} for row in data.email_events), EMAIL_EVENT_KEY)
        self.occurrences = EventTimeline(data.events, OCCURRENCE_KEY)
        self.submissions = EventTimeline(data.submissions, SUBMISSION_KEY)
        self.marketing_events = MarketingEventStore(data.marketing_events, data.participations)
        # A submission may be of a form that the portal data does not list.
        unnamed: dict[str, Row] = {form_id: {"id": form_id, "name": form_id} for form_id in self.submissions.kinds()}
        self.forms = FormCatalog(unnamed | {str(form["id"]): form for form in data.forms})

    def contact_events(self, contact_id: int, email: str | None, limit: int) -> list[dict[str, Any]]:
        """Return the events of one contact, newest first: {at (epoch milliseconds), kind, row}."""
        found = self.occurrences.newest_rows(str(contact_id), limit)
        events = self.marketing_events
        for at, _, row in events.timeline.newest_rows(str(contact_id), limit):
            name = events.by_id.get(participation_event_id(row), {}).get("eventName")
            found.append((at, PARTICIPATION, {**row, "eventName": name}))
        if email:
            found += self.email_events.newest_rows(email.lower(), limit)
            found += [(at, FORM_SUBMISSION, row) for at, _, row in self.submissions.newest_rows(email.lower(), limit)]
        found.sort(key=lambda item: -item[0])
        return [{"at": at, "kind": kind, "row": row} for at, kind, row in found[:limit]]
