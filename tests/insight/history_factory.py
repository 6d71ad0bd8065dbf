"""Histories of a small synthetic portal, where it is known what makes contacts convert."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from sync_worker.insight.portal_history import DEAL_COLUMNS, EVENT_COLUMNS, PortalHistory
from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.model.compiled.loader import loads
from tests.harness import NOW

CONTACTS = 900
HORIZON = timedelta(days=30)
AS_OF = NOW - HORIZON
KINDS = ("page_view", "form_submission")

TEXT = """
name: Current model
score:
  criteria:
    views: {event: page_view, tiers: {1: 1, 5: 2}}
    clicks: {event: email_click, each: 1, at_most: 9}
  degradation: {kind: none}
  bands: [{name: cold, from: 0}, {name: warm, from: 2}, {name: hot, from: 3}]
grade:
  criteria:
    role: {when: {jobtitle: {contains_any: [cto]}}, thirds: 3}
qualification:
  threshold: 3
  grade_at_least: C
"""
MODEL = loads(TEXT, "model.yaml")


def make_history(
    *, shuffle_outcomes: bool = False, fit_matters: bool = True, leak: bool = False, contacts: int = CONTACTS
) -> PortalHistory:
    """Return a history: contacts with many page views, with a demo form, and (`fit_matters`) engineers convert more often.

    `leak`: a property has a value only for contacts that converted.
    """
    random = np.random.default_rng(7)
    ids = np.arange(1, contacts + 1)
    views, demo = random.integers(0, 10, contacts), random.random(contacts) < 0.2
    titles = random.choice(["Engineer", "Student", "Buyer"], contacts)
    odds = -2.6 + 1.6 * (views >= 5) + 2.2 * demo + (1.8 * (titles == "Engineer") if fit_matters else 0)
    converted = random.random(contacts) < 1 / (1 + np.exp(-odds))
    if shuffle_outcomes:
        converted = random.permutation(converted)
    created = [AS_OF - timedelta(days=200) + timedelta(hours=int(id_)) for id_ in ids]
    frame = pl.DataFrame(
        {
            "contact_id": pl.Series(ids, dtype=pl.Int64),
            "created_at": pl.Series(created, dtype=TIMESTAMP),
            "removed_at": pl.Series([None] * contacts, dtype=TIMESTAMP),
            "email": [f"contact{id_}@example.com" for id_ in ids],
            "associatedcompanyid": pl.Series([None] * contacts, dtype=pl.String),
            "jobtitle": titles,
            "city": [("Paris" if yes else None) if leak else "Paris" for yes in converted],
        }
    )
    events = [(int(id_), f"v{id_}-{n}", "page_view", n, None) for id_ in ids for n in range(views[id_ - 1])]
    events += [(int(id_), f"f{id_}", "form_submission", 1, "Book a demo") for id_ in ids[demo]]
    deals = [(int(id_), int(id_), AS_OF + timedelta(days=10)) for id_ in ids[converted]]
    return PortalHistory(
        now=NOW,
        contacts=frame,
        events=build_events(events),
        deals=build_deals(deals),
        hidden_kinds=frozenset(),
        complete_kinds=frozenset(KINDS),
        shows_counters=False,
    )


def build_events(rows: list[tuple[int, str, str, int, str | None]]) -> pl.DataFrame:
    """Return events by contact, id, kind, days before the date of the backtest, and form."""
    ids, event_ids, kinds, days, forms = zip(*rows, strict=True)
    known = pl.DataFrame(
        {
            "contact_id": ids,
            "event_id": event_ids,
            "kind": kinds,
            "at": pl.Series([AS_OF - timedelta(days=day + 1) for day in days], dtype=TIMESTAMP),
            "url": "https://www.example.com/pricing",
            "form_id": forms,
            "form_name": forms,
            "filtered": False,
        },
        schema_overrides={name: EVENT_COLUMNS[name] for name in ("contact_id", "form_id", "form_name")},
    )
    missing = {name: pl.lit(None, dtype=dtype) for name, dtype in EVENT_COLUMNS.items() if name not in known.columns}
    return known.with_columns(**missing).select(*EVENT_COLUMNS)


def build_deals(rows: list[tuple[int, int, object]]) -> pl.DataFrame:
    """Return open deals by id, contact and creation."""
    return pl.DataFrame([(*row, None, False, None) for row in rows], schema=dict(DEAL_COLUMNS), orient="row")
