"""The distribution of scores, to be checked before an approval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sync_worker.store import verdicts
from sync_worker.store.database import Store

MAX_BINS: Final = 15
PERCENTILES: Final = (10, 25, 50, 75, 90, 95, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramBin:
    """Number of contacts with a score from `low` to `high`, both included, and by grade."""

    low: int
    high: int
    contacts: int
    grades: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDistribution:
    """The scores of all contacts with a verdict. Without contacts, the statistics are empty (None)."""

    contacts: int
    mqls: int
    minimum: int | None
    mean: float | None
    median: float | None
    maximum: int | None
    percentiles: Mapping[int, int]  # the score that this percentage of the contacts does not exceed
    histogram: Sequence[HistogramBin]
    bands: Mapping[str, int]
    grades: Mapping[str, int]
    grades_by_band: Mapping[str, Mapping[str, int]]  # contacts by band, then by grade

    def as_json(self) -> dict[str, Any]:
        """Return the distribution for `--json`."""
        return {
            "contacts": self.contacts,
            "mqls": self.mqls,
            "min": self.minimum,
            "mean": None if self.mean is None else round(self.mean, 2),
            "median": self.median,
            "max": self.maximum,
            "percentiles": {str(share): score for share, score in self.percentiles.items()},
            "histogram": [
                {"from": bar.low, "to": bar.high, "contacts": bar.contacts, "grades": dict(bar.grades)} for bar in self.histogram
            ],
            "bands": dict(self.bands),
            "grades": dict(self.grades),
            "grades_by_band": {band: dict(grades) for band, grades in self.grades_by_band.items()},
        }


def compute_distribution(store: Store, bands: Sequence[str], grade_letters: Sequence[str]) -> ScoreDistribution:
    """Return the distribution of the current scores, with bands and grades in the order of the model."""
    with store.transaction() as tx:
        rows = verdicts.count_by_score(tx)
    scores: Counter[int] = Counter()
    by_score: dict[int, Counter[str]] = {}
    by_band: dict[str, Counter[str]] = {band: Counter() for band in bands}
    grades: Counter[str] = Counter()
    mqls = 0
    for score, band, grade, mql, contacts in rows:
        scores[score] += contacts
        by_score.setdefault(score, Counter())[grade] += contacts
        by_band.setdefault(band, Counter())[grade] += contacts
        grades[grade] += contacts
        mqls += contacts if mql else 0
    count = scores.total()
    return ScoreDistribution(
        contacts=count,
        mqls=mqls,
        minimum=min(scores, default=None),
        mean=sum(score * n for score, n in scores.items()) / count if count else None,
        median=_median(scores) if count else None,
        maximum=max(scores, default=None),
        percentiles={share: _percentile(scores, share) for share in PERCENTILES} if count else {},
        histogram=_histogram(by_score, grade_letters),
        bands={band: grade.total() for band, grade in by_band.items()},
        grades={letter: grades[letter] for letter in grade_letters if grades[letter]},
        grades_by_band={band: {letter: grade[letter] for letter in grade_letters if grade[letter]} for band, grade in by_band.items()},
    )


def _median(scores: Counter[int]) -> float:
    count, seen = scores.total(), 0
    middle = []
    for score in sorted(scores):
        # Positions (from 0) of the one or two contacts in the middle.
        middle += [score for position in {(count - 1) // 2, count // 2} if seen <= position < seen + scores[score]]
        seen += scores[score]
    return sum(middle) / len(middle)


def _percentile(scores: Counter[int], share: int) -> int:
    """Return the lowest score that at least `share` percent of the contacts do not exceed (nearest rank)."""
    below, wanted = 0, scores.total() * share
    for score in sorted(scores):
        below += scores[score]
        if 100 * below >= wanted:
            return score
    return max(scores)


def _histogram(by_score: Mapping[int, Counter[str]], grade_letters: Sequence[str]) -> list[HistogramBin]:
    if not by_score:
        return []
    low, high = min(by_score), max(by_score)
    width = next(width for width in _bin_widths() if (high // width) - (low // width) < MAX_BINS)
    bars: dict[int, Counter[str]] = {index: Counter() for index in range(low // width, high // width + 1)}
    for score, grades in by_score.items():
        bars[score // width] += grades
    return [
        HistogramBin(
            low=index * width,
            high=index * width + width - 1,
            contacts=grades.total(),
            grades={letter: grades[letter] for letter in grade_letters if grades[letter]},
        )
        for index, grades in bars.items()
    ]


def _bin_widths() -> Iterator[int]:
    """Yield 1, 2, 5, 10, 20 ... without end."""
    scale = 1
    while True:
        yield from (scale, 2 * scale, 5 * scale)
        scale *= 10
