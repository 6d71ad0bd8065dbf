"""How models would have done as of dates of the past, measured by what happened afterward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Final

import polars as pl

from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.insight.calibration import BandCalibration, calibrate_bands
from sync_worker.insight.cohort import Cohort, build_cohort, raise_if_too_few
from sync_worker.insight.live_verdicts import LiveVerdicts
from sync_worker.insight.metrics import Estimate, Ranking, ResampledScores, estimate_rate, population_stability
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts
from sync_worker.model.file.units import from_micro
from sync_worker.model.i18n.model_labels import display_label

MAX_STABLE: Final = 0.25  # of the population stability index


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionLift:
    """A criterion's points next to what became of the contacts that got them."""

    key: str
    label: str
    points: str  # at most
    contacts: int
    rate: Estimate
    lift: float | None  # of the rate to that of all contacts; None: no contact

    def as_json(self) -> dict[str, object]:
        """Return the criterion for `--json`."""
        rate = self.rate.as_json() if self.contacts else None
        lift = None if self.lift is None else round(self.lift, 3)
        return {"key": self.key, "label": self.label, "points": float(self.points), "contacts": self.contacts, "rate": rate, "lift": lift}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelBacktest:
    """A model as of one date. `gains`: the share of outcomes among each tenth of the contacts with the highest scores, cumulated."""

    model: str
    score: Ranking
    grade: Ranking | None  # None: the model has no grade
    threshold: str
    precision: Estimate  # of the contacts at or above the threshold
    recall: Estimate
    above: int
    mql_precision: Estimate
    mql_recall: Estimate
    mqls: int
    gains: Sequence[Estimate]
    calibration: Sequence[BandCalibration]
    stability: float  # population stability index, compared with the first date
    criteria: Sequence[CriterionLift]

    @property
    def warnings(self) -> Iterator[str]:
        """Sentences about a score or grade that does not predict, and about scores that have changed."""
        for name, ranking in (("score", self.score), ("grade", self.grade)):
            if ranking is not None and ranking.warning:
                yield f"{self.model}, {name}: {ranking.warning}"
        if self.stability > MAX_STABLE:
            yield f"{self.model}: the scores are distributed differently from those on the first date (PSI {self.stability:.2f})."

    def as_json(self) -> dict[str, object]:
        """Return the figures for `--json`."""
        return {
            "model": self.model,
            "score": self.score.as_json(),
            "grade": None if self.grade is None else self.grade.as_json(),
            "threshold": {"score": float(self.threshold), "contacts": self.above, **_cut_json(self.precision, self.recall, self.above)},
            "mql": {"contacts": self.mqls, **_cut_json(self.mql_precision, self.mql_recall, self.mqls)},
            "gains": [gain.as_json() for gain in self.gains],
            "calibration": [band.as_json() for band in self.calibration],
            "psi": round(self.stability, 4),
            "criteria": [criterion.as_json() for criterion in self.criteria],
        }


def _cut_json(precision: Estimate, recall: Estimate, contacts: int) -> dict[str, object]:
    return {"precision": precision.as_json() if contacts else None, "recall": recall.as_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDifference:
    """The figures of one model minus those of another, on the same contacts."""

    model: str
    other: str
    difference: Ranking

    @property
    def verdict(self) -> str:
        """One sentence: which model orders the contacts better."""
        auc = self.difference.auc
        text = f"difference of the AUC {auc.format_change()}"
        if auc.low > 0:
            return f"“{self.model}” is better than “{self.other}”: {text}"
        if auc.high < 0:
            return f"“{self.model}” is worse than “{self.other}”: {text}"
        return f"“{self.model}” and “{self.other}” do not differ clearly: {text}"

    def as_json(self) -> dict[str, object]:
        """Return the difference for `--json`."""
        figures = {name: figure for name, figure in self.difference.as_json().items() if name != "better_than_chance"}
        return {"model": self.model, "other": self.other, **figures, "verdict": self.verdict}


@dataclass(frozen=True, slots=True, kw_only=True)
class DateBacktest:
    """All models as of one date. `frozen`: properties of which only later values are known."""

    at: datetime
    contacts: int
    outcomes: int
    models: Sequence[ModelBacktest]
    differences: Sequence[ModelDifference]
    frozen: Sequence[str]

    @property
    def rate(self) -> Estimate:
        """The base rate."""
        return estimate_rate(self.outcomes, self.contacts)

    def as_json(self) -> dict[str, object]:
        """Return the date for `--json`."""
        return {
            "as_of": self.at.isoformat(),
            "contacts": self.contacts,
            "outcomes": self.outcomes,
            "base_rate": self.rate.as_json(),
            "models": [model.as_json() for model in self.models],
            "differences": [difference.as_json() for difference in self.differences],
            "frozen": list(self.frozen),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """The result of `backtest`, dates in ascending order."""

    horizon: timedelta
    dates: Sequence[DateBacktest]
    notes: Sequence[str] = ()  # about what is missing in the history
    live: LiveVerdicts | None = None  # of the model and the shadow model; None: not requested, or the state has none
    exit_code: ExitCode = ExitCode.DONE

    @property
    def warnings(self) -> list[str]:
        """Sentences about models that do not predict, and scores that have changed, each with its date; then the notes."""
        return [*(f"{date.at:%Y-%m-%d}: {text}" for date in self.dates for model in date.models for text in model.warnings), *self.notes]

    def as_json(self) -> dict[str, object]:
        """Return the backtest for `--json`."""
        return {
            "horizon_days": self.horizon.days,
            "warnings": self.warnings,
            "dates": [date.as_json() for date in self.dates],
            "live": self.live.as_json() if self.live else None,
        }


def run_backtest(history: PortalHistory, models: Mapping[str, Model], dates: Sequence[datetime], horizon: timedelta) -> Backtest:
    """Evaluate the models as of each date; `models` by the name that is shown.

    Raises:
        ConfigurationError: a horizon is not over, a date is before the data, there are too few outcomes, or a model says nothing here.
    """
    found: list[DateBacktest] = []
    first: dict[str, pl.Series] = {}
    earlier: dict[datetime, dict[str, pl.DataFrame]] = {}
    for at in sorted(set(dates)):
        cohort = build_cohort(history, at, horizon)
        raise_if_too_few(cohort, f"a backtest as of {at:%Y-%m-%d}")
        verdicts = {name: cohort.evaluate(model) for name, model in models.items()}
        tables = {name: cohort.join_scores(each) for name, each in verdicts.items()}
        resampled = ResampledScores({name: table["score"] for name, table in tables.items()}, cohort.contacts["converted"])
        over = max((each for each in earlier if each + horizon <= at), default=None)
        expected = {} if over is None else earlier[over]
        results = [
            _Measure(model=models[name], verdicts=verdicts[name], table=tables[name], resampled=resampled).describe(
                name, first.setdefault(name, tables[name]["score"]), expected.get(name)
            )
            for name in models
        ]
        for result in results:
            _raise_if_blind(result, at)
        differences = [ModelDifference(model=a, other=b, difference=resampled.compare(a, b)) for a, b in combinations(models, 2)]
        found.append(_build_date(cohort, results, differences, models))
        earlier[at] = {name: table.select("band", "converted") for name, table in tables.items()}
    return Backtest(horizon=horizon, dates=found, notes=history.gaps.describe(models.values()))


def _raise_if_blind(result: ModelBacktest, at: datetime) -> None:
    """Raise ConfigurationError if a model says nothing here: no contact meets any of its criteria."""
    if result.criteria and not result.mqls and not any(each.contacts for each in result.criteria):
        raise ConfigurationError(
            f"No contact meets a criterion of the model {result.model} as of {at:%Y-%m-%d}: the data it needs is not here.",
            hint="Use a model of this portal; `sync-worker model check FILE --portal` names what the portal lacks.",
        )


def _build_date(
    cohort: Cohort, results: Sequence[ModelBacktest], differences: Sequence[ModelDifference], models: Mapping[str, Model]
) -> DateBacktest:
    used = {name for model in models.values() for name in (*model.contact_properties, *(f"company.{n}" for n in model.company_properties))}
    return DateBacktest(
        at=cohort.at,
        contacts=cohort.contacts.height,
        outcomes=cohort.outcomes,
        models=results,
        differences=differences,
        frozen=sorted(used.intersection(cohort.frozen)),
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Measure:
    """The verdicts of a model on a cohort."""

    model: Model
    verdicts: Verdicts
    table: pl.DataFrame
    resampled: ResampledScores  # of the scores of all models

    def describe(self, name: str, first: pl.Series, expected: pl.DataFrame | None) -> ModelBacktest:
        threshold = self.model.document.qualification.threshold
        precision, recall = self.resampled.cut(name, float(threshold))
        mql, converted = self.table["mql"].cast(pl.Int8), self.table["converted"]
        mql_precision, mql_recall = ResampledScores({"mql": mql}, converted).cut("mql", 1)
        grade = ResampledScores({"grade": self.table["grade_rank"]}, converted).rank("grade") if self.model.grade_criteria else None
        return ModelBacktest(
            model=name,
            score=self.resampled.rank(name),
            grade=grade,
            threshold=str(threshold),
            precision=precision,
            recall=recall,
            above=self.table.filter(pl.col("score") >= float(threshold)).height,
            mql_precision=mql_precision,
            mql_recall=mql_recall,
            mqls=int(mql.sum()),
            gains=self.resampled.find_gains(name),
            calibration=calibrate_bands(self.table, [band.name for band in self.model.bands], expected),
            stability=population_stability(first, self.table["score"]),
            criteria=list(self._list_criteria()),
        )

    def _list_criteria(self) -> Iterator[CriterionLift]:
        base = float(self.table["converted"].mean())  # type: ignore[arg-type]
        points = self.table.select("contact_id", "converted").join(self.verdicts.points, on="contact_id", how="left", maintain_order="left")
        for line in self.model.score_criteria:
            met = points.filter(pl.col(line.key) != 0) if line.key in points.columns else points.clear()
            rate = estimate_rate(int(met["converted"].sum()), met.height)
            yield CriterionLift(
                key=line.key,
                label=display_label(line.key, line.label, self.model.document.language),
                points=str(from_micro(line.nominal_points)),
                contacts=met.height,
                rate=rate,
                lift=rate.value / base if met.height else None,
            )
