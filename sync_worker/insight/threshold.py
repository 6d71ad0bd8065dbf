"""The threshold that fits a precision or a capacity, with its interval, and what it would mean today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import polars as pl
from scipy.stats import chi2

from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.insight.as_of import as_of
from sync_worker.insight.cohort import build_cohort, raise_if_too_few
from sync_worker.insight.metrics import Estimate, ResampledScores
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import evaluate

WEEK: Final = timedelta(days=7)
FLOW_WEEKS: Final = 4  # the weeks before today whose new contacts above a score are counted
MIN_FLOW: Final = 20  # with fewer new contacts in these weeks, the average since the first contact is used


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdAdvice:
    """A threshold with the figures of the cohort as of `as_of`, and its effect today.

    `weekly`: contacts that newly reach it in a week, the average of the last `weeks`. `contacts`: ids of the contacts at or above it today,
    the highest score first, with the email address if it is known; `joined` and `left`: how many more or fewer these are than with the
    present threshold.
    """

    threshold: int
    present: str
    goal: str
    as_of: datetime
    horizon: timedelta
    precision: Estimate
    recall: Estimate
    base_rate: float
    weekly: Estimate
    weeks: float
    contacts: Mapping[int, str | None]
    joined: int
    left: int
    exit_code: ExitCode = ExitCode.DONE

    def as_json(self) -> dict[str, object]:
        """Return the advice for `--json`."""
        return {
            "threshold": self.threshold,
            "present_threshold": float(self.present),
            "goal": self.goal,
            "as_of": self.as_of.isoformat(),
            "horizon_days": self.horizon.days,
            "precision": self.precision.as_json(),
            "recall": self.recall.as_json(),
            "base_rate": round(self.base_rate, 4),
            "new_per_week": self.weekly.as_json(),
            "weeks": round(self.weeks, 1),
            "contacts_today": len(self.contacts),
            "contacts": [{"id": str(id_), "email": email} for id_, email in self.contacts.items()],
            "added": self.joined,
            "removed": self.left,
        }


def advise_threshold(
    history: PortalHistory, model: Model, *, at: datetime, horizon: timedelta, precision: float | None = None, weekly: float | None = None
) -> ThresholdAdvice:
    """Return the lowest threshold with at least this precision, or with at most this many new contacts per week.

    Raises:
        ConfigurationError: there are too few contacts or outcomes, or no threshold meets the goal.
    """
    cohort = build_cohort(history, at, horizon)
    raise_if_too_few(cohort, "a threshold")
    table = cohort.score(model)
    resampled = ResampledScores({"score": table["score"]}, table["converted"])
    flow = _Flow.count(history, model)
    candidates = sorted(set(table["score"].to_list()) | set(flow.today["score"].to_list()))
    if weekly is not None:
        fits = [score for score in candidates if flow.estimate(score).value <= weekly]
        goal = f"at most {weekly:g} new contacts per week"
    else:
        fits = [score for score in candidates if _has_precision(table, resampled, score, precision or 0)]
        goal = f"a precision of at least {precision:g}"
    if not fits:
        best = f"{max(resampled.cut('score', score)[0].value for score in set(table['score'])):.0%}"
        raise ConfigurationError(
            f"No threshold gives {goal}: the highest precision is {best}.", hint="Lower the goal, or change the model."
        )
    return _Found(history=history, model=model, table=table, resampled=resampled, flow=flow).describe(fits[0], goal, at, horizon)


def _has_precision(table: pl.DataFrame, resampled: ResampledScores, score: int, wanted: float) -> bool:
    return bool((table["score"] >= score).any()) and resampled.cut("score", score)[0].value >= wanted


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Found:
    """What is known about the thresholds of a model."""

    history: PortalHistory
    model: Model
    table: pl.DataFrame
    resampled: ResampledScores
    flow: _Flow

    def describe(self, threshold: int, goal: str, at: datetime, horizon: timedelta) -> ThresholdAdvice:
        precision, recall = self.resampled.cut("score", threshold)
        present = self.model.document.qualification.threshold
        today = self._reach(threshold).sort(["score", "contact_id"], descending=[True, False])
        change = today.height - self._reach(float(present)).height
        emails = dict(self.history.contacts.select("contact_id", "email").iter_rows())
        return ThresholdAdvice(
            threshold=threshold,
            present=str(present),
            goal=goal,
            as_of=at,
            horizon=horizon,
            precision=precision,
            recall=recall,
            base_rate=float(self.table["converted"].mean()),  # type: ignore[arg-type]
            weekly=self.flow.estimate(threshold),
            weeks=self.flow.weeks,
            contacts={id_: emails.get(id_) for id_ in today["contact_id"]},
            joined=max(change, 0),
            left=max(-change, 0),
        )

    def _reach(self, score: float) -> pl.DataFrame:
        return self.flow.today.filter(pl.col("score") >= score)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Flow:
    """The scores today, and each rise of a score within some weeks: `score`, and `score_before`, null for a new contact."""

    today: pl.DataFrame
    reached: pl.DataFrame
    weeks: float

    @classmethod
    def count(cls, history: PortalHistory, model: Model) -> _Flow:
        """Count the last weeks; if little happened then, all weeks since the first contact."""
        days = [history.now - WEEK * number for number in range(FLOW_WEEKS + 1)]
        tables = [evaluate(as_of(history, day).build_facts(), model, day).table.select("contact_id", "score") for day in days]
        steps = [
            later.join(earlier, on="contact_id", how="left", suffix="_before").filter(
                pl.col("score_before").is_null() | (pl.col("score") > pl.col("score_before"))
            )
            for later, earlier in pairwise(tables)
        ]
        new = pl.concat(steps)
        if new.height >= MIN_FLOW:
            return cls(today=tables[0], reached=new.select("score", "score_before"), weeks=FLOW_WEEKS)
        since = (history.now - (history.start or history.now)) / WEEK
        whole = tables[0].select("score", score_before=pl.lit(None, dtype=pl.Int64))
        return cls(today=tables[0], reached=whole, weeks=max(since, 1.0))

    def estimate(self, threshold: int) -> Estimate:
        """Return the contacts that newly reach a score in a week, with the exact interval of a Poisson count."""
        before = pl.col("score_before").is_null() | (pl.col("score_before") < threshold)
        new = self.reached.filter(pl.col("score") >= threshold, before).height
        low = float(chi2.ppf(0.025, 2 * new) / 2) if new else 0.0
        high = float(chi2.ppf(0.975, 2 * new + 2) / 2)
        return Estimate(value=new / self.weeks, low=low / self.weeks, high=high / self.weeks)
