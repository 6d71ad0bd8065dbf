"""The verdicts that a model and a challenger gave as time went by, and what became of their MQLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl
from sqlalchemy import Connection

from sync_worker.insight.outcomes import find_outcomes
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.insight.ratio import Ratio
from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.store import shadow_verdicts
from sync_worker.store.writes import mql_starts
from sync_worker.timestamps import from_ms, to_ms

MIN_LIVE_OUTCOMES: Final = 20

Starts = Mapping[int, int]  # contact → when it became an MQL, in milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveVerdicts:
    """The MQLs of a model and of a challenger since the challenger is evaluated, and those that became opportunities in time.

    Contacts that were opportunities before they became MQLs, or before `since`, count in no ratio, nor do the `young` MQLs, of which the
    horizon is not over.
    """

    since: datetime
    challenger: str  # hash of the model
    horizon: timedelta
    ratios: Mapping[str, Ratio]  # by the name of the group
    young: int

    @property
    def is_too_little(self) -> bool:
        """Whether there are too few outcomes for a conclusion."""
        return sum(self.ratios[name].count for name in ("both models", "the model only", "the challenger only")) < MIN_LIVE_OUTCOMES

    @property
    def summary(self) -> str:
        """One sentence: what the ratios are of, and whether they say something."""
        text = f"What became of the MQLs since {self.since:%Y-%m-%d}, when the challenger {self.challenger} was first evaluated,"
        text += f" within {self.horizon.days} days."
        young = f" MQLs of which this time is not over count in no ratio: {self.young:,}." if self.young else ""
        few = f" Too little data for a conclusion: fewer than {MIN_LIVE_OUTCOMES} outcomes." if self.is_too_little else ""
        lapsed = " Contacts that are no longer MQLs, such as customers that a disqualifier excludes, count in no ratio."
        return f"{text}{few}{young}{lapsed} Sales saw only the MQLs of the model, which favors it."

    def as_json(self) -> dict[str, object]:
        """Return the ratios for `--json`."""
        return {
            "since": self.since.isoformat(),
            "challenger": self.challenger,
            "horizon_days": self.horizon.days,
            "too_young": self.young,
            "too_little_data": self.is_too_little,
            "mqls": {name: ratio.as_json() for name, ratio in self.ratios.items()},
        }


def load_live_verdicts(tx: Connection, history: PortalHistory, shadow_hash: str, horizon: timedelta) -> LiveVerdicts | None:
    """Compare the current MQLs of the model with those of the shadow model; None if the shadow model has found no MQL."""
    challenger = shadow_verdicts.load_starts(tx, shadow_hash)
    if not challenger:
        return None
    since = min(challenger.values())
    model = {start.contact_id: max(start.since or since, since) for start in mql_starts.load_all(tx)}
    return compare_live(history, model, challenger, challenger_hash=shadow_hash, horizon=horizon)


def compare_live(history: PortalHistory, model: Starts, challenger: Starts, *, challenger_hash: str, horizon: timedelta) -> LiveVerdicts:
    """Return what became of the MQLs of both models. A contact of both counts from the earlier start on."""
    opportunities, last = _find_opportunities(history), to_ms(history.outcomes_end - horizon)
    both = {id_: min(model[id_], challenger[id_]) for id_ in model.keys() & challenger.keys()}
    groups: dict[str, Starts] = {
        "the model": model,
        "the challenger": challenger,
        "both models": both,
        "the model only": {id_: at for id_, at in model.items() if id_ not in both},
        "the challenger only": {id_: at for id_, at in challenger.items() if id_ not in both},
    }
    over = {name: {id_: at for id_, at in starts.items() if at <= last} for name, starts in groups.items()}
    return LiveVerdicts(
        since=from_ms(min(challenger.values())),
        challenger=challenger_hash,
        horizon=horizon,
        ratios={name: _count(starts, opportunities, horizon // timedelta(milliseconds=1)) for name, starts in over.items()},
        young=len({id_ for name, starts in groups.items() for id_ in starts.keys() - over[name].keys()}),
    )


def _count(starts: Starts, opportunities: Starts, horizon: int) -> Ratio:
    """Count the MQLs that became opportunities within the horizon (milliseconds); those that were ones before count in no ratio."""
    waits = [opportunities[id_] - at for id_, at in starts.items() if id_ in opportunities]
    return Ratio(count=sum(0 <= each <= horizon for each in waits), total=len(starts) - sum(each < 0 for each in waits))


def _find_opportunities(history: PortalHistory) -> dict[int, int]:
    outcomes = find_outcomes(history).select("contact_id", pl.col("opportunity_at").cast(TIMESTAMP).dt.epoch("ms"))
    return dict(outcomes.rows())
