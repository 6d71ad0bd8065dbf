"""What the model is given to judge: facts as frames, nothing computed yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

TIMESTAMP: Final = pl.Datetime("ms", "UTC")

# One row an event, as recorded, machine clicks included. (contact_id, kind, event_id) is unique.
EVENT_SCHEMA: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "contact_id": pl.Int64,
    "event_id": pl.String,
    "kind": pl.String,  # email_click, email_open, page_view, form_submission, webinar, custom:<name>
    "at": TIMESTAMP,
    "url": pl.String,
    "form_id": pl.String,
    "form_name": pl.String,
    "campaign": pl.String,
    "name": pl.String,
    "user_agent": pl.String,
    "sent_at": TIMESTAMP,  # when the e-mail went out that was clicked
    "filtered": pl.Boolean,  # HubSpot's own mark for machines and staff
}

# What the worker remembers of the verdict before, for hysteresis. A contact without a row has none.
PREVIOUS_SCHEMA: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "contact_id": pl.Int64,
    "by_score": pl.Boolean,
}

#: Event kinds that a portal can hide, and HubSpot's counters (number, newest date) that stand in for them.
COUNTER_PROPERTIES: Final[Mapping[str, tuple[str, str]]] = {
    "email_click": ("hs_email_click", "hs_email_last_click_date"),
    "email_open": ("hs_email_open", "hs_email_last_open_date"),
    "page_view": ("hs_analytics_num_page_views", "hs_analytics_last_timestamp"),
    "form_submission": ("num_conversion_events", "recent_conversion_date"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of some contacts, each frame complete for the contacts that stand in `contacts`.

    `contacts`: `contact_id` (Int64, unique) and one String column for each property that the model asks for: a contact
    property under its own name, a property of the primary company as `company.<name>`. Values are HubSpot's text; null
    and "" are both unknown. A property that the model asks for and that has no column is unknown for everybody.
    `hidden`: the kinds of event that this portal does not show one by one.
    """

    contacts: pl.DataFrame
    events: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(EVENT_SCHEMA)))
    previous: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(PREVIOUS_SCHEMA)))
    hidden_kinds: frozenset[str] = frozenset()
