"""Events by kind, with those that the bot filter quarantined by reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from sync_worker.model.scoring.bot_filter import QUARANTINE
from sync_worker.model.scoring.events import EventsByKind

EVENT_COUNT_SCHEMA: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "kind": pl.String,
    "reason": pl.String,  # null: not quarantined
    "events": pl.Int64,
    "contacts": pl.Int64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineReason:
    """The quarantined events with one reason, and the number of contacts that have them."""

    reason: str
    events: int
    contacts: int

    def as_json(self) -> dict[str, Any]:
        """Return the reason for `--json`."""
        return {"reason": self.reason, "events": self.events, "contacts": self.contacts}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStatistics:
    """The events of one recorded kind up to the time of the report."""

    kind: str
    events: int
    quarantine: Sequence[QuarantineReason]

    @property
    def quarantined(self) -> int:
        """Return the number of quarantined events."""
        return sum(reason.events for reason in self.quarantine)

    def as_json(self) -> dict[str, Any]:
        """Return the kind for `--json`."""
        return {"kind": self.kind, "events": self.events, "quarantine": [reason.as_json() for reason in self.quarantine]}


def count_events(events_by_kind: EventsByKind) -> pl.DataFrame:
    """Count events and contacts by kind and reason of the quarantine, with `EVENT_COUNT_SCHEMA`; counts of several chunks add up."""
    parts = [
        events.group_by(pl.col(QUARANTINE).cast(pl.String).alias("reason"))
        .agg(events=pl.len().cast(pl.Int64), contacts=pl.col("contact_id").n_unique().cast(pl.Int64))
        .select(pl.lit(kind).alias("kind"), "reason", "events", "contacts")
        for kind, events in events_by_kind.by_kind.items()
    ]
    return pl.concat([pl.DataFrame(schema=dict(EVENT_COUNT_SCHEMA)), *parts])


def read_events(counts: Iterable[pl.DataFrame], kinds: Iterable[str]) -> list[EventStatistics]:
    """Return the statistics of these kinds from the counts of all chunks."""
    total = pl.concat([pl.DataFrame(schema=dict(EVENT_COUNT_SCHEMA)), *counts]).group_by("kind", "reason").sum()
    rows = total.sort("events", "reason", descending=[True, False]).rows()
    return [
        EventStatistics(
            kind=kind,
            events=sum(events for own, _, events, _ in rows if own == kind),
            quarantine=[
                QuarantineReason(reason=reason, events=events, contacts=contacts)
                for own, reason, events, contacts in rows
                if own == kind and reason is not None
            ],
        )
        for kind in sorted(kinds)
    ]
