"""Machine clicks: events that a scanner or a crawler made are put in quarantine, with the reason."""

from __future__ import annotations

from typing import Final

import polars as pl

from sync_worker.model.document import MachineClicks
from sync_worker.model.patterns import any_glob
from sync_worker.model.quantities import milliseconds

#: The column that holds why an event is in quarantine, null for those that are not.
QUARANTINE: Final = "quarantine"

FLAGGED: Final = "flagged"
AFTER_SEND: Final = "after_send"
MANY_LINKS: Final = "many_links"
CRAWLER: Final = "crawler"

_CLICK: Final = "email_click"
_SECOND: Final = 1_000  # milliseconds


def with_quarantine(events: pl.DataFrame, rules: MachineClicks) -> pl.DataFrame:
    """Add why an event is in quarantine: HubSpot's mark, too soon after the send, many links in a second, a crawler."""
    reasons = [_reason(_flagged(rules), FLAGGED), _reason(_after_send(rules), AFTER_SEND), _reason(_crawler(events, rules), CRAWLER)]
    known = [reason for reason in reasons if reason is not None]
    marked = events.with_columns(pl.coalesce(*known, pl.lit(None, dtype=pl.String)).alias(QUARANTINE))
    if rules.links_within_a_second is None:
        return marked
    bursts = _bursts(marked, rules.links_within_a_second)
    if bursts.is_empty():
        return marked
    many = marked.join(bursts, on=["contact_id", "event_id"], how="left", maintain_order="left")
    reason = pl.when((pl.col("kind") == _CLICK) & pl.col("burst")).then(pl.lit(MANY_LINKS))
    return many.with_columns(pl.coalesce(QUARANTINE, reason).alias(QUARANTINE)).drop("burst")


def _reason(holds: pl.Expr | None, reason: str) -> pl.Expr | None:
    return None if holds is None else pl.when(holds).then(pl.lit(reason))


def _flagged(rules: MachineClicks) -> pl.Expr | None:
    return pl.col("filtered") if rules.flagged_by_hubspot else None


def _after_send(rules: MachineClicks) -> pl.Expr | None:
    if rules.after_send is None:
        return None
    return (pl.col("kind") == _CLICK) & (pl.col("at") - pl.col("sent_at") <= pl.duration(milliseconds=milliseconds(rules.after_send)))


def _crawler(events: pl.DataFrame, rules: MachineClicks) -> pl.Expr | None:
    """Look at each different user agent once: there are few of them."""
    if rules.user_agents is None:
        return None
    agents = events["user_agent"].unique().drop_nulls()
    crawlers = agents.filter(agents.str.to_lowercase().str.contains(any_glob(rules.user_agents)))
    return pl.col("user_agent").is_in(crawlers) if len(crawlers) else None


def _bursts(events: pl.DataFrame, links: int) -> pl.DataFrame:
    """Find the clicks of one contact that lie within one second with so many different links.

    A second reaches from its first click to the last, both included.
    """
    clicks = events.lazy().filter(pl.col("kind") == _CLICK).select("contact_id", "event_id", "at", "url").sort("contact_id", "at")
    near = _dense(clicks, links).collect()
    if near.is_empty():
        return near.select("contact_id", "event_id", burst=pl.lit(True))
    windows = near.rolling("at", period=f"{_SECOND}ms", offset="0ms", closed="both", group_by="contact_id").agg(
        different=pl.col("url").drop_nulls().n_unique()
    )
    starts = windows.filter(pl.col("different") >= links).select("contact_id", "at", start=pl.col("at")).unique()
    inside = near.join_asof(
        starts.sort("at"), on="at", by="contact_id", strategy="backward", tolerance=f"{_SECOND}ms", check_sortedness=False
    )
    return inside.filter(pl.col("start").is_not_null()).select("contact_id", "event_id", burst=pl.lit(True))


def _dense(clicks: pl.LazyFrame, links: int) -> pl.LazyFrame:
    """Keep clicks with enough clicks of the same contact around them to make a burst at all."""
    same = pl.col("contact_id") == pl.col("contact_id").shift(links - 1)
    together = same & (pl.col("at") - pl.col("at").shift(links - 1) <= pl.duration(milliseconds=_SECOND))
    marks = [together.shift(-step, fill_value=False) for step in range(links)]
    return clicks.filter(pl.any_horizontal(marks))
