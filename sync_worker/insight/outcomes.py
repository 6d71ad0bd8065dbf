"""What became of contacts: opportunities and customers, from deals and lifecycle stages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from sync_worker.errors import ConfigurationError
from sync_worker.insight.merge_chain import pair_with_survivors
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.facts import TIMESTAMP

OPPORTUNITY: Final = "opportunity"
CUSTOMER: Final = "customer"


def find_outcomes(history: PortalHistory) -> pl.DataFrame:
    """Return the contacts that became opportunities or customers up to `history.now`.

    Columns: `contact_id`, `opportunity_at` (the first deal, or the lifecycle stage), `customer_at` (the first deal won, or the stage).
    A customer without an earlier opportunity was one at the same time. Contacts that were merged away have the outcomes of their survivor.
    """
    deals = history.deals.group_by("contact_id").agg(
        deal_at=pl.col("created_at").min(), won_at=pl.col("closed_at").filter(pl.col("is_won")).min()
    )
    stage = pl.col("stage")
    stages = history.stages.group_by("contact_id").agg(
        opportunity=pl.col("at").filter(stage == OPPORTUNITY).min(), customer=pl.col("at").filter(stage == CUSTOMER).min()
    )
    both = deals.join(stages, on="contact_id", how="full", coalesce=True)
    now, customer_at = pl.lit(history.now, dtype=TIMESTAMP), pl.min_horizontal("won_at", "customer")
    table = both.select(
        "contact_id",
        opportunity_at=pl.min_horizontal("deal_at", "opportunity", customer_at),
        customer_at=pl.when(customer_at <= now).then(customer_at),
    )
    table = table.filter(pl.col("opportunity_at") <= now)
    return _with_merged(table, history.merges).sort("contact_id")


def _with_merged(table: pl.DataFrame, merges: pl.DataFrame) -> pl.DataFrame:
    old = pair_with_survivors(merges).select(contact_id="survivor_id", old_id="contact_id").join(table, on="contact_id", how="inner")
    merged = old.with_columns(contact_id=pl.col("old_id")).select(table.columns)
    first = pl.concat([table, merged]).group_by("contact_id")
    return first.agg(pl.col("opportunity_at", "customer_at").min())


def sum_revenue(history: PortalHistory, contacts: pl.DataFrame) -> float:
    """Return the amount of the deals of some contacts that are won up to `history.now`, each deal once."""
    won = history.deals.filter("is_won", pl.col("closed_at") <= pl.lit(history.now, dtype=TIMESTAMP))
    return float(won.join(contacts, on="contact_id", how="semi").unique("deal_id")["amount"].sum())


def raise_if_deleted(history: PortalHistory, instant: datetime, *, hint: str) -> None:
    """Raise ConfigurationError if events in the windows of the models as of an instant have been deleted. `hint`: what else helps."""
    if history.complete_since is not None and instant < history.complete_since:
        raise ConfigurationError(
            f"The events that a model needs as of {instant:%Y-%m-%d} have been deleted from the state (SYNC_WORKER_KEEP_EVENTS_DAYS).",
            hint=f"Use {history.complete_since:%Y-%m-%d} or a later date, {hint}.",
        )


def outcomes_after(history: PortalHistory, instant: datetime, horizon: timedelta) -> pl.DataFrame:
    """Return what became of contacts within `horizon` after an instant, in the columns of `find_outcomes`.

    `earlier` is true for contacts that were opportunities or customers at the instant already: a model cannot predict them. Contacts
    without an outcome have no row. Contacts that were merged away have rows too: join with those of `as_of(history, instant)`.

    Raises:
        ConfigurationError: the horizon is not over, the instant is before the data, its events are deleted, or there is no outcome.
    """
    end = instant + horizon
    if end > history.outcomes_end:
        raise ConfigurationError(
            f"The {horizon.days} days after {instant:%Y-%m-%d} are not over: the outcomes are known up to {history.outcomes_end:%Y-%m-%d}.",
            hint=f"Use {history.outcomes_end - horizon:%Y-%m-%d} or an earlier date, or a shorter horizon.",
        )
    if history.start is None or instant < history.start:
        first = "there is no contact" if history.start is None else f"the first contact or event is from {history.start:%Y-%m-%d}"
        raise ConfigurationError(f"Nothing is known as of {instant:%Y-%m-%d}: {first}.", hint="Use a later date, or a shorter horizon.")
    raise_if_deleted(history, instant, hint="with a shorter horizon, or keep events for longer")
    found = find_outcomes(history)
    if found.is_empty():
        raise ConfigurationError(
            "The portal shows no deal, and no contact with the lifecycle stage opportunity or customer.",
            hint="Outcomes need deals or lifecycle stages in HubSpot; without them, no model can be compared with what happened.",
        )
    at, until = pl.lit(instant, dtype=TIMESTAMP), pl.lit(end, dtype=TIMESTAMP)
    inside = found.filter(pl.col("opportunity_at") <= until)
    customer_at = pl.when(pl.col("customer_at") <= until).then("customer_at")
    return inside.with_columns(customer_at=customer_at, earlier=pl.col("opportunity_at") <= at)
