"""The lines of the diff, each with a reason and an interval from the contacts that the fit has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from sync_worker.insight.cohort import Cohort
from sync_worker.insight.metrics import Estimate, Ranking, estimate_rate
from sync_worker.insight.suggest.suggestion import SuggestedChange
from sync_worker.insight.suggest.whole_points import SuggestedCriterion
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import count_criteria
from sync_worker.model.file.units import from_micro
from sync_worker.model.i18n.model_labels import display_label
from sync_worker.model.i18n.phrases import format_minus, format_signed


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReasons:
    """Explains the differences between two models by the contacts after the first `rows`."""

    cohort: Cohort
    rows: int
    current: Model
    suggested: Model
    leaks: frozenset[str]

    def list_changes(
        self, criteria: Sequence[SuggestedCriterion], scores: pl.DataFrame, *, degrades: bool, degradation: Ranking | None, grade: str
    ) -> list[SuggestedChange]:
        """Return the lines: criteria that are added and removed, degradation, threshold and bands, grade."""
        return [
            *self._list_added(criteria),
            *self._list_removed(),
            *self._list_degradation(degradation, degrades=degrades),
            *self._list_cuts(scores.slice(self.rows)),
            *self._list_grade(grade),
        ]

    def _list_added(self, criteria: Sequence[SuggestedCriterion]) -> Iterator[SuggestedChange]:
        met = self._count(self.suggested)
        for each in criteria:
            contacts, rate, other = self._rates(met[each.candidate.key] >= min(each.tiers))
            tiers = (f"{format_signed(points)} from {at} on" for at, points in each.tiers.items() if at > 1)
            amount = ", ".join(tiers) or format_signed(each.points)
            if 1 in each.tiers and len(each.tiers) > 1:
                amount = f"{format_signed(each.tiers[1])}, {amount}"
            yield SuggestedChange(
                change="+",
                key=each.candidate.key,
                text=f"{each.candidate.label}: {amount}",
                reason=_describe_rate(contacts, rate, other),
                contacts=contacts,
                rate=rate,
                other_rate=other,
                may_leak=each.candidate.source in self.leaks,
            )

    def _list_removed(self) -> Iterator[SuggestedChange]:
        met, language = self._count(self.current), self.current.document.language
        for line in self.current.score_criteria:
            name = f"{display_label(line.key, line.label, language)} ({format_signed(from_micro(line.nominal_points))} at most)"
            if line.key not in met.columns:
                yield SuggestedChange(change="-", key=line.key, text=name, reason="not visible on this portal")
                continue
            contacts, rate, other = self._rates(met[line.key] > 0)
            reason = "counts for no contact: nothing is known about it" if not contacts else ""
            reason = reason or f"adds nothing to the other criteria; {_describe_rate(contacts, rate, other)}"
            found = {"contacts": contacts, "rate": rate, "other_rate": other} if contacts else {}
            yield SuggestedChange(change="-", key=line.key, text=name, reason=reason, **found)  # type: ignore[arg-type]

    def _list_degradation(self, difference: Ranking | None, *, degrades: bool) -> Iterator[SuggestedChange]:
        if difference is not None and not degrades:
            reason = f"without it, the AUC on the last contacts of the fit changes by {difference.auc.format_change()}"
            yield SuggestedChange(change="~", key="degradation", text="degradation: none", reason=reason)

    def _list_cuts(self, scores: pl.DataFrame) -> Iterator[SuggestedChange]:
        threshold, before = self.suggested.document.qualification.threshold, self.current.document.qualification.threshold
        chosen = scores.filter(pl.col("score") >= int(threshold))
        rate = estimate_rate(int(chosen["converted"].sum()), chosen.height)
        share = f"{chosen.height:,} of {scores.height:,} later contacts reach it"
        reason = f"{share}; {rate.format_percent()} of them became opportunities, {self._base:.0%} of all" if chosen.height else share
        yield SuggestedChange(change="~", key="threshold", text=f"threshold {format_minus(before)} → {threshold}", reason=reason)
        old = {band.name: band.from_ for band in self.current.bands}
        for band in self.suggested.bands:
            inside = scores.filter(pl.col("band") == band.name)
            rate = estimate_rate(int(inside["converted"].sum()), inside.height)
            became = f"; {rate.format_percent()} of them became opportunities" if inside.height else ""
            text = f"band {band.name}: from {format_minus(old.get(band.name, 'none'))} → {format_minus(band.from_)}"
            reason = f"{inside.height:,} later contacts{became}"
            yield SuggestedChange(change="~", key=f"band {band.name}", text=text, reason=reason)

    def _list_grade(self, reason: str) -> Iterator[SuggestedChange]:
        old, new = self.current.document, self.suggested.document
        if old.grade == new.grade and old.qualification.grade_at_least == new.qualification.grade_at_least:
            return
        if not new.grade.criteria:
            yield SuggestedChange(change="-", key="grade", text="grade and minimum grade", reason=reason)
            return
        for key, criterion in new.grade.criteria.items():
            text = f"grade: {display_label(key, criterion.label, new.language)}: {criterion.thirds} thirds"
            yield SuggestedChange(change="+", key=f"grade {key}", text=text, reason=reason)
        yield SuggestedChange(change="~", key="grade_at_least", text=f"minimum grade {new.qualification.grade_at_least}", reason=reason)

    def _count(self, model: Model) -> pl.DataFrame:
        counted = count_criteria(self.cohort.facts, model, self.cohort.at)
        return self.cohort.contacts.join(counted, on="contact_id", how="left", maintain_order="left").slice(self.rows)

    def _rates(self, met: pl.Series) -> tuple[int, Estimate, float]:
        converted = self.cohort.contacts["converted"].slice(self.rows)
        contacts, outcomes = int(met.sum()), int((met & converted).sum())
        others = met.len() - contacts
        return contacts, estimate_rate(outcomes, contacts), (int(converted.sum()) - outcomes) / others if others else 0.0

    @property
    def _base(self) -> float:
        return float(self.cohort.contacts["converted"].slice(self.rows).mean())  # type: ignore[arg-type]


def list_costly_disqualifiers(scores: pl.DataFrame, threshold: int) -> list[str]:
    """Return a sentence for each disqualifier that excludes contacts at the threshold which convert more often than the average contact."""
    base, notes = float(scores["converted"].mean()), []  # type: ignore[arg-type]
    excluded = scores.filter(pl.col("score") >= threshold, pl.col("disqualified_by").is_not_null())
    for (key,), contacts in excluded.partition_by("disqualified_by", as_dict=True).items():
        rate = estimate_rate(int(contacts["converted"].sum()), contacts.height)
        if rate.low > base:
            found = f"{contacts.height:,} later contacts at the threshold; {rate.format_percent()} of them became opportunities"
            notes.append(f"The disqualifier {key} excludes {found}, {base:.0%} of all.")
    return sorted(notes)


def _describe_rate(contacts: int, rate: Estimate, other: float) -> str:
    if not contacts:
        return "no later contact meets it"
    return f"{contacts:,} later contacts: {rate.format_percent()} became opportunities, {other:.0%} of the others"
