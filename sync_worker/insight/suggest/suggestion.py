"""A suggestion: the model file, a reason for each line that differs, and figures on later contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sync_worker.errors import ExitCode
from sync_worker.insight.calibration import BandCalibration
from sync_worker.insight.metrics import Estimate, Ranking


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedChange:
    """A line of the diff. `rate` is that of the later contacts that meet a criterion, `other_rate` that of the other later contacts."""

    change: Literal["+", "-", "~"]
    key: str
    text: str
    reason: str
    contacts: int | None = None
    rate: Estimate | None = None
    other_rate: float | None = None
    may_leak: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the line for `--json`."""
        change = {"+": "added", "-": "removed", "~": "changed"}[self.change]
        line: dict[str, object] = {
            "change": change,
            "key": self.key,
            "text": self.text,
            "reason": self.reason,
            "possible_leak": self.may_leak,
        }
        if self.rate is not None:
            line |= {"contacts": self.contacts, "rate": self.rate.as_json(), "other_rate": round(self.other_rate or 0, 4)}
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The contacts of a part of the time."""

    contacts: int
    outcomes: int
    since: str
    until: str

    def as_json(self) -> dict[str, object]:
        """Return the period for `--json`."""
        return {"contacts": self.contacts, "outcomes": self.outcomes, "since": self.since, "until": self.until}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """The result of `suggest`. All figures are those of the later contacts, `evaluated`, except the reasons of grade and degradation.

    `model`: the text of the suggested file, or None if nothing is better than chance. `boosting_auc`: the AUC of gradient boosting on the
    same candidates, as a limit of what they can show. `leaks`: sources that may be the outcome itself; `without_leaks`: the ranking of a
    suggestion that does not use them. `frozen`: properties of which only later values are known.
    """

    as_of: str
    horizon_days: int
    fitted: Period
    evaluated: Period
    criteria: int
    candidates: int
    model: str | None
    changes: Sequence[SuggestedChange]
    suggested: Ranking
    current: Ranking
    difference: Ranking
    boosting_auc: float
    calibration: Sequence[BandCalibration]
    leaks: Sequence[str]
    without_leaks: Ranking | None
    without_leaks_criteria: Sequence[str]
    grade_reason: str
    grade_proposed: bool
    frozen: Sequence[str]
    notes: Sequence[str] = ()  # costly disqualifiers, and what is missing in the history
    exit_code: ExitCode = ExitCode.DONE

    @property
    def verdict(self) -> str:
        """One sentence: whether the suggestion is better than chance and than the current model."""
        if self.model is None or not self.suggested.is_better_than_chance:
            return (
                "No better than chance: none of the candidates predicts who becomes an opportunity. There is no suggestion, "
                f"and the current model's AUC is {self.current.auc}."
            )
        gain = self.difference.auc
        if gain.low > 0:
            figures = f"AUC {self.suggested.auc} instead of {self.current.auc} (+{gain.value:.3f})"
            return f"Better than the current model on later contacts: {figures}."
        return f"Not clearly better than the current model on later contacts: the difference of the AUC is {gain.format_change()}."

    def as_json(self) -> dict[str, object]:
        """Return the suggestion for `--json`."""
        return {
            "as_of": self.as_of,
            "horizon_days": self.horizon_days,
            "fitted": self.fitted.as_json(),
            "held_out": self.evaluated.as_json(),
            "verdict": self.verdict,
            "proposed": self.model is not None,
            "criteria": self.criteria,
            "candidates": self.candidates,
            "changes": [change.as_json() for change in self.changes],
            "figures": self._figures(),
            "calibration": [band.as_json() for band in self.calibration],
            "grade": {"proposed": self.grade_proposed, "reason": self.grade_reason},
            "possible_leaks": list(self.leaks),
            "without_possible_leaks_criteria": list(self.without_leaks_criteria),
            "frozen": list(self.frozen),
            "notes": list(self.notes),
            "model": self.model,
        }

    def _figures(self) -> Mapping[str, object]:
        return {
            "suggested": self.suggested.as_json(),
            "current": self.current.as_json(),
            "difference": {name: figure for name, figure in self.difference.as_json().items() if name != "better_than_chance"},
            "without_possible_leaks": None if self.without_leaks is None else self.without_leaks.as_json(),
            "gradient_boosting": {"auc": round(self.boosting_auc, 4)},
        }
