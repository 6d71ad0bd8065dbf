"""How well scores order contacts by what happened to them: AUC, average precision, lift, precision, calibration, stability; with intervals.

Intervals of rates are Wilson intervals, all others 95 % bootstrap intervals over contacts.

Contacts with the same scores and outcome are one cell, so that a resample is one
draw of the cells' sizes and a thousand resamples take milliseconds. scikit-learn computes the same figures one resample at a time; the
tests compare with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import binomtest

from sync_worker.model.i18n.phrases import format_minus

RESAMPLES: Final = 1_000
MIN_RESAMPLES: Final = 200
MAX_DRAWS: Final = 2_000_000  # resamples × cells, for speed
TOP_SHARE: Final = 0.1  # the contacts whose lift is reported
_SEED: Final = 20_261_101
_QUANTILES: Final = (0.025, 0.975)

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval; `total`: the number of contacts that a share is of."""

    value: float
    low: float
    high: float
    total: int | None = None

    def as_json(self) -> dict[str, float]:
        """Return the figure for `--json`."""
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4)}

    def format_percent(self, digits: int = 0) -> str:
        """Return a share with its interval: 38% [36%–40%]; a share of nothing is a dash."""
        if self.total == 0:
            return "–"
        return f"{self.value:.{digits}%} [{self.low:.{digits}%}–{self.high:.{digits}%}]"

    def format_change(self) -> str:
        """Return a difference with its interval and signs: +0.251 [+0.227, +0.276]."""
        return format_minus(f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]")

    def __str__(self) -> str:
        of = "" if self.total is None else f" of {self.total:,}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]{of}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """How well a score orders contacts. `auc` is 0.5 for an order by chance; `average_precision` is then the base rate."""

    auc: Estimate
    average_precision: Estimate
    lift: Estimate  # of the top tenth

    @property
    def is_worse_than_chance(self) -> bool:
        """Whether the contacts with low scores convert more often."""
        return self.auc.value < 0.5

    @property
    def is_better_than_chance(self) -> bool:
        """Whether the interval of the AUC is above 0.5."""
        return self.auc.low > 0.5

    @property
    def warning(self) -> str | None:
        """A sentence if the score is no better than chance."""
        if self.is_better_than_chance:
            return None
        if self.is_worse_than_chance and self.auc.high < 0.5:
            return f"WORSE THAN CHANCE: AUC {self.auc}. Contacts with low values convert more often than those with high ones."
        below = ", below 0.5" if self.is_worse_than_chance else ""
        return f"NO BETTER THAN CHANCE: AUC {self.auc}{below}. It does not predict who converts."

    def as_json(self) -> dict[str, object]:
        """Return the figures for `--json`."""
        figures = {"auc": self.auc, "average_precision": self.average_precision, "lift_top_tenth": self.lift}
        return {**{name: figure.as_json() for name, figure in figures.items()}, "better_than_chance": self.is_better_than_chance}


class ResampledScores:
    """Scores of some contacts by several models, and their outcomes, resampled together so that differences have intervals."""

    def __init__(self, scores: Mapping[str, Counts | pl.Series], converted: pl.Series, *, resamples: int | None = None) -> None:
        table = pl.DataFrame({**scores, "": converted})
        cells = table.group_by(pl.all()).agg(pl.len().alias("contacts")).sort(pl.all())
        sizes = cells["contacts"].to_numpy().astype(float)
        resamples = resamples or min(RESAMPLES, max(MIN_RESAMPLES, MAX_DRAWS // sizes.size))
        draws = np.random.default_rng(_SEED).multinomial(table.height, sizes / sizes.sum(), size=resamples)
        self._counts: Counts = np.vstack([sizes, draws])  # the first row is the data itself
        self._converted = cells[""].to_numpy()
        self._scores = {name: cells[name].to_numpy() for name in scores}

    def rank(self, name: str) -> Ranking:
        """Return how well the scores of a model order the contacts."""
        auc, average_precision, lift = (_estimate(values) for values in self._figures(name))
        return Ranking(auc=auc, average_precision=average_precision, lift=lift)

    def compare(self, name: str, other: str) -> Ranking:
        """Return the differences of one model to another."""
        pairs = zip(self._figures(name), self._figures(other), strict=True)
        auc, average_precision, lift = (_estimate(one - two) for one, two in pairs)
        return Ranking(auc=auc, average_precision=average_precision, lift=lift)

    def cut(self, name: str, at_least: float) -> tuple[Estimate, Estimate]:
        """Return precision and recall of the contacts from a score on, with Wilson intervals: resamples of few contacts are too alike."""
        chosen, sizes = self._scores[name] >= at_least, self._counts[0]
        hits, contacts, outcomes = (int(sizes[rows].sum()) for rows in (chosen & self._converted, chosen, self._converted))
        return estimate_rate(hits, contacts), estimate_rate(hits, outcomes)

    def find_gains(self, name: str) -> list[Estimate]:
        """Return the shares of all outcomes that are among the tenth, two tenths ... of the contacts with the highest scores."""
        positives, negatives = self._by_score(name)
        total = (positives + negatives).sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = [_top_hits(positives, negatives, total * tenths / 10) / positives.sum(axis=1) for tenths in range(1, 11)]
        return [_estimate(share) for share in shares]

    def compare_cut(self, name: str, at_least: float, other: str) -> Estimate:
        """Return the precision of the contacts from a score on, minus that of as many contacts with the highest scores of another model."""
        chosen = self._scores[name] >= at_least
        hits = self._counts[:, chosen & self._converted].sum(axis=1)
        size = self._counts[:, chosen].sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            return _estimate((hits - _top_hits(*self._by_score(other), size)) / size[:, 0])

    def _figures(self, name: str) -> tuple[Counts, Counts, Counts]:
        positives, negatives = self._by_score(name)
        return _auc(positives, negatives), _average_precision(positives, negatives), _lift(positives, negatives)

    def _by_score(self, name: str) -> tuple[Counts, Counts]:
        """Return the numbers of contacts with and without outcome by score, the highest first, for each resample."""
        order = np.argsort(-self._scores[name], kind="stable")
        starts = np.flatnonzero(np.diff(self._scores[name][order], prepend=np.inf))
        hits = np.where(self._converted, self._counts, 0)[:, order]
        misses = np.where(self._converted, 0, self._counts)[:, order]
        return np.add.reduceat(hits, starts, axis=1), np.add.reduceat(misses, starts, axis=1)


def _auc(positives: Counts, negatives: Counts) -> Counts:
    above = np.cumsum(positives, axis=1) - positives / 2
    with np.errstate(invalid="ignore"):
        result: Counts = (negatives * above).sum(axis=1) / (positives.sum(axis=1) * negatives.sum(axis=1))
    return result


def _average_precision(positives: Counts, negatives: Counts) -> Counts:
    hits, all_contacts = np.cumsum(positives, axis=1), np.cumsum(positives + negatives, axis=1)
    with np.errstate(invalid="ignore"):
        result: Counts = (positives * hits / np.maximum(all_contacts, 1)).sum(axis=1) / positives.sum(axis=1)
    return result


def _lift(positives: Counts, negatives: Counts) -> Counts:
    total = (positives + negatives).sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = _top_hits(positives, negatives, TOP_SHARE * total) / (TOP_SHARE * total[:, 0])
        result: Counts = rate / (positives.sum(axis=1) / total[:, 0])
    return result


def _top_hits(positives: Counts, negatives: Counts, contacts: Counts) -> Counts:
    """Return the outcomes among this many contacts with the highest scores; of those with the score at the limit, a part counts."""
    sizes = positives + negatives
    room = np.clip(contacts - (np.cumsum(sizes, axis=1) - sizes), 0, sizes)
    hits: Counts = (positives * room / np.maximum(sizes, 1)).sum(axis=1)
    return hits


def _estimate(values: Counts) -> Estimate:
    """Return the figure of the data, the first value, with the interval of the resamples."""
    resamples = values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(resamples, _QUANTILES) if resamples.size else (np.nan, np.nan)
    return Estimate(value=float(values[0]), low=float(low), high=float(high))


def estimate_rate(outcomes: int, contacts: int) -> Estimate:
    """Return a share with its Wilson interval."""
    if not contacts:
        return Estimate(value=float("nan"), low=0.0, high=1.0, total=0)
    interval = binomtest(outcomes, contacts).proportion_ci(method="wilson")
    return Estimate(value=outcomes / contacts, low=float(interval.low), high=float(interval.high), total=contacts)


def population_stability(expected: pl.Series, actual: pl.Series) -> float:
    """Return the population stability index of two distributions of scores, in ten bins of the first one.

    Below 0.1 the distribution is stable, above 0.25 it has changed.
    """
    limits = np.unique(np.quantile(expected.to_numpy(), np.linspace(0, 1, 11)[1:-1]))
    shares = []
    for scores in (expected, actual):
        counts = np.bincount(np.searchsorted(limits, scores.to_numpy(), side="right"), minlength=limits.size + 1).astype(float)
        shares.append(np.maximum(counts, 0.5) / max(scores.len(), 1))  # half a contact in an empty bin: the index stays finite
    first, second = shares
    return float(((second - first) * np.log(second / first)).sum())
