"""The bot filter: events made by scanners or crawlers are quarantined with a reason."""

from __future__ import annotations

from functools import cache
from typing import Final

import polars as pl

from sync_worker.model.file.schema import MachineClicks
from sync_worker.model.file.units import to_milliseconds
from sync_worker.model.scoring.regex import any_glob

#: The column with the reason of the quarantine; null if the event is not quarantined.
QUARANTINE: Final = "quarantine"

FLAGGED: Final = "flagged"
AFTER_SEND: Final = "after_send"
MANY_LINKS: Final = "many_links"
CRAWLER: Final = "crawler"

_REASON_TYPE: Final = pl.Enum([FLAGGED, AFTER_SEND, CRAWLER, MANY_LINKS])
_PHONE_BRAND: Final = "cubot"  # not a bot
_CLICK_KIND: Final = "email_click"
_BURST_MILLISECONDS: Final = 1_000
_ROW_COLUMN: Final = "row"
_TIMESTAMP_RANGE: Final = 1 << 42  # until the year 2109
_HASH_RANGE: Final = 1 << 21


def add_quarantine(events: pl.DataFrame, kind: str, rules: MachineClicks | None) -> pl.DataFrame:
    """Add the column `QUARANTINE` to events of one kind."""
    reasons: list[pl.Expr] = []
    if rules and rules.flagged_by_hubspot:
        reasons.append(_reason_expression(pl.col("filtered"), FLAGGED))
    if rules and rules.after_send is not None and kind == _CLICK_KIND:
        soon = pl.col("at") - pl.col("sent_at") <= pl.duration(milliseconds=to_milliseconds(rules.after_send))
        reasons.append(_reason_expression(soon, AFTER_SEND))
    if rules and rules.user_agents is not None:
        reasons.append(_reason_expression(pl.col("user_agent").is_in(_find_crawlers(events, rules.user_agents).implode()), CRAWLER))
    if rules and rules.links_within_a_second is not None and kind == _CLICK_KIND:
        bursts = _find_bursts(events, rules.links_within_a_second)
        reasons.append(_reason_expression(pl.int_range(pl.len(), dtype=pl.UInt32).is_in(bursts.implode()), MANY_LINKS))
    return events.with_columns(pl.coalesce(*reasons, pl.lit(None, dtype=_REASON_TYPE)).alias(QUARANTINE))


def _reason_expression(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason, dtype=_REASON_TYPE))


def _find_crawlers(events: pl.DataFrame, patterns: tuple[str, ...]) -> pl.Series:
    """Test each distinct user agent once, because there are few of them.

    The engine does not backtrack, so a long user agent takes linear time.
    """
    agents = events["user_agent"].drop_nulls().unique()
    lower = agents.str.to_lowercase().str.replace_all(_PHONE_BRAND, "", literal=True)
    return agents.filter(lower.str.contains(any_glob(patterns)) | agents.str.contains(_join_crawler_patterns()))


@cache
def _join_crawler_patterns() -> str:
    """Return a regular expression for the crawlers of the package; unlike the patterns of the model, it respects upper case."""
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # noqa: PLC0415 -- the import reads a large file; most commands do not need it

    return "|".join(f"(?:{crawler['pattern']})" for crawler in CRAWLER_USER_AGENTS_DATA)


def _find_bursts(clicks: pl.DataFrame, min_links: int) -> pl.Series:
    """Return the row numbers of clicks that are part of a burst: clicks of one contact on `min_links` different links within one second.

    A second starts with a click; both of its ends are inclusive.
    """
    near = _keep_dense_clicks(clicks.select("contact_id", "at", "url").with_row_index(_ROW_COLUMN), min_links).sort("contact_id", "at")
    if near.is_empty():
        return near[_ROW_COLUMN]
    windows = near.rolling("at", period=f"{_BURST_MILLISECONDS}ms", offset="0ms", closed="both", group_by="contact_id").agg(
        different=pl.col("url").drop_nulls().n_unique()
    )
    starts = windows.filter(pl.col("different") >= min_links).select("contact_id", "at", start=pl.col("at")).unique()
    latest = pl.col("start").forward_fill().over("contact_id")
    inside = near.join(starts, on=["contact_id", "at"], how="left", maintain_order="left").with_columns(latest)
    return inside.filter(pl.col("at") - pl.col("start") <= pl.duration(milliseconds=_BURST_MILLISECONDS))[_ROW_COLUMN]


def _keep_dense_clicks(clicks: pl.DataFrame, min_links: int) -> pl.DataFrame:
    """Keep the clicks that have enough clicks around them for a burst; the result may contain a few others.

    One number encodes the contact (a hash) and the time, because a sort of numbers is several times faster than a sort by two columns.
    Contacts with the same hash are treated as one contact, which keeps too many rows, never too few.
    """
    contact = pl.col("contact_id").hash() % _HASH_RANGE
    keys = clicks.select((contact * _TIMESTAMP_RANGE + pl.col("at").dt.epoch("ms").cast(pl.UInt64)).alias("key"))["key"]
    ordered = keys.sort().to_frame()
    together = pl.col("key").shift(1 - min_links) - pl.col("key") <= _BURST_MILLISECONDS
    marks = [together.shift(step, fill_value=False) for step in range(min_links)]
    dense = ordered.filter(pl.any_horizontal(marks))["key"].unique()
    return clicks.filter(keys.is_in(dense.implode()))
