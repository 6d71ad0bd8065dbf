"""The details of a score report: criteria, events, fields and what is not visible, from one evaluation of all contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from sync_worker.model.compiled.facts import Facts
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import FALLING, RISING, STEADY, evaluate
from sync_worker.model.scoring.evaluation_context import EvaluationContext
from sync_worker.model.scoring.events import prepare_events
from sync_worker.reports.criterion_statistics import (
    CriterionStatistics,
    GradeStatistics,
    Overlap,
    RuleStatistics,
    criterion_sums,
    read_criteria,
    read_grade_criteria,
    read_overlaps,
    read_rules,
)
from sync_worker.reports.event_statistics import EventStatistics, count_events, read_events
from sync_worker.reports.field_statistics import FieldStatistics, field_sums, read_fields
from sync_worker.store.database import Store
from sync_worker.store.saved_state import unreadable
from sync_worker.sync.evaluate.evaluate import map_facts
from sync_worker.sync.evaluate.parse_warnings import ParseWarnings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDetails:
    """The details of a report, as of its time. `evaluated` contacts are the whole of all numbers."""

    evaluated: int
    qualified: int  # contacts that qualify as MQLs; the daily quota may defer some
    criteria: Sequence[CriterionStatistics]
    grade_criteria: Sequence[GradeStatistics]
    rules: Sequence[RuleStatistics]
    overlaps: Sequence[Overlap]
    events: Sequence[EventStatistics]
    fields: Sequence[FieldStatistics]
    trends: Mapping[str, int]  # contacts by trend of the score
    not_visible: Sequence[str]  # keys of criteria and rules
    hidden_kinds: Sequence[str]
    unreadable_items: Sequence[str]  # forms, webinars and lists, with reasons

    def as_json(self) -> dict[str, Any]:
        """Return the details for `--json`."""
        return {
            "evaluated": self.evaluated,
            "qualified": self.qualified,
            "criteria": [each.as_json() for each in self.criteria],
            "grade_criteria": [each.as_json() for each in self.grade_criteria],
            "rules": [each.as_json() for each in self.rules],
            "overlaps": [each.as_json() for each in self.overlaps],
            "events": [each.as_json() for each in self.events],
            "fields": [each.as_json() for each in self.fields],
            "trends": dict(self.trends),
            "not_visible": list(self.not_visible),
            "hidden_kinds": list(self.hidden_kinds),
            "unreadable_items": list(self.unreadable_items),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChunkSummary:
    """The sums of some contacts: `sums` has one row."""

    sums: pl.DataFrame
    events: pl.DataFrame
    unreadable: pl.DataFrame


def compute_details(store: Store, model: Model, hidden_kinds: frozenset[str], now: datetime) -> ReportDetails:
    """Evaluate all contacts as of a time, in chunks, and return the details. Only sums of each chunk are kept."""
    context = EvaluationContext(model=model, hidden_kinds=hidden_kinds, now=now)
    warnings, sums, events = ParseWarnings(), [], []
    for chunk in map_facts(store, model, hidden_kinds, lambda facts: _summarize(facts, context)):
        warnings.add(chunk.unreadable)
        sums.append(chunk.sums)
        events.append(chunk.events)
    total: dict[str, int] = pl.concat(sums).sum().row(0, named=True) if sums else {}
    contacts = total.get("evaluated", 0)
    with store.transaction() as tx:
        items = unreadable.load(tx)
    return ReportDetails(
        evaluated=contacts,
        qualified=total.get("qualified", 0),
        criteria=read_criteria(total, context),
        grade_criteria=read_grade_criteria(total, contacts, context),
        rules=read_rules(total, context),
        overlaps=read_overlaps(total, context),
        events=read_events(events, model.event_kinds - hidden_kinds),
        fields=read_fields(total, warnings.summarize(), model),
        trends={trend: total.get(f"trend:{trend}", 0) for trend in (RISING, STEADY, FALLING)},
        not_visible=model.invisible_names(hidden_kinds),
        hidden_kinds=sorted(hidden_kinds & model.source_kinds),
        unreadable_items=[str(item) for item in items],
    )


def _summarize(facts: Facts, context: EvaluationContext) -> _ChunkSummary:
    verdicts = evaluate(facts, context.model, context.now)
    trends = ((pl.col("trend") == trend).sum().alias(f"trend:{trend}") for trend in (RISING, STEADY, FALLING))
    totals = (pl.len().alias("evaluated"), pl.col("mql").sum().alias("qualified"), *trends)
    parts = verdicts.intermediate.select(*totals, *criterion_sums(context)), facts.contacts.select(*field_sums(context.model))
    return _ChunkSummary(
        sums=pl.concat(parts, how="horizontal").cast(pl.Int64),
        events=count_events(prepare_events(facts.events, context)),
        unreadable=verdicts.unreadable,
    )
