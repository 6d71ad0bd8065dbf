"""Events that can count: known at the time of the evaluation, deduplicated, by kind, marked by the bot filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote_plus

import polars as pl

from sync_worker.model.compiled.criteria import DERIVED_KINDS, ScoreCriterion, source_kinds
from sync_worker.model.compiled.facts import EVENT_SCHEMA, TIMESTAMP
from sync_worker.model.file.conditions import Condition
from sync_worker.model.file.schema import Rule, Signals
from sync_worker.model.lookup.unique import map_unique
from sync_worker.model.scoring.bot_filter import QUARANTINE, add_quarantine
from sync_worker.model.scoring.columns import add_columns
from sync_worker.model.scoring.evaluation_context import EvaluationContext
from sync_worker.model.scoring.predicates import compile_condition, find_required_columns
from sync_worker.model.scoring.regex import any_glob, any_url, query_parameter
from sync_worker.model.scoring.subjects import SUBJECT, add_subjects, find_subject_columns

#: The column that marks visits of HubSpot's pages for preferences and unsubscription.
SUBSCRIPTION_PAGE: Final = "subscription_page"

_SUBSCRIPTION_URLS: Final = (
    "*/hs/manage-preferences/*",
    "*/hs/preferences-center/*",
    "*/hs/subscription-preferences/*",
    "*/hs/unsubscribe/*",
)
_IDENTITY_COLUMNS: Final = ("contact_id", "event_id")
_BASE_COLUMNS: Final = ("contact_id", "at")
_BOT_FILTER_COLUMNS: Final = ("filtered", "user_agent", "sent_at", "url")
_COLUMNS_BY_PROPERTY: Final[Mapping[str, tuple[str, ...]]] = {"form": ("form_id", "form_name")}  # if they differ from the property
_MIN_REPETITIONS: Final = 10  # average number of rows per distinct value from which a test of distinct values is faster
_DETAIL_COLUMNS: Final = ("url", "form_id", "form_name", "campaign", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsByKind:
    """The events that can count by recorded kind, with the column `QUARANTINE`."""

    by_kind: Mapping[str, pl.DataFrame]
    context: EvaluationContext

    def select_counted(self, criterion: ScoreCriterion) -> pl.DataFrame:
        """Return the events that a criterion counts, including quarantined events.

        A positive criterion counts no visit of HubSpot's pages for preferences and unsubscription.
        """
        found = self.select_matching(criterion.event or "", criterion.where)
        for condition in criterion.excluded:
            found = found.filter(~self._apply_condition(condition, found))
        return found.filter(~pl.col(SUBSCRIPTION_PAGE)) if criterion.is_positive else found

    def select_matching(self, kind: str, where: Condition | None) -> pl.DataFrame:
        """Return the events of a recorded or derived kind that meet a condition, including quarantined events."""
        recorded = sorted(source_kinds(kind) & self.by_kind.keys())
        found = pl.concat([self.by_kind[name] for name in recorded], how="diagonal") if recorded else _empty_events()
        if kind in DERIVED_KINDS:
            found = found.filter(is_of_derived_kind(kind, self.context.model.document.signals).fill_null(value=False))
        if where is None:
            return found
        columns = sorted({column for name, _, _ in where.iter_tests() for column in _COLUMNS_BY_PROPERTY.get(name, (name,))})
        if _is_mostly_unique(found.select(columns)):
            return found.filter(self._apply_condition(where, found))
        distinct = found.select(columns).unique()
        matching = distinct.filter(self._apply_condition(where, distinct))
        return found.join(matching, on=columns, how="semi", nulls_equal=True, maintain_order="left")

    def _apply_condition(self, where: Condition, events: pl.DataFrame) -> pl.Series:
        scope = self.context.event_scope
        derived = add_columns(events, find_required_columns([where], scope), self.context.model.domains, self.context.now)
        return derived.select(compile_condition(where, scope).fill_null(value=False)).to_series()


def prepare_events(events: pl.DataFrame, context: EvaluationContext, *, details: bool = False) -> EventsByKind:
    """Return the events up to the time of the evaluation, of the kinds that the model uses and the portal shows.

    Only the columns that the model uses are kept, unless `details` is set.
    """
    kept = {
        kind: _DETAIL_COLUMNS if details else _columns_for_kind(kind, context) for kind in context.model.event_kinds - context.hidden_kinds
    }
    by_kind = {kind: _prepare_kind(kind, events, columns, context) for kind, columns in sorted(kept.items())}
    return EventsByKind(by_kind=by_kind, context=context)


def _prepare_kind(kind: str, events: pl.DataFrame, columns: Iterable[str], context: EvaluationContext) -> pl.DataFrame:
    known = events.lazy().filter((pl.col("kind") == kind) & (pl.col("at") <= timestamp_literal(context.now)))
    subject_columns = find_subject_columns(kind, context.model)
    names = dict.fromkeys((*_BASE_COLUMNS, "event_id", *_BOT_FILTER_COLUMNS, *subject_columns, *columns))
    found = _deduplicate(known.select(*names).collect())
    if found["contact_id"].is_sorted():  # as the store returns them; counts per contact are then several times faster
        found = found.with_columns(pl.col("contact_id").set_sorted())
    marked = add_quarantine(found, kind, context.model.document.machine_clicks).with_columns(_marks_subscription_page())
    if kind == "page_view" and "campaign" in columns:
        parameters = context.model.document.signals.campaign_touches.parameters
        marked = marked.with_columns(_campaigns(marked, parameters))
    if subject_columns:
        marked, columns = add_subjects(marked, kind), (*columns, SUBJECT)
    return marked.select(*dict.fromkeys((*_BASE_COLUMNS, QUARANTINE, SUBSCRIPTION_PAGE, *columns)))


def _marks_subscription_page() -> pl.Expr:
    """The literal test comes first, because it is several times faster than the patterns."""
    is_system_page = pl.col("url").str.contains("/hs/", literal=True)
    matches = pl.when(is_system_page).then(pl.col("url")).str.contains(any_url(_SUBSCRIPTION_URLS))
    return matches.fill_null(value=False).alias(SUBSCRIPTION_PAGE)


def _campaigns(views: pl.DataFrame, parameters: Iterable[str]) -> pl.Series:
    """Return the campaign of each page view: that of HubSpot, or else that of its URL."""
    in_url = views["url"].str.extract(query_parameter(parameters))
    known = views.select(pl.when(pl.col("campaign") != "").then(pl.col("campaign"))).to_series()
    return known.zip_with(known.is_not_null(), map_unique(in_url, unquote_plus, pl.String)).alias("campaign")


def _columns_for_kind(kind: str, context: EvaluationContext) -> set[str]:
    """Return the columns that criteria and rules use of a recorded kind."""
    model = context.model
    parts: list[ScoreCriterion | Rule] = [*model.score_criteria, *(rule for _, _, rule in model.rules)]
    used = [part for part in parts if part.event and kind in source_kinds(part.event)]
    names = {name for part in used if part.where for name, _, _ in part.where.iter_tests()}
    names |= {name for part in used if part.event in DERIVED_KINDS for name in ("url", "campaign")}
    return {column for name in names for column in _COLUMNS_BY_PROPERTY.get(name, (name,))}


def timestamp_literal(at: datetime) -> pl.Expr:
    """Return a time as a literal with the resolution of event timestamps."""
    return pl.lit(at, dtype=TIMESTAMP)


def is_of_derived_kind(kind: str, signals: Signals) -> pl.Expr:
    """Return whether events are of a derived kind; they must be of one of its recorded kinds."""
    if kind == "download":
        return pl.col("url").str.contains(any_url(signals.downloads.urls))
    if kind == "search_term":
        return pl.col("url").str.contains(query_parameter(signals.search_terms.parameters))
    campaigns, campaign = signals.campaign_touches.campaigns, pl.col("campaign").str.to_lowercase()
    return campaign.is_not_null() if campaigns is None else campaign.str.contains(any_glob(campaigns))


def _deduplicate(events: pl.DataFrame) -> pl.DataFrame:
    """Keep each event once; the choice among duplicates does not depend on their order."""
    identity = pl.col("event_id").hash() ^ pl.col("contact_id").hash(seed=1)
    if events.select(identity.n_unique()).item() == events.height:
        return events
    rest = [name for name in events.columns if name not in _IDENTITY_COLUMNS]
    return events.sort(*_IDENTITY_COLUMNS, *rest).unique(_IDENTITY_COLUMNS, keep="last", maintain_order=True)


def _is_mostly_unique(values: pl.DataFrame) -> bool:
    """Return whether a test of every row is faster than a test of the distinct rows."""
    distinct: int = max(values.select(pl.all().approx_n_unique()).row(0))
    return distinct * _MIN_REPETITIONS > values.height


def _empty_events() -> pl.DataFrame:
    empty = pl.DataFrame(schema=dict(EVENT_SCHEMA))
    marked = add_quarantine(empty, "", None).with_columns(_marks_subscription_page())
    return marked.select(*_BASE_COLUMNS, QUARANTINE, SUBSCRIPTION_PAGE, *_DETAIL_COLUMNS)
