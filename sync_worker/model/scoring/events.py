"""The events that can count: known by now, each once, by kind, machine clicks marked; derived kinds among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.model.compiled.criteria import DERIVED_KINDS, ScoreCriterion, source_kinds
from sync_worker.model.compiled.facts import EVENT_SCHEMA, TIMESTAMP
from sync_worker.model.file.conditions import Condition
from sync_worker.model.file.schema import Rule, Signals
from sync_worker.model.scoring.bot_filter import QUARANTINE, add_quarantine
from sync_worker.model.scoring.columns import add_columns
from sync_worker.model.scoring.context import EvaluationContext
from sync_worker.model.scoring.predicates import compile_condition, find_required_columns
from sync_worker.model.scoring.regex import any_glob, any_url, query_parameter

_IDENTITY_COLUMNS: Final = ("contact_id", "event_id")
_BASE_COLUMNS: Final = ("contact_id", "at")
_BOT_FILTER_COLUMNS: Final = ("filtered", "user_agent", "sent_at", "url")  # what tells a machine
_COLUMNS_BY_SUBJECT: Final[Mapping[str, tuple[str, ...]]] = {"form": ("form_id", "form_name")}  # of a subject, where it is not its own
_MIN_REPETITIONS: Final = 10  # times that a value must come up on average for a look at the different ones to pay
_DETAIL_COLUMNS: Final = ("url", "form_id", "form_name", "campaign", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsByKind:
    """The events that can count, by recorded kind, each with the reason of its quarantine."""

    by_kind: Mapping[str, pl.DataFrame]
    context: EvaluationContext

    def select_matching(self, kind: str, where: Condition | None) -> pl.DataFrame:
        """Return the events of a kind, recorded or derived, that meet a condition, machine clicks included."""
        recorded = sorted(source_kinds(kind) & self.by_kind.keys())
        found = pl.concat([self.by_kind[name] for name in recorded], how="diagonal") if recorded else _empty_events()
        if kind in DERIVED_KINDS:
            found = found.filter(is_of_derived_kind(kind, self.context.model.document.signals).fill_null(value=False))
        if where is None:
            return found
        columns = sorted({column for name, _, _ in where.iter_tests() for column in _COLUMNS_BY_SUBJECT.get(name, (name,))})
        if _is_mostly_unique(found.select(columns)):
            return found.filter(self._apply_condition(where, found))
        different = found.select(columns).unique()
        right = different.filter(self._apply_condition(where, different))
        return found.join(right, on=columns, how="semi", nulls_equal=True, maintain_order="left")

    def _apply_condition(self, where: Condition, events: pl.DataFrame) -> pl.Series:
        asked = self.context.event_scope
        viewed = add_columns(events, find_required_columns([where], asked), self.context.model.domains, self.context.now)
        return viewed.select(compile_condition(where, asked).fill_null(value=False)).to_series()


def prepare_events(events: pl.DataFrame, context: EvaluationContext, *, details: bool = False) -> EventsByKind:
    """Return the events that happened by now, of the kinds that the model asks for and the portal shows one by one.

    Only the columns that the model asks about are kept, unless all `details` are wanted.
    """
    kept = {
        kind: _DETAIL_COLUMNS if details else _columns_for_kind(kind, context) for kind in context.model.event_kinds - context.hidden_kinds
    }
    by_kind = {kind: _prepare_kind(kind, events, columns, context) for kind, columns in sorted(kept.items())}
    return EventsByKind(by_kind=by_kind, context=context)


def _prepare_kind(kind: str, events: pl.DataFrame, columns: Iterable[str], context: EvaluationContext) -> pl.DataFrame:
    happened = events.lazy().filter((pl.col("kind") == kind) & (pl.col("at") <= timestamp_literal(context.now)))
    found = _deduplicate(happened.select(*dict.fromkeys((*_BASE_COLUMNS, "event_id", *_BOT_FILTER_COLUMNS, *columns))).collect())
    if found["contact_id"].is_sorted():  # as the store hands them out; counting by contact is several times quicker then
        found = found.with_columns(pl.col("contact_id").set_sorted())
    marked = add_quarantine(found, kind, context.model.document.machine_clicks)
    return marked.select(*dict.fromkeys((*_BASE_COLUMNS, QUARANTINE, *columns)))


def _columns_for_kind(kind: str, context: EvaluationContext) -> set[str]:
    """Return the columns that criteria and rules ask about in events of a recorded kind."""
    model = context.model
    parts: list[ScoreCriterion | Rule] = [*model.score_criteria, *(rule for _, _, rule in model.rules)]
    used = [part for part in parts if part.event and kind in source_kinds(part.event)]
    subjects = {name for part in used if part.where for name, _, _ in part.where.iter_tests()}
    subjects |= {name for part in used if part.event in DERIVED_KINDS for name in ("url", "campaign")}
    return {column for name in subjects for column in _COLUMNS_BY_SUBJECT.get(name, (name,))}


def timestamp_literal(at: datetime) -> pl.Expr:
    """Return an instant as a literal of the events' resolution."""
    return pl.lit(at, dtype=TIMESTAMP)


def is_of_derived_kind(kind: str, signals: Signals) -> pl.Expr:
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


def _deduplicate(events: pl.DataFrame) -> pl.DataFrame:
    """Keep each event once; of two reports of one, the same is kept whatever the order in which they came."""
    identity = pl.col("event_id").hash() ^ pl.col("contact_id").hash(seed=1)
    if events.select(identity.n_unique()).item() == events.height:
        return events
    rest = [name for name in events.columns if name not in _IDENTITY_COLUMNS]
    return events.sort(*_IDENTITY_COLUMNS, *rest).unique(_IDENTITY_COLUMNS, keep="last", maintain_order=True)


def _is_mostly_unique(values: pl.DataFrame) -> bool:
    """Tell whether it is quicker to ask of each row than once of each different one."""
    different: int = max(values.select(pl.all().approx_n_unique()).row(0))
    return different * _MIN_REPETITIONS > values.height


def _empty_events() -> pl.DataFrame:
    empty = pl.DataFrame(schema=dict(EVENT_SCHEMA))
    return add_quarantine(empty, "", None).select(*_BASE_COLUMNS, QUARANTINE, *_DETAIL_COLUMNS)
