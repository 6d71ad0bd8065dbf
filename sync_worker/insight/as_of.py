"""The facts as they were known at an instant. Evaluations of the past, backtests and suggestions all use this one function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.insight.counters import count_again
from sync_worker.insight.merge_chain import find_survivors, pair_with_survivors
from sync_worker.insight.portal_history import COMPANY, COMPANY_COLUMNS, CONTACT, CONTACT_COLUMNS, PortalHistory
from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.model.lookup.standard_properties import SUBSCRIPTION_PROPERTIES

#: HubSpot keeps so many values of a property; if all of them are later than the instant, the value of that time is lost.
KEPT_VALUES: Final = 20
_IMMUTABLE: Final = frozenset({"createdate", "hs_object_id"})


def as_of(history: PortalHistory, instant: datetime, *, keep_undated: bool = False) -> PortalHistory:
    """Return the history as it was known at an instant (aware).

    - Events, deals and stages of a later time are left out, also replacements of events and archivals. A deal that closes later is open.
    - Records that were created later are left out, and contacts whose creation is not known, unless `keep_undated`.
    - Contacts that were merged later are separate, if their records are known.
    - A property with a history has the value of that time. HubSpot's counters are counted again from the events and deals.
    - A property without a history keeps its latest value, and one whose value of that time HubSpot no longer keeps, the first one that
      it still keeps; `frozen` names both.

    Facts that become known later change nothing in the result.
    """
    at = pl.lit(instant, dtype=TIMESTAMP)
    merges = history.merges.filter(pl.col("at").is_null() | (pl.col("at") <= at))
    later_merges = pair_with_survivors(history.merges.filter(pl.col("at") > at))
    contacts = _without_survivors(history.contacts, later_merges)
    if instant < history.now and not keep_undated:
        contacts = contacts.filter(pl.col("created_at").is_not_null())
    contacts = _select_existing(contacts, at)
    events = _select_events(history.events, contacts, merges, later_merges, at)
    known = replace(
        history,
        now=instant,
        events=events,
        deals=_select_deals(history.deals, later_merges, at),
        stages=_split_merged(history.stages.filter(pl.col("at") <= at), later_merges),
        subscriptions=history.subscriptions.filter(pl.col("at").is_null() | (pl.col("at") <= at)),
        merges=merges,
        values=history.values.filter(pl.col("at") <= at),
    )
    is_past = instant < history.now
    contacts, frozen_contacts = _past_values(contacts, history.values, CONTACT, at, is_past=is_past)
    companies, frozen_companies = _past_values(_select_existing(history.companies, at), history.values, COMPANY, at, is_past=is_past)
    counted, recounted = contacts, frozenset[str]()
    if is_past or not history.shows_counters:
        counted, recounted = count_again(contacts, known, shows_deals=not history.deals.is_empty())
    undated = SUBSCRIPTION_PROPERTIES if history.subscriptions["at"].has_nulls() else ()
    names = {*history.frozen, *undated, *(frozen_contacts - recounted), *(f"company.{name}" for name in frozen_companies)}
    frozen = tuple(sorted(names)) if is_past else history.frozen
    return replace(known, contacts=forget_later_dates(counted, at), companies=companies, frozen=frozen)


def _select_existing(records: pl.DataFrame, at: pl.Expr) -> pl.DataFrame:
    """Return the records that existed; the time of a later removal is not known yet."""
    created, removed = pl.col("created_at"), pl.col("removed_at")
    existing = records.filter(created.is_null() | (created <= at), removed.is_null() | (removed > at))
    return existing.with_columns(removed_at=pl.lit(None, dtype=TIMESTAMP))


def _without_survivors(contacts: pl.DataFrame, later_merges: pl.DataFrame) -> pl.DataFrame:
    """Leave out the contacts that a later merge has created: HubSpot gives the survivor a new id, higher than the others."""
    known = later_merges.join(contacts.select("contact_id"), on="contact_id", how="semi")
    survivors = known.group_by("survivor_id").agg(pl.col("contact_id").max()).filter(pl.col("survivor_id") > pl.col("contact_id"))
    return contacts.join(survivors, left_on="contact_id", right_on="survivor_id", how="anti")


def _select_events(
    events: pl.DataFrame, contacts: pl.DataFrame, merges: pl.DataFrame, later_merges: pl.DataFrame, at: pl.Expr
) -> pl.DataFrame:
    """Return the events of the contacts. The merges up to the instant show whose an event was then.

    An event that is shown for a later survivor only may be of each contact that was merged into it.
    """
    is_past = (pl.col("at") <= at) & (pl.col("replaced_at").is_null() | (pl.col("replaced_at") > at))
    is_known = pl.col("contact_id").is_in(contacts["contact_id"].implode())  # a join would copy them, even if it keeps all
    if later_merges.is_empty():
        past = events.filter(is_past, is_known)
    else:
        past = events.filter(is_past)
        survivors = find_survivors(merges.select("contact_id", "survivor_id").iter_rows())
        former = past["former_id"]
        own = former.replace(list(survivors), list(survivors.values())) if survivors else former
        past = past.with_columns(contact_id=pl.coalesce(own, "contact_id"))
        left_out = later_merges.join(contacts, left_on="survivor_id", right_on="contact_id", how="anti")
        past = _split_merged(past, left_out).filter(is_known)
    return past.with_columns(replaced_at=pl.lit(None, dtype=TIMESTAMP))


def _select_deals(deals: pl.DataFrame, later_merges: pl.DataFrame, at: pl.Expr) -> pl.DataFrame:
    is_closed = (pl.col("closed_at") <= at).fill_null(value=False)
    past = deals.filter(pl.col("created_at").is_null() | (pl.col("created_at") <= at))
    past = past.with_columns(closed_at=pl.when(is_closed).then("closed_at"), is_won=pl.col("is_won") & is_closed)
    return _split_merged(past, later_merges)


def _split_merged(rows: pl.DataFrame, later_merges: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of a survivor to each of the contacts that were merged into it later."""
    if later_merges.is_empty():
        return rows
    old = later_merges.select(contact_id="survivor_id", old_id="contact_id")
    split = rows.join(old, on="contact_id", how="inner").with_columns(contact_id=pl.col("old_id")).select(rows.columns)
    return pl.concat([rows, split])


def _past_values(
    records: pl.DataFrame, values: pl.DataFrame, object_type: str, at: pl.Expr, *, is_past: bool
) -> tuple[pl.DataFrame, set[str]]:
    """Return the records with the values of that time, and the names of the properties that have none and keep the latest value.

    If the instant is not past, a value is replaced only if it changes later: an older history does not know the latest value.
    """
    key, columns = ("contact_id", CONTACT_COLUMNS) if object_type == CONTACT else ("company_id", COMPANY_COLUMNS)
    names = [name for name in records.columns if name not in columns]
    own = values.filter(pl.col("object_type") == object_type, pl.col("name").is_in(names))
    if not is_past:
        own = own.filter((pl.col("at") > at).any().over("id", "name"))
    recorded = own.partition_by("name", as_dict=True)
    frozen = set[str]()
    for name in names:
        if (name,) not in recorded:
            frozen |= {name} if name not in _IMMUTABLE and _has_values(records[name]) else set()
            continue
        records, is_frozen = _past_value(records, recorded[name,], key, name, at)
        frozen |= {name} if is_frozen else set()
    return records, frozen


def _past_value(records: pl.DataFrame, rows: pl.DataFrame, key: str, name: str, at: pl.Expr) -> tuple[pl.DataFrame, bool]:
    past = pl.col("at") <= at
    by_record = rows.sort("at", maintain_order=True).group_by(pl.col("id").alias(key))
    is_lost = ~past.any() & (pl.len() >= KEPT_VALUES)
    value = pl.when(is_lost).then(pl.col("value").first()).otherwise(pl.col("value").filter(past).last())
    found = by_record.agg(past_value=value, is_lost=is_lost)
    joined = records.join(found, on=key, how="left", maintain_order="left")
    has_history = joined["is_lost"].is_not_null()
    is_frozen = bool(joined["is_lost"].any()) or _has_values(joined.filter(~has_history)[name])
    value = pl.when(has_history).then("past_value").otherwise(name)
    return joined.with_columns(value.alias(name)).select(records.columns), is_frozen


def _has_values(column: pl.Series) -> bool:
    return bool((column.fill_null("") != "").any())


def forget_later_dates(contacts: pl.DataFrame, at: pl.Expr) -> pl.DataFrame:
    """Clear the dates of lifecycle stages that were reached later than an instant."""
    names: Sequence[str] = [name for name in contacts.columns if name.startswith("hs_lifecyclestage_") and name.endswith("_date")]
    times = (pl.col(name).str.to_datetime(time_unit="ms", time_zone="UTC", strict=False) for name in names)
    return contacts.with_columns(pl.when(time <= at).then(pl.col(name)).alias(name) for name, time in zip(names, times, strict=True))
