"""The timeline of a contact: its events by day, worded for sales reps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlsplit

from sync_worker.sandbox.web.formatting import ValueFormatter

EventJson = Mapping[str, Any]

_EMAIL_EVENTS: Final = {
    "SENT": ("sent", "Email sent"),
    "DELIVERED": ("sent", "Email delivered"),
    "OPEN": ("open", "Opened an email"),
    "CLICK": ("click", "Clicked a link in an email"),
    "BOUNCE": ("stop", "Email bounced"),
    "DROPPED": ("stop", "Email dropped"),
    "SPAMREPORT": ("stop", "Reported an email as spam"),
    "STATUSCHANGE": ("stop", "Changed email subscriptions"),
}
_ATTENDANCE_STATES: Final = {"REGISTERED": "Registered for", "ATTENDED": "Attended", "NO_SHOW": "Did not attend", "CANCELLED": "Canceled"}
_BOT_CLICK_MS: Final = 2000  # no contact reads an email and clicks within two seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """One event; `icon` is an id in icons.svg, `flags` are short notes."""

    time: str
    icon: str
    title: str
    detail: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineDay:
    """The events of one day, newest first."""

    name: str
    time_ago: str
    events: tuple[TimelineEvent, ...]


def group_by_day(events: Iterable[EventJson], formatter: ValueFormatter, forms: Mapping[str, str]) -> Iterator[TimelineDay]:
    """Yield the days of a timeline, newest first.

    Args:
        events: newest first: {at (epoch milliseconds), kind, row}.
        formatter: formats the times.
        forms: form names by id.
    """
    for name, group in groupby(events, key=lambda event: formatter.format_local_day(event["at"])):
        day_events = list(group)
        yield TimelineDay(
            name=name,
            time_ago=formatter.format_time_ago(day_events[0]["at"]),
            events=tuple(_timeline_event(event, formatter, forms) for event in day_events),
        )


def _timeline_event(event: EventJson, formatter: ValueFormatter, forms: Mapping[str, str]) -> TimelineEvent:
    row, kind = event["row"], event["kind"]
    time = f"{formatter.to_local(event['at']):%H:%M:%S}"
    if kind == "FORM_SUBMISSION":
        name = forms.get(row["formId"], row["formId"])
        return TimelineEvent(time=time, icon="form", title=f"Submitted “{name}”", detail=row.get("pageUrl") or "")
    if kind == "PARTICIPATION":
        verb = _ATTENDANCE_STATES.get(row["properties"]["attendanceState"], "Participated in")
        return TimelineEvent(time=time, icon="form", title=f"{verb} “{row['eventName']}”", detail="")
    if kind == "e_visited_page":
        return _page_view(row["properties"], time)
    icon, title = _EMAIL_EVENTS.get(kind, ("dot", kind.replace("_", " ").capitalize()))
    detail = row.get("url") or row.get("subject") or row.get("response") or row.get("portalSubscriptionStatus") or ""
    return TimelineEvent(time=time, icon=icon, title=title, detail=str(detail), flags=tuple(_event_flags(row, kind)))


def _page_view(properties: EventJson, time: str) -> TimelineEvent:
    url = properties.get("hs_url") or ""
    title = properties.get("hs_title") or urlsplit(url).path or "a page"
    campaign = properties.get("hs_utm_campaign")
    return TimelineEvent(time=time, icon="view", title=f"Viewed “{title}”", detail=url, flags=(f"campaign {campaign}",) if campaign else ())


def _event_flags(row: EventJson, kind: str) -> Iterator[str]:
    sent = (row.get("sentBy") or {}).get("created")
    if kind == "CLICK" and sent is not None and row["created"] - sent <= _BOT_CLICK_MS:
        yield f"{(row['created'] - sent) / 1000:.1f} s after sending"
    if row.get("filteredEvent"):
        yield "filtered by HubSpot"
    if row.get("obsoletedBy"):
        yield "replaced by another event"
    if "bot" in (row.get("userAgent") or "").lower():
        yield "crawler user agent"
