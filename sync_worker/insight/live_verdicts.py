"""The verdicts that a model and a challenger gave as time went by, and what became of their MQLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl
from sqlalchemy import Connection

from sync_worker.insight.outcomes import find_outcomes
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.insight.ratio import Ratio
from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.store import shadow_verdicts
from sync_worker.store.writes import mql_starts
from sync_worker.timestamps import from_ms

MIN_LIVE_OUTCOMES: Final = 20

Starts = Mapping[int, int]  # contact → when it became an MQL, in milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveVerdicts:
    """The MQLs of a model and of a challenger since the challenger is evaluated, and how many became opportunities after that.

    Contacts that were opportunities before they became MQLs, or before `since`, count in no ratio.
    """

    since: datetime
    challenger: str  # hash of the model
    ratios: Mapping[str, Ratio]  # by the name of the group

    @property
    def is_too_little(self) -> bool:
        """Whether there are too few outcomes for a conclusion."""
        return sum(self.ratios[name].count for name in ("both models", "the model only", "the challenger only")) < MIN_LIVE_OUTCOMES

    @property
    def summary(self) -> str:
        """One sentence: what the ratios are of, and whether they say something."""
        text = f"MQLs since {self.since:%Y-%m-%d}, when the challenger {self.challenger} was first evaluated, that became opportunities:"
        few = f" too little data for a conclusion, fewer than {MIN_LIVE_OUTCOMES} outcomes." if self.is_too_little else ""
        return f"{text}{few} Sales saw only the MQLs of the model, which favors them."

    def as_json(self) -> dict[str, object]:
        """Return the ratios for `--json`."""
        return {
            "since": self.since.isoformat(),
            "challenger": self.challenger,
            "too_little_data": self.is_too_little,
            "mqls": {name: ratio.as_json() for name, ratio in self.ratios.items()},
        }


def load_live_verdicts(tx: Connection, history: PortalHistory, shadow_hash: str) -> LiveVerdicts | None:
    """Compare the current MQLs of the model with those of the shadow model; None if the shadow model has found no MQL."""
    challenger = shadow_verdicts.load_starts(tx, shadow_hash)
    if not challenger:
        return None
    since = min(challenger.values())
    model = {start.contact_id: max(start.since or since, since) for start in mql_starts.load_all(tx)}
    return compare_live(history, model, challenger, challenger_hash=shadow_hash)


def compare_live(history: PortalHistory, model: Starts, challenger: Starts, *, challenger_hash: str) -> LiveVerdicts:
    """Return what became of the MQLs of both models. A contact of both counts from the earlier start on."""
    opportunities = _find_opportunities(history)
    both = {id_: min(model[id_], challenger[id_]) for id_ in model.keys() & challenger.keys()}
    groups: dict[str, Starts] = {
        "the model": model,
        "the challenger": challenger,
        "both models": both,
        "the model only": {id_: at for id_, at in model.items() if id_ not in both},
        "the challenger only": {id_: at for id_, at in challenger.items() if id_ not in both},
    }
    ratios = {name: _count(starts, opportunities) for name, starts in groups.items()}
    return LiveVerdicts(since=from_ms(min(challenger.values())), challenger=challenger_hash, ratios=ratios)


def _count(starts: Starts, opportunities: Starts) -> Ratio:
    reached = [opportunities[id_] >= at for id_, at in starts.items() if id_ in opportunities]
    return Ratio(count=sum(reached), total=len(starts) - reached.count(False))


def _find_opportunities(history: PortalHistory) -> dict[int, int]:
    outcomes = find_outcomes(history).select("contact_id", pl.col("opportunity_at").cast(TIMESTAMP).dt.epoch("ms"))
    return dict(outcomes.rows())
