"""Suggest a model: candidates, a sparse fit on the contacts that were created first, figures on those that were created last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from sync_worker.insight.calibration import BandCalibration, calibrate_bands
from sync_worker.insight.cohort import Cohort, raise_if_one_class, raise_if_too_few
from sync_worker.insight.metrics import Ranking, ResampledScores
from sync_worker.insight.suggest.candidate_matrix import CandidateMatrix, build_matrix, prepare_columns
from sync_worker.insight.suggest.candidates import list_event_candidates, list_property_candidates, with_unique_keys
from sync_worker.insight.suggest.change_reasons import ChangeReasons, list_costly_disqualifiers
from sync_worker.insight.suggest.cut_choice import choose_cuts
from sync_worker.insight.suggest.grade_fit import GradeBenefit, fit_grade, measure_grade
from sync_worker.insight.suggest.leak_sources import find_leak_sources
from sync_worker.insight.suggest.model_draft import Cuts, ModelDraft, SuggestedGrade
from sync_worker.insight.suggest.opposite import with_positive_weight
from sync_worker.insight.suggest.size_choice import choose_size
from sync_worker.insight.suggest.sparse_fit import SparseFit, fit_path
from sync_worker.insight.suggest.suggestion import Period, SuggestedChange, Suggestion
from sync_worker.insight.suggest.whole_points import SuggestedCriterion, round_weights
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.schema import GRADE_LETTERS, Property
from sync_worker.model.lookup.standard_properties import PropertySpec, find_property

#: The contacts that were created first are fitted on; within them, the first ones again choose the size.
FITTED_SHARE: Final = 2 / 3
DEFAULT_CRITERIA: Final = 8
_BOOSTING_ROWS: Final = 20_000
_SOURCE: Final = "suggested model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A suggested model with its scores of all contacts of the cohort, and why it has this grade and this degradation."""

    parts: ModelDraft
    model: Model
    scores: pl.DataFrame
    grade: GradeBenefit | None
    degradation: Ranking | None  # the difference without degradation, if the current model has one
    is_tried: bool  # whether a trial found criteria, so that grade and degradation could be checked

    @property
    def criteria(self) -> Sequence[SuggestedCriterion]:
        """The criteria of the score."""
        return self.parts.criteria


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggester:
    """Suggests models for one cohort. `text` is the file of the current `model`; `specs` has the types of the portal's properties."""

    cohort: Cohort
    model: Model
    text: str
    specs: Mapping[str, PropertySpec]
    custom_kinds: Iterable[str] = ()
    criteria: int = DEFAULT_CRITERIA

    def suggest(self) -> Suggestion:
        """Return the suggestion; raises ConfigurationError if there is too little data."""
        fitted, evaluated = self.cohort.split(FITTED_SHARE)
        for part, what in ((fitted, "a suggestion"), (evaluated, "an evaluation of a suggestion")):
            raise_if_one_class(part.contacts["converted"], what)
            raise_if_too_few(part, what)
        rows = fitted.contacts.height
        matrix = self._build_matrix(fitted)
        current, draft = self.cohort.score(self.model), self._draft(matrix, rows)
        leaks = [] if draft is None else find_leak_sources(prepare_columns(matrix, rows).head(rows), _sources(draft.criteria))
        without = self._draft_without(matrix, rows, leaks)
        later = {"current": current["score"].slice(rows)}
        later |= {name: each.scores["score"].slice(rows) for name, each in (("suggested", draft), ("without", without)) if each is not None}
        later.setdefault("suggested", pl.Series([0]).new_from_index(0, evaluated.contacts.height))
        resampled = ResampledScores(later, evaluated.contacts["converted"])
        proposed = draft if draft is not None and resampled.rank("suggested").is_better_than_chance else None
        return Suggestion(
            as_of=f"{self.cohort.at:%Y-%m-%d}",
            horizon_days=self.cohort.horizon.days,
            fitted=_period(fitted),
            evaluated=_period(evaluated),
            criteria=len(proposed.criteria) if proposed else 0,
            candidates=len({column.candidate.key for column in matrix.columns}),
            model=proposed.parts.render() if proposed else None,
            changes=self._explain(proposed, rows, leaks) if proposed else (),
            suggested=resampled.rank("suggested"),
            current=resampled.rank("current"),
            difference=resampled.compare("suggested", "current"),
            boosting_auc=_fit_boosting(prepare_columns(matrix, rows), rows),
            calibration=_calibrate(proposed, rows),
            leaks=leaks,
            without_leaks=resampled.rank("without") if "without" in later else None,
            without_leaks_criteria=[each.candidate.key for each in without.criteria] if without else (),
            grade_reason=_describe_grade(draft),
            grade_proposed=proposed is not None and isinstance(proposed.parts.grade, SuggestedGrade),
            notes=self._list_notes(proposed, rows),
            frozen=[name for name in self.cohort.frozen if name in self.specs or name in self.model.contact_properties],
        )

    def _list_notes(self, proposed: Draft | None, rows: int) -> Sequence[str]:
        if proposed is None:
            return self.cohort.gaps.describe([self.model])
        costly = list_costly_disqualifiers(proposed.scores.slice(rows), proposed.parts.cuts.threshold)
        return [*costly, *self.cohort.gaps.describe([self.model, proposed.model])]

    def _build_matrix(self, fitted: Cohort) -> CandidateMatrix:
        """Return the matrix of all contacts; its candidates are what the fitted contacts have and did."""
        ids, facts = fitted.contacts.select("contact_id"), self.cohort.facts
        contacts = ids.join(facts.contacts, on="contact_id", how="left")
        known = replace(facts, events=facts.events.join(ids, on="contact_id", how="semi"))
        found = [*list_event_candidates(known, self.custom_kinds), *list_property_candidates(contacts, self.specs)]
        return build_matrix(self.cohort, self._declaring_model, with_unique_keys(found))

    @property
    def _declaring_model(self) -> Model:
        """The current model with the types of all properties."""
        declared = {**self.model.document.properties}
        declared |= {name: Property.model_validate(kind) for name, kind in self._declarations.items()}
        return Model(document=self.model.document.model_copy(update={"properties": declared}), source=_SOURCE)

    @property
    def _declarations(self) -> Mapping[str, str]:
        """The types of the custom properties that the model does not declare."""
        known = self.model.document.properties
        return {name: spec.type for name, spec in self.specs.items() if find_property(name, known) is None}

    def _draft_without(self, matrix: CandidateMatrix, rows: int, leaks: list[str]) -> Draft | None:
        """Return the draft without the sources that may leak, and without those that it would use in their place and that may leak too."""
        draft, found = None, set[str]()
        while leaks:
            found |= set(leaks)
            smaller = matrix.without(found)
            draft = self._draft(smaller, rows)
            leaks = [] if draft is None else find_leak_sources(prepare_columns(smaller, rows).head(rows), _sources(draft.criteria))
        return draft

    def _draft(self, matrix: CandidateMatrix, rows: int) -> Draft | None:
        """Return the model that is fitted on the first `rows` contacts, or None if no candidate is better than chance.

        What the fit may be like is decided by a trial within these contacts: fitted on the first of them, and checked on the others. The
        trial may have too few contacts to find what all of them show: then the degradation stays, and there is no grade.
        """
        inner = int(rows * FITTED_SHARE)
        prepared = prepare_columns(matrix, inner)
        size, trial = choose_size(prepared, inner=inner, rows=rows, criteria=self.criteria)
        if not size:
            return None
        whole = prepare_columns(matrix, rows)
        fitted = fit_path(whole.head(rows), criteria=size)[-1]
        if not fitted.chosen:
            return None
        parts, grade, difference = replace(self._start_draft(whole, fitted, rows), grade=None), None, None
        if trial.chosen:
            tried, scores, difference = self._choose_degradation(self._start_draft(prepared, trial, inner), inner, rows)
            tried, grade = self._choose_grade(tried, scores, prepared, inner, rows)
            parts = replace(parts, degrades=tried.degrades, grade=tried.grade)
        scores = self.cohort.score(parts.build(_SOURCE))
        parts = replace(parts, cuts=self._cuts(scores["score"].head(rows), scores["converted"].head(rows)))
        model = parts.build(_SOURCE)
        scores = self.cohort.score(model)
        return Draft(parts=parts, model=model, scores=scores, grade=grade, degradation=difference, is_tried=bool(trial.chosen))

    def _start_draft(self, matrix: CandidateMatrix, fitted: SparseFit, rows: int) -> ModelDraft:
        """Return a draft of a fit on the first `rows` contacts, whose cuts are those of the points alone, without degradation."""
        matrix, fitted = with_positive_weight(matrix, fitted)
        criteria = round_weights(fitted, matrix.head(rows))
        sums = _sum_points(criteria, matrix, fitted)
        return ModelDraft(
            text=self.text,
            criteria=criteria,
            properties=self._declarations,
            cuts=self._cuts(sums.head(rows), pl.Series(matrix.converted[:rows])),
        )

    def _cuts(self, scores: pl.Series, converted: pl.Series) -> Cuts:
        return choose_cuts(scores, converted, [band.name for band in self.model.bands])

    def _choose_degradation(self, parts: ModelDraft, inner: int, rows: int) -> tuple[ModelDraft, pl.DataFrame, Ranking | None]:
        """Switch the degradation off if that orders the last contacts of the fit better, with an interval above zero."""
        scores = self.cohort.score(parts.build(_SOURCE))
        if self.model.document.score.degradation.kind == "none":
            return parts, scores, None
        constant = replace(parts, degrades=False)
        without = self.cohort.score(constant.build(_SOURCE))
        checked = slice(inner, rows)
        resampled = ResampledScores({"with": scores["score"][checked], "without": without["score"][checked]}, scores["converted"][checked])
        difference = resampled.compare("without", "with")
        return (constant, without, difference) if difference.auc.low > 0 else (parts, scores, difference)

    def _choose_grade(
        self, parts: ModelDraft, scores: pl.DataFrame, matrix: CandidateMatrix, inner: int, rows: int
    ) -> tuple[ModelDraft, GradeBenefit | None]:
        """Keep the current grade where it helps on the last contacts of the fit; else propose another one where that helps, or none."""
        checked, benefit = slice(inner, rows), None
        threshold, rules = parts.cuts.threshold, self.model.document.qualification
        if rules.grade_at_least is not None and self.model.grade_criteria:
            passes = scores["grade_rank"] >= GRADE_LETTERS.index(rules.grade_at_least)
            benefit = measure_grade(scores["score"][checked], passes[checked], scores["converted"][checked], threshold)
            if benefit.helps:
                return parts, benefit
        left = self.criteria - len(parts.criteria)
        grade = fit_grade(matrix.head(inner), scores["score"].head(inner).cast(pl.Float64).to_numpy(), criteria=left, threshold=threshold)
        if grade is not None:
            graded = replace(parts, grade=grade)
            table = self.cohort.score(graded.build(_SOURCE))
            passes = table["grade_rank"] >= GRADE_LETTERS.index(grade.at_least)
            fitted = measure_grade(table["score"][checked], passes[checked], table["converted"][checked], threshold)
            if fitted.helps:
                return graded, fitted
            benefit = benefit or fitted
        return replace(parts, grade=None), benefit

    def _explain(self, draft: Draft, rows: int, leaks: Sequence[str]) -> Sequence[SuggestedChange]:
        reasons = ChangeReasons(cohort=self.cohort, rows=rows, current=self.model, suggested=draft.model, leaks=frozenset(leaks))
        return reasons.list_changes(
            draft.criteria, draft.scores, degrades=draft.parts.degrades, degradation=draft.degradation, grade=_describe_grade(draft)
        )


def _sum_points(criteria: Sequence[SuggestedCriterion], matrix: CandidateMatrix, fitted: SparseFit) -> pl.Series:
    points = {(each.candidate.key, at): number for each in criteria for at, number in each.tiers.items()}
    weights = [points.get((matrix.columns[index].candidate.key, matrix.columns[index].at_least), 0) for index in fitted.chosen]
    return pl.Series(matrix.bits[:, list(fitted.chosen)] @ weights).cast(pl.Int64)


def _fit_boosting(matrix: CandidateMatrix, rows: int) -> float:
    """Return the AUC of gradient boosting on later contacts: what the candidates can show at most."""
    if not matrix.columns:
        return 0.5
    fitted, later = matrix.head(rows), matrix.tail(rows)
    step = -(-rows // _BOOSTING_ROWS)
    model = HistGradientBoostingClassifier(max_iter=80, max_leaf_nodes=15, random_state=0)
    with threadpool_limits(1, user_api="openmp"):  # its threads wait for each other so busily that one is faster on a shared machine
        model.fit(fitted.bits[::step], fitted.converted[::step])
        predicted = pl.Series(model.decision_function(later.bits))
    return ResampledScores({"boosting": predicted}, pl.Series(later.converted), resamples=1).rank("boosting").auc.value


def _calibrate(draft: Draft | None, rows: int) -> Sequence[BandCalibration]:
    if draft is None:
        return ()
    return calibrate_bands(draft.scores.slice(rows), [band.name for band in draft.model.bands], draft.scores.head(rows))


def _describe_grade(draft: Draft | None) -> str:
    if draft is not None and not draft.is_tried:
        return "too few contacts to check a grade on other contacts than those of the fit"
    if draft is None or draft.grade is None:
        return "no property of the contacts adds to the score"
    return draft.grade.describe({"current": "the current grade"}.get(str(draft.parts.grade), "a minimum grade"))


def _sources(criteria: Iterable[SuggestedCriterion]) -> frozenset[str]:
    return frozenset(each.candidate.source for each in criteria)


def _period(cohort: Cohort) -> Period:
    created = cohort.contacts["created_at"].drop_nulls().dt.strftime("%Y-%m-%d")
    first, last = (created.head(1).to_list() or ["unknown"])[0], (created.tail(1).to_list() or ["unknown"])[0]
    return Period(contacts=cohort.contacts.height, outcomes=cohort.outcomes, since=first, until=last)
