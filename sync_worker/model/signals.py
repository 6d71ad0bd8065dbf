"""Which recorded events are what a criterion counts: kinds, derived kinds, conditions, windows."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.model.document import Signals
from sync_worker.model.facts import EVENT_SCHEMA, INSTANT, Facts
from sync_worker.model.patterns import any_glob, any_url, query_parameter

IDENTITY: Final = ("contact_id", "kind", "event_id")


def known_events(facts: Facts, now: datetime) -> pl.DataFrame:
    """Return the events that can count: happened by `now`, shown by the portal one by one, each once."""
    events = facts.events.select(pl.col(name).cast(dtype) for name, dtype in EVENT_SCHEMA.items())
    shown = events.filter((pl.col("at") <= instant(now)) & ~pl.col("kind").is_in(sorted(facts.hidden)))
    if shown.select(pl.struct(IDENTITY).is_unique().all()).item():
        return shown
    # The same event twice: whichever says more recent, so that the order in which they came makes no difference.
    return shown.sort(*IDENTITY, *(name for name in EVENT_SCHEMA if name not in IDENTITY), nulls_last=False).unique(
        IDENTITY, keep="last", maintain_order=True
    )


def instant(at: datetime) -> pl.Expr:
    """Return an instant as a literal of the events' resolution."""
    return pl.lit(at, dtype=INSTANT)


def of_kind(kind: str, signals: Signals) -> pl.Expr:
    """Return whether an event is of a kind, recorded or derived."""
    recorded = pl.col("kind")
    if kind == "download":
        return recorded.is_in(["page_view", "email_click"]) & pl.col("url").str.contains(any_url(signals.downloads.urls)).fill_null(
            value=False
        )
    if kind == "search_term":
        asked = pl.col("url").str.contains(query_parameter(signals.search_terms.parameters)).fill_null(value=False)
        return (recorded == "page_view") & asked
    if kind == "campaign_touch":
        return (recorded == "page_view") & _touch(signals)
    return recorded == kind


def _touch(signals: Signals) -> pl.Expr:
    """A page view is a touch point when HubSpot or its URL names a campaign, and the model doesn't want others."""
    asked = signals.campaign_touches
    in_url = pl.col("url").str.contains(query_parameter(asked.parameters)).fill_null(value=False)
    named = pl.col("campaign").is_not_null() & (pl.col("campaign") != "")
    if asked.campaigns is None:
        return in_url | named
    campaign = pl.col("campaign").fill_null(pl.col("url").str.extract(rf"(?i)[?&](?:{'|'.join(asked.parameters)})=([^&#]+)"))
    return campaign.str.to_lowercase().str.contains(any_glob(asked.campaigns)).fill_null(value=False)
