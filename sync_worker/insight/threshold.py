"""The threshold that fits a precision or a capacity, with its interval, and what it would mean today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise, takewhile
from typing import Final

import polars as pl
from scipy.stats import chi2

from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.insight.as_of import as_of
from sync_worker.insight.cohort import build_cohort, raise_if_too_few
from sync_worker.insight.metrics import Estimate, estimate_rate
from sync_worker.insight.outcomes import find_outcomes
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.facts import Facts
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import evaluate

WEEK: Final = timedelta(days=7)
FLOW_WEEKS: Final = 4  # the weeks before today whose new contacts above a score are counted
MIN_CUT: Final = 20  # contacts of the cohort from a score on; with fewer, nothing is recommended
MIN_FLOW: Final = 20  # with fewer new contacts in these weeks, the average since the first contact is used


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdAdvice:
    """A threshold with the figures of the cohort as of `as_of`, and its effect today.

    All figures are those of contacts that would be MQLs by score at a threshold low enough; recall is of all outcomes.

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
    gaps: Sequence[str] = ()  # sentences about what is missing in the history
    exit_code: ExitCode = ExitCode.DONE

    @property
    def note(self) -> str | None:
        """Sentences if the flow is that of less than four weeks, or if the history has gaps."""
        young = () if self.weeks >= FLOW_WEEKS else (self._describe_weeks(),)
        return " ".join((*young, *self.gaps)) or None

    def _describe_weeks(self) -> str:
        return f"The portal shows only {self.weeks:.1f} weeks before this date: the number of new contacts per week is uncertain."

    def as_json(self) -> dict[str, object]:
        """Return the advice for `--json`."""
        return {
            "threshold": self.threshold,
            "present_threshold": float(self.present),
            "note": self.note,
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
    """Return the lowest threshold with at least this precision, or the lowest from which on at most this many contacts are new per week.

    A threshold that almost all contacts have reached already has few new ones, so a lower one than those that fit may fit again.

    Raises:
        ConfigurationError: there are too few contacts or outcomes, or no threshold meets the goal.
    """
    cohort = build_cohort(history, at, horizon)
    raise_if_too_few(cohort, "a threshold")
    scores = find_scores(cohort.facts, model, at)
    table = cohort.contacts.join(scores, on="contact_id", how="left", maintain_order="left")
    flow = _Flow.count(history, model)
    found = _Found(history=history, model=model, table=table, flow=flow)
    present = sorted({*table["score"].drop_nulls(), *flow.today["score"]})
    # The model language has no threshold of 0 or below.
    candidates = [score for score in present if score > 0 and table.filter(pl.col("score") >= score).height >= MIN_CUT]
    if present == [0]:
        raise ConfigurationError(
            f"The model gives no contact a point, neither as of {at:%Y-%m-%d} nor now: the data it needs is not here.",
            hint="Use a model of this portal; `sync-worker model check FILE --portal` names what the portal lacks.",
        )
    if not candidates:
        raise ConfigurationError(
            f"Fewer than {MIN_CUT} contacts with a score above 0 could be MQLs by score. {_describe_excluded(cohort.facts, model, at)}",
            hint="Change the points, the grade or the disqualifiers of the model.",
        )
    if weekly is not None:
        fits = [*takewhile(lambda score: flow.estimate(score).value <= weekly, reversed(candidates))][::-1]
        goal = f"at most {weekly:g} new contacts per week"
    else:
        fits = [score for score in candidates if found.cut(score)[0].value >= (precision or 0)]
        goal = f"a precision of at least {precision:g}"
    if not fits and weekly is not None:
        raise ConfigurationError(
            f"Each threshold that at least {MIN_CUT} contacts reach gives more than {weekly:g} new contacts per week: the highest one, "
            f"{candidates[-1]}, gives {flow.estimate(candidates[-1]).value:.2g}.",
            hint="Use a larger capacity, or change the model.",
        )
    if not fits:
        best = f"{max(found.cut(score)[0].value for score in candidates):.0%}"
        raise ConfigurationError(
            f"No threshold that at least {MIN_CUT} contacts reach gives {goal}: the highest precision is {best}.",
            hint="Use a lower precision, or change the model.",
        )
    return found.describe(fits[0], goal, at, horizon)


def find_scores(facts: Facts, model: Model, at: datetime) -> pl.DataFrame:
    """Return `contact_id` and `score` of the contacts that only the score keeps from being MQLs by score.

    They have the minimum grade, and no disqualifier excludes them.
    """
    table = _evaluate_at_any_score(facts, model, at)
    return table.filter(pl.col("by_score"), pl.col("disqualified_by").is_null()).select("contact_id", "score")


def _evaluate_at_any_score(facts: Facts, model: Model, at: datetime) -> pl.DataFrame:
    """Return the verdicts as if each score were high enough."""
    rules = model.document.qualification.model_copy(update={"leave_below": Decimal(-(10**9))})
    lenient = replace(model, document=model.document.model_copy(update={"qualification": rules}))
    everyone = facts.contacts.select("contact_id", by_score=pl.lit(value=True))
    return evaluate(replace(facts, previous=everyone), lenient, at).table


def _describe_excluded(facts: Facts, model: Model, at: datetime) -> str:
    """Return a sentence with the number of contacts that the grade or a disqualifier excludes."""
    table, rules = _evaluate_at_any_score(facts, model, at), model.document.qualification
    is_disqualified = pl.col("disqualified_by").is_not_null()
    held, disqualified = table.filter(~pl.col("by_score"), ~is_disqualified), table.filter(is_disqualified)
    is_incomplete = pl.col("grade_known") < (rules.known_at_least or 0)
    incomplete, low = held.filter(is_incomplete), held.filter(~is_incomplete)
    reasons = [
        f"{low.height:,} have a grade below {rules.grade_at_least} (most of them {_find_most_frequent(low['grade'])})"
        if low.height
        else "",
        f"{incomplete.height:,} have fewer than {rules.known_at_least} known criteria of the grade" if incomplete.height else "",
        f"{disqualified.height:,} are disqualified (most by {_find_most_frequent(disqualified['disqualified_by'])})"
        if disqualified.height
        else "",
    ]
    return f"Of {table.height:,} contacts, {', '.join(filter(None, reasons)) or 'none has such a score'}."


def _find_most_frequent(values: pl.Series) -> str:
    return str(values.drop_nulls().mode().min())


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Found:
    """What is known about the thresholds of a model."""

    history: PortalHistory
    model: Model
    table: pl.DataFrame
    flow: _Flow

    def cut(self, threshold: int) -> tuple[Estimate, Estimate]:
        """Return precision and recall of the contacts that would be MQLs by score."""
        above = self.table.filter(pl.col("score") >= threshold)["converted"]
        hits = int(above.sum())
        return estimate_rate(hits, above.len()), estimate_rate(hits, int(self.table["converted"].sum()))

    def describe(self, threshold: int, goal: str, at: datetime, horizon: timedelta) -> ThresholdAdvice:
        precision, recall = self.cut(threshold)
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
            gaps=self.history.gaps.describe([self.model]),
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
        weeks = [as_of(history, history.now - WEEK * number) for number in range(FLOW_WEEKS + 1)]
        scores = [find_scores(known.build_facts(), model, known.now) for known in weeks]
        outcomes = [find_outcomes(known) for known in weeks]
        today = scores[0].join(outcomes[0], on="contact_id", how="anti", maintain_order="left")
        since = max((history.now - (history.start or history.now)) / WEEK, 1 / 7)
        new = pl.concat(_find_rises(*pair, known) for pair, known in zip(pairwise(scores), outcomes[1:], strict=True))
        if new.height >= MIN_FLOW:
            return cls(today=today, reached=new, weeks=min(FLOW_WEEKS, since))
        return cls(today=today, reached=today.select("score", score_before=pl.lit(None, dtype=pl.Int64)), weeks=since)

    def estimate(self, threshold: int) -> Estimate:
        """Return the contacts that newly reach a score in a week, with the exact interval of a Poisson count."""
        before = pl.col("score_before").is_null() | (pl.col("score_before") < threshold)
        new = self.reached.filter(pl.col("score") >= threshold, before).height
        low = float(chi2.ppf(0.025, 2 * new) / 2) if new else 0.0
        high = float(chi2.ppf(0.975, 2 * new + 2) / 2)
        return Estimate(value=new / self.weeks, low=low / self.weeks, high=high / self.weeks)


def _find_rises(later: pl.DataFrame, earlier: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Return the scores that rose between two times, without the contacts that were opportunities before: sales works the others."""
    joined = later.join(outcomes, on="contact_id", how="anti").join(earlier, on="contact_id", how="left", suffix="_before")
    rises = joined.filter(pl.col("score_before").is_null() | (pl.col("score") > pl.col("score_before")))
    return rises.select("score", "score_before")
