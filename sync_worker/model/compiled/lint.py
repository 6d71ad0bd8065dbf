"""Semantic checks of a model: errors and warnings that the types of its values do not show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Final

from sync_worker.model.compiled.condition_lint import LIST_NAMES, lint_condition
from sync_worker.model.compiled.criteria import MAX_COUNTED_EVENTS, compile_criterion
from sync_worker.model.compiled.impossible_conditions import find_impossible_conditions
from sync_worker.model.compiled.label_lint import lint_labels
from sync_worker.model.file.schema import Criterion, Degradation, DirectQualifier, Disqualifier, Document
from sync_worker.model.file.suggest import did_you_mean
from sync_worker.model.file.units import MICROS_PER_POINT, from_micro, to_milliseconds
from sync_worker.model.lookup.domains import is_domain_entry

ModelFinding = tuple[tuple[str | int, ...], str]

_LARGEST_MAXIMUM_SCORE: Final = 999_999_999  # points: JSON numbers of points are exact up to nine digits
_PROPERTY_NAME: Final = re.compile(r"(?:company\.)?[^.\s]+")
_MQL_NAMES: Final = frozenset({"mql", "mqls", "marketing qualified", "marketing_qualified"})
_DAY_MILLISECONDS: Final = 86_400_000


def find_errors(document: Document) -> Iterator[ModelFinding]:
    """Yield the errors of a model, each with its path."""
    yield from _check_properties(document)
    criteria = list(_check_criteria(document))
    yield from criteria
    yield from _check_grade(document)
    yield from _check_rules(document)
    yield from _check_bands(document)
    yield from _check_degradation(document.score.degradation)
    yield from _check_qualification(document)
    yield from _check_domains(document)
    if not criteria:
        yield from _check_maximum(document)


def find_warnings(document: Document) -> Iterator[ModelFinding]:
    """Yield the warnings of a valid model, each with its path."""
    maximum = from_micro(_reachable_maximum(document))
    yield from find_unreachable(document, maximum, f"the reachable maximum of {maximum}")
    for key, criterion in document.score.criteria.items():
        if criterion.enabled and criterion.each is not None and criterion.at_most is None:
            yield ("score", "criteria", key, "each"), "no cap (at_most): many events of this kind outweigh all other criteria"
    yield from find_impossible_conditions(document)
    yield from _warn_about_names(document)
    yield from _warn_about_grade(document)
    yield from lint_labels(document)


def _warn_about_names(document: Document) -> Iterator[ModelFinding]:
    """Yield warnings if a reader could confuse the top band or a property with something else."""
    bands, threshold = document.score.bands, document.qualification.threshold
    if len(bands) > 1 and bands[-1].from_ != threshold:
        yield (
            ("score", "bands", len(bands) - 1, "from"),
            f"the top band starts at {bands[-1].from_}, but the threshold of an MQL by score is {threshold}; use one number for both",
        )
    for index, band in enumerate(bands):
        if band.name.casefold() in _MQL_NAMES:
            yield ("score", "bands", index, "name"), "contacts in this band are not all MQLs; name it sales_ready, for example"
    for name in document.properties:
        if name in LIST_NAMES:
            yield ("properties", name), "is a property of the portal here; list membership cannot be part of a condition"


def _warn_about_grade(document: Document) -> Iterator[ModelFinding]:
    has_grade = any(criterion.enabled for criterion in document.grade.criteria.values())
    if document.qualification.grade_at_least and not has_grade:
        yield ("qualification", "grade_at_least"), "has no effect: without grade criteria, the model has no grade"


def find_unreachable(document: Document, maximum: Decimal, description: str) -> Iterator[ModelFinding]:
    """Yield the threshold and the bands above `maximum`; `description` names that maximum in the messages."""
    threshold = document.qualification.threshold
    if threshold > maximum:
        yield ("qualification", "threshold"), f"{threshold} is above {description}: no contact can be an MQL by score"
    for index, band in enumerate(document.score.bands):
        if band.from_ > maximum:
            yield ("score", "bands", index, "from"), f"{band.from_} is above {description}: no contact can reach {band.name}"


def _check_properties(document: Document) -> Iterator[ModelFinding]:
    for name in document.properties:
        if not _PROPERTY_NAME.fullmatch(name):
            message = "expected a property of contacts or company.<name>; deals and other objects cannot be part of a condition"
            yield ("properties", name), message


def _check_criteria(document: Document) -> Iterator[ModelFinding]:
    for key, criterion in document.score.criteria.items():
        path = ("score", "criteria", key)
        yield from ((path + place, message) for place, message in _check_source(criterion))
        yield from ((path + place, message) for place, message in _check_exception(criterion, document.qualification.direct))
        amounts = list(_check_amount(criterion, document.importance))
        yield from ((path + place, message) for place, message in amounts)
        if amounts:
            continue
        positive = compile_criterion(key, criterion, document.importance).is_positive
        for name in ("where", "when"):
            if condition := getattr(criterion, name):
                problems = lint_condition(condition, document, on_events=name == "where", adds_points=positive)
                yield from (((*path, name, *place), message) for place, message in problems)


def _check_source(part: Criterion | DirectQualifier | Disqualifier) -> Iterator[ModelFinding]:
    if (part.event is None) == (part.when is None):
        yield (), "expected either event (an action of the contact) or when (a condition on the contact)"
    elif part.event is None:
        limits = [name for name in ("where", "within", "per_day", "valid_for", "tiers", "each") if getattr(part, name, None) is not None]
        limits += ["except"] if isinstance(part, Criterion) and part.except_ else []
        yield from (((name,), "applies only to events; add the key event") for name in limits)


def _check_exception(criterion: Criterion, direct: Mapping[str, DirectQualifier]) -> Iterator[ModelFinding]:
    if criterion.except_ is None or criterion.event is None:
        return
    rules = {key: rule for key, rule in direct.items() if rule.enabled and rule.event == criterion.event}
    if not rules:
        yield ("except",), f"no direct qualifier has event: {criterion.event}, so there is nothing to exclude"
    for key, rule in rules.items():
        if rule.where is None:
            yield ("except",), f"no event would count, because the direct qualifier {key} has no where"


def _check_amount(criterion: Criterion, importance: Mapping[str, Decimal]) -> Iterator[ModelFinding]:
    given = [name for name in ("tiers", "each", "points", "importance") if getattr(criterion, name) is not None]
    if len(given) != 1:
        yield (), f"expected one of tiers, each, points or importance, found {' and '.join(given) or 'none'}"
        return
    if criterion.at_most is not None and criterion.each is None:
        yield ("at_most",), "is the cap of each, but each is missing"
    if criterion.importance is not None and criterion.importance.removeprefix("-") not in importance:
        near = did_you_mean(criterion.importance.removeprefix("-"), importance)
        yield ("importance",), f"unknown class {criterion.importance!r}; expected {', '.join(importance)}{near}"
        return
    yield from _check_numbers(criterion, importance)


def _check_numbers(criterion: Criterion, importance: Mapping[str, Decimal]) -> Iterator[ModelFinding]:
    if criterion.tiers is not None:
        yield from _check_tiers(criterion.tiers)
    for name in ("each", "points", "at_most"):
        if getattr(criterion, name) == 0:
            yield (name,), "has no effect; use enabled: false to switch a criterion off"
    if criterion.importance is not None and importance[criterion.importance.removeprefix("-")] <= 0:
        yield ("importance",), "the points of an importance class must be above 0; use -high for negative points"
    if criterion.each is not None and criterion.at_most is not None and criterion.at_most < 0 < criterion.each:
        yield ("at_most",), "the cap of positive points must be positive"


def _check_tiers(tiers: Mapping[int, Decimal]) -> Iterator[ModelFinding]:
    if not tiers:
        yield ("tiers",), "expected at least one tier, such as {1: 5}"
    for at, points in tiers.items():
        if at < 1:
            yield ("tiers", at), "a tier must start at 1 event or more"
        if points == 0:
            yield ("tiers", at), "this tier has no effect"
    if min(tiers.values(), default=0) < 0 < max(tiers.values(), default=0):
        yield ("tiers",), "the tiers of a criterion must be all positive or all negative"


def _check_grade(document: Document) -> Iterator[ModelFinding]:
    for key, criterion in document.grade.criteria.items():
        path = ("grade", "criteria", key, "when")
        problems = lint_condition(criterion.when, document, on_events=False, adds_points=False)
        yield from (((*path, *place), message) for place, message in problems)
    known = document.qualification.known_at_least
    enabled = sum(criterion.enabled for criterion in document.grade.criteria.values())
    if known is not None and known > enabled:
        yield ("qualification", "known_at_least"), f"expected at most {enabled}, the number of grade criteria, not {known}"


def _check_rules(document: Document) -> Iterator[ModelFinding]:
    rules: dict[str, Mapping[str, DirectQualifier] | Mapping[str, Disqualifier]] = {
        "direct": document.qualification.direct,
        "disqualifiers": document.qualification.disqualifiers,
    }
    for group, members in rules.items():
        for key, rule in members.items():
            path = ("qualification", group, key)
            yield from ((path + place, message) for place, message in _check_source(rule))
            for name in ("where", "when"):
                if condition := getattr(rule, name):
                    problems = lint_condition(condition, document, on_events=name == "where", adds_points=False)
                    yield from (((*path, name, *place), message) for place, message in problems)


def _check_bands(document: Document) -> Iterator[ModelFinding]:
    bands = document.score.bands
    for index, (lower, upper) in enumerate(pairwise(bands), start=1):
        if upper.from_ <= lower.from_:
            yield (
                ("score", "bands", index, "from"),
                f"bands must ascend: {upper.name} ({upper.from_}) comes after {lower.name} ({lower.from_})",
            )
    names = [band.name.casefold() for band in bands]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield ("score", "bands", index, "name"), f"duplicate band name {bands[index].name!r}"


def _check_degradation(degradation: Degradation) -> Iterator[ModelFinding]:
    allowed = {
        "inactivity": ("grace", "every", "lose", "half_life"),
        "per_event": ("grace", "half_life", "expiry"),
        "none": (),
    }[degradation.kind]
    path = ("score", "degradation")
    given = [name for name in ("grace", "every", "lose", "half_life", "expiry") if getattr(degradation, name) is not None]
    for name in given:
        if name not in allowed:
            yield (*path, name), f"not allowed with kind: {degradation.kind}; expected {', '.join(allowed) or 'nothing'}"
    ways = [name for name in ("lose", "half_life", "expiry") if name in given and name in allowed]
    if len(ways) > 1 or (not ways and degradation.kind == "per_event"):
        expected = "lose or half_life" if degradation.kind == "inactivity" else "half_life or expiry"
        yield path, f"expected either {expected}, found {' and '.join(ways) or 'neither'}"
    for name in ("every", "half_life", "expiry"):
        duration = getattr(degradation, name)
        if duration is not None and to_milliseconds(duration) < _DAY_MILLISECONDS:
            yield (*path, name), "expected at least 1 day"


def _check_qualification(document: Document) -> Iterator[ModelFinding]:
    rules = document.qualification
    if rules.threshold <= 0:
        yield ("qualification", "threshold"), f"expected a threshold above 0, not {rules.threshold}"
    if rules.leave_below is not None and rules.leave_below > rules.threshold:
        yield (
            ("qualification", "leave_below"),
            f"is above the threshold ({rules.threshold}): a new MQL by score would lose the status at once",
        )
    if to_milliseconds(document.score.trend.over) < _DAY_MILLISECONDS:
        yield ("score", "trend", "over"), "expected at least 1 day"


def _check_domains(document: Document) -> Iterator[ModelFinding]:
    for name, entries in document.domains.items():
        for key, values in (("add", entries.add), ("except", entries.remove)):
            for index, value in enumerate(values or ()):
                if not is_domain_entry(value):
                    yield ("domains", name, key, index), f"expected a domain such as example.com, .edu or ac.*, not {value!r}"


def _check_maximum(document: Document) -> Iterator[ModelFinding]:
    maximum = _reachable_maximum(document)
    minimum = document.score.minimum
    if maximum <= 0:
        yield ("score", "criteria"), "no criterion adds points: the maximum score must be above 0"
    elif minimum is not None and minimum * MICROS_PER_POINT > maximum:
        yield ("score", "minimum"), f"is above the maximum score, {from_micro(maximum)}"
    if maximum > _LARGEST_MAXIMUM_SCORE * MICROS_PER_POINT:
        uncapped = [key for key, criterion in document.score.criteria.items() if criterion.each is not None and criterion.at_most is None]
        message = f"the maximum score, {from_micro(maximum)}, is above the limit of {_LARGEST_MAXIMUM_SCORE}"
        hint = f"; add at_most to {', '.join(uncapped)}: each counts up to {MAX_COUNTED_EVENTS:,} events" if uncapped else ""
        yield ("score", "criteria"), f"{message}{hint}"


def _reachable_maximum(document: Document) -> int:
    enabled = {key: criterion for key, criterion in document.score.criteria.items() if criterion.enabled}
    lines = (compile_criterion(key, criterion, document.importance) for key, criterion in enabled.items())
    return sum(line.reachable_points for line in lines if line.is_positive)
