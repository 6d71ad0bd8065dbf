"""The events that can count: known by now, each once, by kind, machine clicks marked; derived kinds among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.model.compiled.criteria import DERIVED, Line, readable_kinds
from sync_worker.model.compiled.facts import EVENT_SCHEMA, INSTANT
from sync_worker.model.file.conditions import Condition
from sync_worker.model.file.schema import Rule, Signals
from sync_worker.model.scoring.bot_filter import QUARANTINE, with_quarantine
from sync_worker.model.scoring.columns import with_views
from sync_worker.model.scoring.context import Standpoint
from sync_worker.model.scoring.predicates import truth, views_of
from sync_worker.model.scoring.regex import any_glob, any_url, query_parameter

_IDENTITY: Final = ("contact_id", "event_id")
_OF_EVERY_EVENT: Final = ("contact_id", "at")
_MARKS: Final = ("filtered", "user_agent", "sent_at", "url")  # what tells a machine
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {"form": ("form_id", "form_name")}  # of a subject, where it is not its own
_REPEATED: Final = 10  # times that a value must come up on average for a look at the different ones to pay
_DETAILS: Final = ("url", "form_id", "form_name", "campaign", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvents:
    """The events that can count, by recorded kind, each with the reason of its quarantine."""

    by_kind: Mapping[str, pl.DataFrame]
    standpoint: Standpoint

    def matching(self, kind: str, where: Condition | None) -> pl.DataFrame:
        """Return the events of a kind, recorded or derived, that meet a condition, machine clicks included."""
        recorded = sorted(readable_kinds(kind) & self.by_kind.keys())
        found = pl.concat([self.by_kind[name] for name in recorded], how="diagonal") if recorded else _none()
        if kind in DERIVED:
            found = found.filter(derived(kind, self.standpoint.model.document.signals).fill_null(value=False))
        if where is None:
            return found
        columns = sorted({column for name, _, _ in where.walk() for column in _COLUMNS.get(name, (name,))})
        if _mostly_different(found.select(columns)):
            return found.filter(self._meets(where, found))
        different = found.select(columns).unique()
        right = different.filter(self._meets(where, different))
        return found.join(right, on=columns, how="semi", nulls_equal=True, maintain_order="left")

    def _meets(self, where: Condition, events: pl.DataFrame) -> pl.Series:
        asked = self.standpoint.events_asked
        viewed = with_views(events, views_of([where], asked), self.standpoint.model.domains, self.standpoint.now)
        return viewed.select(truth(where, asked).fill_null(value=False)).to_series()


def known_events(events: pl.DataFrame, standpoint: Standpoint, *, details: bool = False) -> KnownEvents:
    """Return the events that happened by now, of the kinds that the model asks for and the portal shows one by one.

    Only the columns that the model asks about are kept, unless all `details` are wanted.
    """
    kept = {kind: _DETAILS if details else _asked_about(kind, standpoint) for kind in standpoint.model.event_kinds - standpoint.hidden}
    by_kind = {kind: _of_kind(kind, events, columns, standpoint) for kind, columns in sorted(kept.items())}
    return KnownEvents(by_kind=by_kind, standpoint=standpoint)


def _of_kind(kind: str, events: pl.DataFrame, columns: Iterable[str], standpoint: Standpoint) -> pl.DataFrame:
    happened = events.lazy().filter((pl.col("kind") == kind) & (pl.col("at") <= instant(standpoint.now)))
    found = _unique(happened.select(*dict.fromkeys((*_OF_EVERY_EVENT, "event_id", *_MARKS, *columns))).collect())
    if found["contact_id"].is_sorted():  # as the store hands them out; counting by contact is several times quicker then
        found = found.with_columns(pl.col("contact_id").set_sorted())
    marked = with_quarantine(found, kind, standpoint.model.document.machine_clicks)
    return marked.select(*dict.fromkeys((*_OF_EVERY_EVENT, QUARANTINE, *columns)))


def _asked_about(kind: str, standpoint: Standpoint) -> set[str]:
    """Return the columns that criteria and rules ask about in events of a recorded kind."""
    model = standpoint.model
    parts: list[Line | Rule] = [*model.lines, *(rule for _, _, rule in model.rules)]
    used = [part for part in parts if part.event and kind in readable_kinds(part.event)]
    subjects = {name for part in used if part.where for name, _, _ in part.where.walk()}
    subjects |= {name for part in used if part.event in DERIVED for name in ("url", "campaign")}
    return {column for name in subjects for column in _COLUMNS.get(name, (name,))}


def instant(at: datetime) -> pl.Expr:
    """Return an instant as a literal of the events' resolution."""
    return pl.lit(at, dtype=INSTANT)


def derived(kind: str, signals: Signals) -> pl.Expr:
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


def _unique(events: pl.DataFrame) -> pl.DataFrame:
    """Keep each event once; of two reports of one, the same is kept whatever the order in which they came."""
    identity = pl.col("event_id").hash() ^ pl.col("contact_id").hash(seed=1)
    if events.select(identity.n_unique()).item() == events.height:
        return events
    rest = [name for name in events.columns if name not in _IDENTITY]
    return events.sort(*_IDENTITY, *rest).unique(_IDENTITY, keep="last", maintain_order=True)


def _mostly_different(values: pl.DataFrame) -> bool:
    """Tell whether it is quicker to ask of each row than once of each different one."""
    different: int = max(values.select(pl.all().approx_n_unique()).row(0))
    return different * _REPEATED > values.height


def _none() -> pl.DataFrame:
    empty = pl.DataFrame(schema=dict(EVENT_SCHEMA))
    return with_quarantine(empty, "", None).select(*_OF_EVERY_EVENT, QUARANTINE, *_DETAILS)
