"""HubSpot's JSON as typed records: every string is parsed here, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact as HubSpot showed it: property values are text or None, as HubSpot has them."""

    id: int
    properties: Mapping[str, str | None]
    created_at: datetime
    updated_at: datetime
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A company; a contact's `associatedcompanyid` names its primary one."""

    id: int
    properties: Mapping[str, str | None]
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """A deal and the contacts it belongs to."""

    id: int
    properties: Mapping[str, str | None]
    contact_ids: tuple[int, ...]
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that somebody did: a click, an open, a page view, a form submission.

    Either `contact_id` or `email` (lower case) says who: HubSpot's e-mail events and submissions know the address only.
    """

    id: str
    kind: str  # email_click, email_open, page_view, form_submission, custom:<name> ...
    at: datetime
    contact_id: int | None = None
    email: str | None = None
    url: str | None = None
    form_id: str | None = None
    campaign: str | None = None  # utm campaign of a page view, e-mail campaign id of a click
    name: str | None = None  # title of the page
    user_agent: str | None = None
    sent_at: datetime | None = None  # of the e-mail that was clicked
    filtered: bool = False  # HubSpot's own mark for machines and staff
    obsoleted_by: str | None = None  # the event that replaces this one
