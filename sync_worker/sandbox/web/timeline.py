"""What a contact did, day by day, in a sales rep's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlsplit

from sync_worker.sandbox.web.formatting import ValueFormatter

EventJson = Mapping[str, Any]

_EMAIL_EVENTS: Final = {
    "SENT": ("sent", "E-mail sent"),
    "DELIVERED": ("sent", "E-mail delivered"),
    "OPEN": ("open", "Opened an e-mail"),
    "CLICK": ("click", "Clicked a link in an e-mail"),
    "BOUNCE": ("stop", "E-mail bounced"),
    "DROPPED": ("stop", "E-mail dropped"),
    "SPAMREPORT": ("stop", "Reported an e-mail as spam"),
    "STATUSCHANGE": ("stop", "Changed e-mail subscriptions"),
}
_ATTENDANCE_STATES: Final = {"REGISTERED": "Registered for", "ATTENDED": "Attended", "NO_SHOW": "Did not come to", "CANCELLED": "Cancelled"}
_BOT_CLICK_MS: Final = 2000  # nobody reads and clicks within two seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """One thing that happened; `icon` is the name of a drawing, `marks` are short remarks."""

    time: str
    icon: str
    title: str
    detail: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineDay:
    """What happened on one day, newest first."""

    name: str
    ago: str
    moments: tuple[TimelineEvent, ...]


def group_by_day(events: Iterable[EventJson], formatter: ValueFormatter, forms: Mapping[str, str]) -> Iterator[TimelineDay]:
    """Yield the days of a timeline, newest first.

    Args:
        events: newest first: {at (epoch milliseconds), kind, row}.
        formatter: how values and times are written.
        forms: names of forms by id.
    """
    for name, happened in groupby(events, key=lambda event: formatter.day_heading(event["at"])):
        on_day = list(happened)
        yield TimelineDay(
            name=name, ago=formatter.time_ago(on_day[0]["at"]), moments=tuple(_timeline_event(event, formatter, forms) for event in on_day)
        )


def _timeline_event(event: EventJson, formatter: ValueFormatter, forms: Mapping[str, str]) -> TimelineEvent:
    row, kind = event["row"], event["kind"]
    time = f"{formatter.to_local(event['at']):%H:%M:%S}"
    if kind == "FORM_SUBMISSION":
        name = forms.get(row["formId"], row["formId"])
        return TimelineEvent(time=time, icon="form", title=f"Filled in “{name}”", detail=row.get("pageUrl") or "")
    if kind == "PARTICIPATION":
        took_part = _ATTENDANCE_STATES.get(row["properties"]["attendanceState"], "Has to do with")
        return TimelineEvent(time=time, icon="form", title=f"{took_part} “{row['eventName']}”", detail="")
    if kind == "e_visited_page":
        return _page_view(row["properties"], time)
    icon, title = _EMAIL_EVENTS.get(kind, ("dot", kind.replace("_", " ").capitalize()))
    detail = row.get("url") or row.get("subject") or row.get("response") or row.get("portalSubscriptionStatus") or ""
    return TimelineEvent(time=time, icon=icon, title=title, detail=str(detail), marks=tuple(_event_marks(row, kind)))


def _page_view(properties: EventJson, time: str) -> TimelineEvent:
    url = properties.get("hs_url") or ""
    title = properties.get("hs_title") or urlsplit(url).path or "a page"
    campaign = properties.get("hs_utm_campaign")
    return TimelineEvent(time=time, icon="view", title=f"Viewed “{title}”", detail=url, marks=(f"campaign {campaign}",) if campaign else ())


def _event_marks(row: EventJson, kind: str) -> Iterator[str]:
    sent = (row.get("sentBy") or {}).get("created")
    if kind == "CLICK" and sent is not None and row["created"] - sent <= _BOT_CLICK_MS:
        yield f"{(row['created'] - sent) / 1000:.1f} s after it was sent"
    if row.get("filteredEvent"):
        yield "filtered by HubSpot"
    if row.get("obsoletedBy"):
        yield "replaced by another report"
    if "bot" in (row.get("userAgent") or "").lower():
        yield "user agent of a crawler"
