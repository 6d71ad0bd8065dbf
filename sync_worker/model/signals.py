"""The events that can count: known by now, each once, by kind, machine clicks marked; derived kinds among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.model.conditions import Condition
from sync_worker.model.criteria import DERIVED, readable_kinds
from sync_worker.model.document import Signals
from sync_worker.model.facts import EVENT_SCHEMA, INSTANT
from sync_worker.model.machines import with_quarantine
from sync_worker.model.patterns import any_glob, any_url, query_parameter
from sync_worker.model.standpoint import Standpoint
from sync_worker.model.truth import truth, views_of
from sync_worker.model.views import with_views

_IDENTITY: Final = ("contact_id", "event_id")
_USED: Final = ("contact_id", "at", "url", "form_id", "form_name", "campaign", "name", "user_agent", "sent_at", "filtered")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvents:
    """The events that can count, by recorded kind, each with the reason of its quarantine."""

    by_kind: Mapping[str, pl.DataFrame]
    standpoint: Standpoint

    def matching(self, kind: str, where: Condition | None) -> pl.DataFrame:
        """Return the events of a kind, recorded or derived, that meet a condition, machine clicks included."""
        recorded = sorted(readable_kinds(kind) & self.by_kind.keys())
        found = pl.concat([self.by_kind[name] for name in recorded]) if recorded else _none()
        if kind in DERIVED:
            found = found.filter(derived(kind, self.standpoint.model.document.signals).fill_null(value=False))
        if where is None:
            return found
        asked = self.standpoint.events_asked
        viewed = with_views(found, views_of([where], asked), self.standpoint.model.domains, self.standpoint.now)
        return viewed.filter(truth(where, asked).fill_null(value=False))


def known_events(events: pl.DataFrame, standpoint: Standpoint) -> KnownEvents:
    """Return the events that happened by now, of the kinds that the model asks for and the portal shows one by one."""
    rules = standpoint.model.document.machine_clicks
    wanted = sorted(standpoint.model.event_kinds - standpoint.hidden)
    parts = {kind: _unique(events.filter((pl.col("kind") == kind) & (pl.col("at") <= instant(standpoint.now)))) for kind in wanted}
    return KnownEvents(by_kind={kind: with_quarantine(part, kind, rules) for kind, part in parts.items()}, standpoint=standpoint)


def instant(at: datetime) -> pl.Expr:
    """Return an instant as a literal of the events' resolution."""
    return pl.lit(at, dtype=INSTANT)


def derived(kind: str, signals: Signals) -> pl.Expr:
    """Return whether an event of the right recorded kind is of a derived kind, too."""
    if kind == "download":
        return pl.col("url").str.contains(any_url(signals.downloads.urls))
    if kind == "search_term":
        return pl.col("url").str.contains(query_parameter(signals.search_terms.parameters))
    asked = signals.campaign_touches
    named = pl.when(pl.col("campaign") != "").then(pl.col("campaign"))
    in_url = pl.col("url").str.extract(query_parameter(asked.parameters))
    campaign = pl.coalesce(named, in_url).str.to_lowercase()
    return campaign.is_not_null() if asked.campaigns is None else campaign.str.contains(any_glob(asked.campaigns))


def _unique(events: pl.DataFrame) -> pl.DataFrame:
    """Keep each event once; of two reports of one, the same is kept whatever the order in which they came."""
    different = events.select(pl.struct(_IDENTITY).hash().n_unique()).item()
    if different < events.height:
        rest = [name for name in EVENT_SCHEMA if name not in _IDENTITY]
        events = events.sort(*_IDENTITY, *rest).unique(_IDENTITY, keep="last", maintain_order=True)
    return events.select(_USED)


def _none() -> pl.DataFrame:
    return with_quarantine(pl.DataFrame(schema=dict(EVENT_SCHEMA)).select(_USED), "", None)
