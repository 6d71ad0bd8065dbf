"""Facts: the input frames of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

TIMESTAMP: Final = pl.Datetime("ms", "UTC")

# One row per recorded event, including events made by bots. (contact_id, kind, event_id) is unique.
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
    "sent_at": TIMESTAMP,  # when the clicked email was sent
    "filtered": pl.Boolean,  # HubSpot's mark for bots and the portal's own staff
}

# The admitted MQLs by score, for hysteresis: their last verdict is MQL by score, and they are in the list of these MQLs.
PREVIOUS_SCHEMA: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "contact_id": pl.Int64,
    "by_score": pl.Boolean,
}

#: What the plan or the scopes of a portal can hide, in addition to kinds of event: the subscription statuses of contacts.
SUBSCRIPTIONS: Final = "subscriptions"

#: Kinds of event that a portal can hide, with the HubSpot properties that replace them: number of events, date of the last event.
COUNTER_PROPERTIES: Final[Mapping[str, tuple[str, str]]] = {
    "email_click": ("hs_email_click", "hs_email_last_click_date"),
    "email_open": ("hs_email_open", "hs_email_last_open_date"),
    "page_view": ("hs_analytics_num_page_views", "hs_analytics_last_timestamp"),
    "form_submission": ("num_conversion_events", "recent_conversion_date"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of some contacts; the other frames are complete for the contacts in `contacts`.

    `contacts`: `contact_id` (Int64, unique) and one String column per property that the model uses; properties of the primary company have
    the name `company.<name>`. Values are HubSpot's text; null and "" are unknown. A property without a column is unknown for all contacts.
    `subscribed_to` and `unsubscribed_from` are lists such as `;Newsletter;Product news;`, or `;` for none. `hidden_kinds`: the kinds of
    event that the portal does not show as single events, and `SUBSCRIPTIONS` if it does not show them.
    """

    contacts: pl.DataFrame
    events: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(EVENT_SCHEMA)))
    previous: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(PREVIOUS_SCHEMA)))
    hidden_kinds: frozenset[str] = frozenset()
