"""HubSpot's counters of a contact, counted again from its events and deals as of an instant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import polars as pl

from sync_worker.insight.portal_history import PortalHistory

SESSION: Final = pl.duration(minutes=30)  # half an hour without a page view ends a session
_TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%S%.3fZ"
_AT: Final = pl.col("at")
_EMAIL: Final = pl.coalesce("campaign", pl.col("sent_at").dt.epoch("ms").cast(pl.String), "event_id")


def _format_time(time: pl.Expr) -> pl.Expr:
    return time.dt.strftime(_TIME_FORMAT)


def _span(first: str, last: str) -> dict[str, pl.Expr]:
    return {first: _format_time(_AT.min()), last: _format_time(_AT.max())}


def _emails(count: str) -> dict[str, pl.Expr]:
    """HubSpot counts emails, not clicks: five clicks in one email count once."""
    return {count: _EMAIL.n_unique().cast(pl.String)}


_IS_NEW_SESSION: Final = (_AT.sort().diff() > SESSION).fill_null(value=True)

#: The counters by the kind of event that they count.
EVENT_COUNTERS: Final[Mapping[str, Mapping[str, pl.Expr]]] = {
    "email_click": {**_emails("hs_email_click"), **_span("hs_email_first_click_date", "hs_email_last_click_date")},
    "email_open": {**_emails("hs_email_open"), **_span("hs_email_first_open_date", "hs_email_last_open_date")},
    "email_delivered": _emails("hs_email_delivered"),
    "email_bounce": _emails("hs_email_bounce"),
    "email_sent": _span("hs_email_first_send_date", "hs_email_last_send_date"),
    "page_view": {
        "hs_analytics_num_page_views": pl.len().cast(pl.String),
        "hs_analytics_num_visits": _IS_NEW_SESSION.sum().cast(pl.String),
        "hs_analytics_average_page_views": (pl.len() / _IS_NEW_SESSION.sum()).round().cast(pl.Int64).cast(pl.String),
        "hs_analytics_first_visit_timestamp": _format_time(_AT.min()),
        "hs_analytics_last_visit_timestamp": _format_time(_AT.sort().filter(_IS_NEW_SESSION).last()),
        **_span("hs_analytics_first_timestamp", "hs_analytics_last_timestamp"),
        "hs_analytics_first_url": pl.col("url").sort_by("at").first(),
        "hs_analytics_last_url": pl.col("url").sort_by("at").last(),
    },
    "form_submission": {
        "num_conversion_events": pl.len().cast(pl.String),
        "num_unique_conversion_events": pl.col("form_id").n_unique().cast(pl.String),
        **_span("first_conversion_date", "recent_conversion_date"),
    },
}
#: HubSpot shows these as 0 instead of no value.
_ZEROS: Final = ("hs_analytics_num_page_views", "hs_analytics_num_visits", "num_conversion_events", "num_unique_conversion_events")
SENDS: Final = "hs_email_sends_since_last_engagement"
_SEND_KINDS: Final = frozenset({"email_sent", "email_open", "email_click"})


_WON: Final = pl.col("is_won")
_CLOSE: Final = ("closed_at", "deal_id")
_REVENUE: Final = pl.col("amount").filter(_WON).sum()
DEAL_COUNTERS: Final[Mapping[str, pl.Expr]] = {
    "num_associated_deals": pl.col("deal_id").n_unique().cast(pl.String),
    "first_deal_created_date": _format_time(pl.col("created_at").min()),
    "total_revenue": pl.when(_REVENUE != 0).then(_REVENUE.cast(pl.String)),  # no value without revenue
    "recent_deal_close_date": _format_time(pl.col("closed_at").filter(_WON).max()),
    "recent_deal_amount": pl.col("amount").filter(_WON).sort_by([pl.col(name).filter(_WON) for name in _CLOSE]).last().cast(pl.String),
}


def find_counted_kinds(names: Collection[str]) -> frozenset[str]:
    """Return the kinds of event that are needed to count these properties again."""
    kinds = {kind for kind, counters in EVENT_COUNTERS.items() if not counters.keys().isdisjoint(names)}
    return frozenset(kinds | (_SEND_KINDS if SENDS in names else set()))


def count_again(contacts: pl.DataFrame, known: PortalHistory, *, shows_deals: bool) -> tuple[pl.DataFrame, frozenset[str]]:
    """Return the contacts with the counters of the known events and deals, and the names of these counters.

    `shows_deals`: the portal shows deals, so that a contact without a known deal has none yet.
    """
    wanted, recounted = set(contacts.columns), set[str]()
    # Lazy, so that only the columns of a counter are copied.
    genuine = known.events.lazy().filter(~pl.col("filtered").fill_null(value=False), ~pl.col("shared").fill_null(value=False))
    for kind in sorted(known.complete_kinds & EVENT_COUNTERS.keys()):
        counters = {name: counter for name, counter in EVENT_COUNTERS[kind].items() if name in wanted}
        if counters:
            contacts = _replace_columns(contacts, genuine.filter(pl.col("kind") == kind).group_by("contact_id").agg(**counters).collect())
            recounted |= counters.keys()
    if SENDS in wanted and known.complete_kinds >= _SEND_KINDS:
        contacts = _replace_columns(contacts, _sends_since_engagement(genuine).collect())
        recounted.add(SENDS)
    if counters := {name: counter for name, counter in DEAL_COUNTERS.items() if name in wanted and shows_deals}:
        contacts = _replace_columns(contacts, known.deals.group_by("contact_id").agg(**counters))
        recounted |= counters.keys()
    zeros = recounted.intersection(_ZEROS)
    return contacts.with_columns(pl.col(name).fill_null("0") for name in sorted(zeros)), frozenset(recounted)


def _sends_since_engagement(events: pl.LazyFrame) -> pl.LazyFrame:
    kind = pl.col("kind")
    engaged = _AT.filter(kind.is_in(["email_open", "email_click"])).max()
    sent = _AT.filter(kind == "email_sent")
    counted = pl.when(sent.len() > 0).then((sent > engaged.fill_null(pl.lit(0).cast(_epoch_type()))).sum()).cast(pl.String)
    return events.filter(kind.is_in([*_SEND_KINDS])).group_by("contact_id").agg(counted.alias(SENDS))


def _epoch_type() -> pl.Datetime:
    return pl.Datetime("ms", "UTC")


def _replace_columns(contacts: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    columns = contacts.columns
    kept = contacts.drop(name for name in counted.columns if name != "contact_id")
    return kept.join(counted, on="contact_id", how="left", maintain_order="left").select(columns)
