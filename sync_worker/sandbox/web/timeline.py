"""What a contact did, day by day, in a sales rep's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlsplit

from sync_worker.sandbox.web.formatting import Wording

Json = Mapping[str, Any]

_MAIL: Final = {
    "SENT": ("sent", "E-mail sent"),
    "DELIVERED": ("sent", "E-mail delivered"),
    "OPEN": ("open", "Opened an e-mail"),
    "CLICK": ("click", "Clicked a link in an e-mail"),
    "BOUNCE": ("stop", "E-mail bounced"),
    "DROPPED": ("stop", "E-mail dropped"),
    "SPAMREPORT": ("stop", "Reported an e-mail as spam"),
    "STATUSCHANGE": ("stop", "Changed e-mail subscriptions"),
}
_STATES: Final = {"REGISTERED": "Registered for", "ATTENDED": "Attended", "NO_SHOW": "Did not come to", "CANCELLED": "Cancelled"}
_MACHINE_MS: Final = 2000  # nobody reads and clicks within two seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened; `icon` is the name of a drawing, `marks` are short remarks."""

    time: str
    icon: str
    title: str
    detail: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What happened on one day, newest first."""

    name: str
    ago: str
    moments: tuple[Moment, ...]


def days(events: Iterable[Json], words: Wording, forms: Mapping[str, str]) -> Iterator[Day]:
    """Yield the days of a timeline, newest first.

    Args:
        events: newest first: {at (epoch milliseconds), kind, row}.
        words: in which to say it.
        forms: names of forms by id.
    """
    for name, happened in groupby(events, key=lambda event: words.day(event["at"])):
        on_day = list(happened)
        yield Day(name=name, ago=words.ago(on_day[0]["at"]), moments=tuple(_moment(event, words, forms) for event in on_day))


def _moment(event: Json, words: Wording, forms: Mapping[str, str]) -> Moment:
    row, kind = event["row"], event["kind"]
    time = f"{words.local(event['at']):%H:%M:%S}"
    if kind == "FORM_SUBMISSION":
        name = forms.get(row["formId"], row["formId"])
        return Moment(time=time, icon="form", title=f"Filled in “{name}”", detail=row.get("pageUrl") or "")
    if kind == "PARTICIPATION":
        took_part = _STATES.get(row["properties"]["attendanceState"], "Has to do with")
        return Moment(time=time, icon="form", title=f"{took_part} “{row['eventName']}”", detail="")
    if kind == "e_visited_page":
        return _page_view(row["properties"], time)
    icon, title = _MAIL.get(kind, ("dot", kind.replace("_", " ").capitalize()))
    detail = row.get("url") or row.get("subject") or row.get("response") or row.get("portalSubscriptionStatus") or ""
    return Moment(time=time, icon=icon, title=title, detail=str(detail), marks=tuple(_marks(row, kind)))


def _page_view(properties: Json, time: str) -> Moment:
    url = properties.get("hs_url") or ""
    title = properties.get("hs_title") or urlsplit(url).path or "a page"
    campaign = properties.get("hs_utm_campaign")
    return Moment(time=time, icon="view", title=f"Viewed “{title}”", detail=url, marks=(f"campaign {campaign}",) if campaign else ())


def _marks(row: Json, kind: str) -> Iterator[str]:
    sent = (row.get("sentBy") or {}).get("created")
    if kind == "CLICK" and sent is not None and row["created"] - sent <= _MACHINE_MS:
        yield f"{(row['created'] - sent) / 1000:.1f} s after it was sent"
    if row.get("filteredEvent"):
        yield "filtered by HubSpot"
    if row.get("obsoletedBy"):
        yield "replaced by another report"
    if "bot" in (row.get("userAgent") or "").lower():
        yield "user agent of a crawler"
