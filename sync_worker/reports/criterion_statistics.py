"""What each criterion of a model gives: how often, how much, and together with which other criteria."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import polars as pl

from sync_worker.model.compiled.criteria import ScoreCriterion, is_condition_visible
from sync_worker.model.compiled.model import is_rule_visible
from sync_worker.model.file.schema import Label
from sync_worker.model.file.units import to_json_number
from sync_worker.model.i18n.model_labels import display_label
from sync_worker.model.scoring.counters import EVENTS, QUARANTINED, column_name
from sync_worker.model.scoring.evaluation_context import EvaluationContext
from sync_worker.model.scoring.grade import MATCH
from sync_worker.model.scoring.score import CAP_LOSS, POINTS


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionStatistics:
    """A criterion of the score. It fires for a contact if it gives or takes points before decay."""

    key: str
    label: str
    visible: bool  # false: the portal does not show its data
    contacts: int  # that it fires for
    mqls: int  # of these contacts
    points: float  # of all contacts; negative if it takes points
    events: int | None  # that count; None for a condition on the contact
    capped: int  # contacts that lose points by the cap
    quarantined: int  # events that would have counted

    def as_json(self) -> dict[str, Any]:
        """Return the criterion for `--json`."""
        return {
            "line": self.key,
            "label": self.label,
            "visible": self.visible,
            "contacts": self.contacts,
            "mqls": self.mqls,
            "points": self.points,
            "events": self.events,
            "capped": self.capped,
            "quarantined": self.quarantined,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeStatistics:
    """A criterion of the grade, with the number of contacts by result."""

    key: str
    label: str
    visible: bool
    matches: int
    mismatches: int
    unknown: int

    def as_json(self) -> dict[str, Any]:
        """Return the criterion for `--json`."""
        results = {"matches": self.matches, "mismatches": self.mismatches, "unknown": self.unknown}
        return {"line": self.key, "label": self.label, "visible": self.visible, **results}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleStatistics:
    """A direct qualifier or disqualifier, with the number of contacts that it holds for."""

    kind: str
    key: str
    label: str
    visible: bool
    contacts: int

    def as_json(self) -> dict[str, Any]:
        """Return the rule for `--json`."""
        return {"kind": self.kind, "line": self.key, "label": self.label, "visible": self.visible, "contacts": self.contacts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two criteria of the score, and the number of contacts for which both fire."""

    keys: tuple[str, str]
    contacts: int

    def as_json(self) -> dict[str, Any]:
        """Return the pair for `--json`."""
        return {"lines": list(self.keys), "contacts": self.contacts}


def criterion_sums(context: EvaluationContext) -> Iterator[pl.Expr]:
    """Yield the sums over `Verdicts.intermediate` that the statistics are made of. Sums of several chunks add up."""
    for line in context.visible_criteria:
        yield from _score_sums(line)
    for one, other in combinations(context.visible_criteria, 2):
        yield (_fires(one.key) & _fires(other.key)).sum().alias(_pair_name(one.key, other.key))
    for key in context.model.grade_criteria:
        match = pl.col(column_name(MATCH, key))
        yield match.sum().alias(column_name("matches", key))
        yield (~match).sum().alias(column_name("mismatches", key))
    for kind, key, _ in context.model.rules:
        yield pl.col(column_name(kind, key)).sum()


def _score_sums(line: ScoreCriterion) -> Iterator[pl.Expr]:
    yield _fires(line.key).sum().alias(column_name("contacts", line.key))
    yield (_fires(line.key) & pl.col("mql")).sum().alias(column_name("mqls", line.key))
    yield pl.col(column_name(POINTS, line.key)).sum()
    yield pl.col(column_name(EVENTS, line.key)).sum()
    if line.award.cap is not None:
        yield (pl.col(column_name(CAP_LOSS, line.key)) != 0).sum().alias(column_name("capped", line.key))
    # Counters of HubSpot, which replace hidden events, have no quarantine.
    yield pl.col(f"^{_escape(column_name(QUARANTINED, line.key))}$").sum()


def read_criteria(sums: Mapping[str, int], context: EvaluationContext) -> list[CriterionStatistics]:
    """Return the criteria of the score, in the order of the model, from their sums."""
    return [
        CriterionStatistics(
            key=line.key,
            label=_label(line.key, line.label, context),
            visible=line.is_visible(context.hidden_kinds),
            contacts=sums.get(column_name("contacts", line.key), 0),
            mqls=sums.get(column_name("mqls", line.key), 0),
            points=to_json_number(sums.get(column_name(POINTS, line.key), 0)),
            events=sums.get(column_name(EVENTS, line.key), 0) if line.event else None,
            capped=sums.get(column_name("capped", line.key), 0),
            quarantined=sums.get(column_name(QUARANTINED, line.key), 0),
        )
        for line in context.model.score_criteria
    ]


def read_grade_criteria(sums: Mapping[str, int], contacts: int, context: EvaluationContext) -> list[GradeStatistics]:
    """Return the criteria of the grade, in the order of the model, from their sums."""
    found = []
    for key, criterion in context.model.grade_criteria.items():
        matches, mismatches = (sums.get(column_name(result, key), 0) for result in ("matches", "mismatches"))
        found.append(
            GradeStatistics(
                key=key,
                label=_label(key, criterion.label, context),
                visible=is_condition_visible(criterion.when, context.hidden_kinds),
                matches=matches,
                mismatches=mismatches,
                unknown=contacts - matches - mismatches,
            )
        )
    return found


def read_rules(sums: Mapping[str, int], context: EvaluationContext) -> list[RuleStatistics]:
    """Return the direct qualifiers and disqualifiers from their sums."""
    return [
        RuleStatistics(
            kind=kind,
            key=key,
            label=_label(key, rule.label, context),
            visible=is_rule_visible(rule, context.hidden_kinds),
            contacts=sums.get(column_name(kind, key), 0),
        )
        for kind, key, rule in context.model.rules
    ]


def read_overlaps(sums: Mapping[str, int], context: EvaluationContext) -> Sequence[Overlap]:
    """Return the pairs of criteria that fire together for any contact, the most frequent first."""
    pairs = ((one.key, other.key) for one, other in combinations(context.visible_criteria, 2))
    found = [Overlap(keys=pair, contacts=sums.get(_pair_name(*pair), 0)) for pair in pairs]
    return sorted((overlap for overlap in found if overlap.contacts), key=lambda overlap: -overlap.contacts)


def _fires(key: str) -> pl.Expr:
    return pl.col(column_name(POINTS, key)) != 0


def _pair_name(one: str, other: str) -> str:
    return f"both:{one}:{other}"


def _label(key: str, label: Label | None, context: EvaluationContext) -> str:
    return display_label(key, label, context.model.document.language)


def _escape(text: str) -> str:
    return pl.escape_regex(text)
