"""MQL blockers: why a contact is not an MQL."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Final

import polars as pl

from sync_worker.model.compiled.model import Model
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.model.i18n.model_labels import display_label
from sync_worker.model.i18n.phrases import BlockerPhrases, format_minus
from sync_worker.model.i18n.translations import load_translation
from sync_worker.model.lookup.unique import map_unique
from sync_worker.model.scoring.grade import comparison_rank, strip_sign

SEPARATOR: Final = "; "


def mql_blockers(table: pl.DataFrame, model: Model) -> pl.Series:
    """Return the blockers of each contact, in the order of the rows; null for an MQL.

    A disqualifier is the only blocker. Otherwise, the blockers are the conditions of an MQL by score that are not met.
    """
    score = pl.min_horizontal("score", ceil(model.document.qualification.threshold))  # fewer distinct keys; a higher score is no blocker
    measures = pl.concat_str([score, "grade_rank", "grade_known", "grade_of"], separator=" ")
    key = pl.when(~pl.col("mql")).then(pl.coalesce(pl.col("disqualified_by"), measures))
    return map_unique(table.select(mql_blockers=key).to_series(), lambda text: SEPARATOR.join(_describe(text, model)), pl.String)


def describe_deferral(model: Model) -> str:
    """Return the blocker of a contact that qualifies and waits because of the daily quota."""
    return _phrases(model).deferred.format(limit=model.document.qualification.new_per_day)


def _describe(key: str, model: Model) -> Iterator[str]:
    if key in model.disqualifiers:  # a key of the model file has no spaces
        yield display_label(key, model.disqualifiers[key].label, model.document.language)
        return
    score, rank, known, of = map(int, key.split(" "))
    phrases, threshold = _phrases(model), model.document.qualification.threshold
    if score < threshold:
        yield phrases.score.format(score=format_minus(score), threshold=threshold)
    if of:
        yield from _describe_grade(rank, known, of, model)


def _describe_grade(rank: int, known: int, of: int, model: Model) -> Iterator[str]:
    rules, phrases = model.document.qualification, _phrases(model)
    whole = model.document.grade.letters == "whole"
    if rules.known_at_least is not None and known < rules.known_at_least:
        if rules.incomplete_grade == "hold":
            yield phrases.incomplete.format(known=known, of=of, least=rules.known_at_least)
    elif rules.grade_at_least is not None:
        lowest = GRADE_LETTERS.index(rules.grade_at_least)
        if comparison_rank(rank, without_signs=whole) < comparison_rank(lowest, without_signs=whole):
            grade, needed = (format_minus(strip_sign(GRADE_LETTERS[each], without_signs=whole)) for each in (rank, lowest))
            yield phrases.grade.format(grade=grade, lowest=needed)


def _phrases(model: Model) -> BlockerPhrases:
    return load_translation(model.document.language).phrases.blockers
