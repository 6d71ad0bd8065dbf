"""HubSpot's counters of deals, counted again."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from sync_worker.insight.as_of import as_of
from sync_worker.insight.counters import DEAL_COUNTERS
from sync_worker.insight.portal_history import CONTACT_COLUMNS, DEAL_COLUMNS, PortalHistory
from tests.harness import NOW

DAY = timedelta(days=1)
#: (days ago: created, closed), won, amount
DEALS = ((40, 10, False, 300.0), (35, 30, True, 100.0), (30, 20, True, 50.0), (25, None, False, 700.0))


def make_history() -> PortalHistory:
    deals = [
        (number, 1, NOW - created * DAY, None if closed is None else NOW - closed * DAY, won, amount)
        for number, (created, closed, won, amount) in enumerate(DEALS)
    ]
    names = ("email", "associatedcompanyid", *DEAL_COUNTERS)
    latest = dict(zip(DEAL_COUNTERS, ("4", "2026-01-01", "150", "2026-01-01", "50"), strict=True))
    contact = {"contact_id": 1, "created_at": NOW - 300 * DAY, **latest}
    return PortalHistory(
        now=NOW,
        contacts=pl.DataFrame([contact], schema={**CONTACT_COLUMNS, **dict.fromkeys(names, pl.String)}),
        deals=pl.DataFrame(deals, schema=dict(DEAL_COLUMNS), orient="row"),
    )


def count_as_of(days: int) -> dict[str, str | None]:
    (row,) = as_of(make_history(), NOW - days * DAY).contacts.iter_rows(named=True)
    return {name: row[name] for name in ("num_associated_deals", "total_revenue", "recent_deal_amount")}


def test_the_recent_amount_is_that_of_the_deal_that_was_won_last() -> None:
    assert count_as_of(1) == {"num_associated_deals": "4", "total_revenue": "150.0", "recent_deal_amount": "50.0"}
    assert count_as_of(22) == {"num_associated_deals": "4", "total_revenue": "100.0", "recent_deal_amount": "100.0"}


def test_before_the_first_deal_is_won_there_is_no_revenue_and_before_the_first_deal_nothing() -> None:
    assert count_as_of(32) == {"num_associated_deals": "2", "total_revenue": None, "recent_deal_amount": None}
    known = as_of(make_history(), NOW - 50 * DAY)
    assert known.contacts.select(*DEAL_COUNTERS).row(0) == (None,) * len(DEAL_COUNTERS)
    assert not set(known.frozen) & DEAL_COUNTERS.keys()
