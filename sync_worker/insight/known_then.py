"""The facts of each contact as of an instant of its own, so that many contacts can be evaluated together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import polars as pl

from sync_worker.insight.as_of import forget_later_dates
from sync_worker.insight.portal_history import COMPANY, COMPANY_ID, CONTACT, PortalHistory
from sync_worker.model.compiled.facts import TIMESTAMP

INSTANT: Final = "instant"
#: The time of values that were not known yet: `as_of` must see that a property has a history, and that its first value is later.
_NOT_YET: Final = datetime(9999, 1, 1, tzinfo=UTC)
_IS_PAST: Final = pl.col("at") <= pl.col(INSTANT)


def forget_later_facts(history: PortalHistory, instants: pl.DataFrame) -> PortalHistory:
    """Return the history of some contacts, each without what became known after its own instant.

    `instants`: `contact_id` and `instant`. Contacts that were created later than their instant are left out. `as_of` a later instant then
    returns what was known at the own one. Contacts that were merged count as one, with the events of all.
    """
    contacts = history.contacts.join(instants, on="contact_id", how="inner", maintain_order="left")
    contacts = contacts.filter(pl.col("created_at").is_null() | (pl.col("created_at") <= pl.col(INSTANT)))
    own = contacts.select("contact_id", INSTANT)
    events = _join(history.events, own).filter(_IS_PAST).with_columns(replaced_at=_if_past("replaced_at"))
    deals = _join(history.deals, own).filter(pl.col("created_at").is_null() | (pl.col("created_at") <= pl.col(INSTANT)))
    values = history.values.join(own, left_on="id", right_on="contact_id", how="inner", maintain_order="left")
    known = replace(
        history,
        contacts=forget_later_dates(contacts, pl.col(INSTANT)).drop(INSTANT),
        events=events.drop(INSTANT),
        deals=deals.with_columns(closed_at=pl.coalesce(_if_past("closed_at"), _not_yet())).drop(INSTANT),
        stages=_join(history.stages, own).filter(_IS_PAST).drop(INSTANT),
        subscriptions=_join(history.subscriptions, own).filter(pl.col("at").is_null() | _IS_PAST).drop(INSTANT),
        merges=history.merges.clear(),
        values=_postpone_later(values.filter(pl.col("object_type") == CONTACT)),
    )
    return known if history.companies.is_empty() else _with_own_companies(known, history, own)


def _join(rows: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    return rows.join(own, on="contact_id", how="inner", maintain_order="left")


def _not_yet() -> pl.Expr:
    # Not a constant of the module: Polars would start its threads while the module is imported, and a forked process would wait for them.
    return pl.lit(_NOT_YET, dtype=TIMESTAMP)


def _if_past(name: str) -> pl.Expr:
    return pl.when(pl.col(name) <= pl.col(INSTANT)).then(pl.col(name))


def _postpone_later(values: pl.DataFrame) -> pl.DataFrame:
    return values.with_columns(at=pl.when(_IS_PAST).then("at").otherwise(_not_yet())).drop(INSTANT)


def _with_own_companies(known: PortalHistory, history: PortalHistory, own: pl.DataFrame) -> PortalHistory:
    """Give each contact copies of its companies, because two contacts of one company have different instants."""
    is_company = pl.col("name") == COMPANY_ID
    latest = known.contacts.select("contact_id", company=COMPANY_ID)
    names = pl.concat([latest, known.values.filter(is_company).select(contact_id="id", company="value")]).unique(maintain_order=True)
    numbers = names.with_columns(company_id=pl.col("company").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False))
    pairs = _join(numbers.drop_nulls("company_id"), own).with_columns(copy=pl.int_range(1, pl.len() + 1))
    texts = pairs.select("contact_id", "company", text=pl.col("copy").cast(pl.String))
    companies = history.companies.join(pairs.select("company_id", "copy", INSTANT), on="company_id", how="inner", maintain_order="left")
    companies = companies.filter(pl.col("created_at").is_null() | (pl.col("created_at") <= pl.col(INSTANT)))
    companies = companies.with_columns(company_id="copy", removed_at=_if_past("removed_at")).select(history.companies.columns)
    values = history.values.filter(pl.col("object_type") == COMPANY)
    copies = pairs.select("copy", INSTANT, id="company_id")
    values = values.join(copies, on="id", how="inner", maintain_order="left").with_columns(id="copy").drop("copy")
    own_values = known.values.join(texts, left_on=["id", "value"], right_on=["contact_id", "company"], how="left", maintain_order="left")
    own_values = own_values.with_columns(value=pl.when(is_company).then(pl.coalesce("text", "value")).otherwise("value")).drop("text")
    contacts = known.contacts.join(
        texts, left_on=["contact_id", COMPANY_ID], right_on=["contact_id", "company"], how="left", maintain_order="left"
    )
    return replace(
        known,
        contacts=contacts.with_columns(pl.coalesce("text", COMPANY_ID).alias(COMPANY_ID)).drop("text"),
        companies=companies,
        values=pl.concat([own_values, _postpone_later(values)]),
    )
