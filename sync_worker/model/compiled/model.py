"""The compiled model: criteria and rules, required data, the range of the score, the hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Literal

from sync_worker.model.compiled.criteria import (
    ScoreCriterion,
    compile_criterion,
    is_condition_visible,
    is_event_visible,
    source_kinds,
    uses_subscriptions,
)
from sync_worker.model.compiled.facts import COUNTER_PROPERTIES, SUBSCRIPTIONS
from sync_worker.model.file.conditions import Condition
from sync_worker.model.file.schema import Band, DirectQualifier, Disqualifier, Document, GradeCriterion, Language, Rule
from sync_worker.model.file.units import MICROS_PER_POINT, from_micro, to_micro
from sync_worker.model.lookup.domains import DomainMatcher, compile_domain_lists
from sync_worker.model.lookup.standard_properties import (
    ADDITIONAL_EMAILS,
    COMPANY_PREFIX,
    PRIMARY_EMAIL,
    SUBSCRIPTION_PROPERTIES,
    PropertySpec,
    find_property,
)

RuleKind = Literal["direct", "disqualifier"]


@dataclass(frozen=True, eq=False)
class Model:
    """A valid model; `warnings` are messages with file and line."""

    document: Document
    source: str
    warnings: tuple[str, ...] = ()

    def translate(self, language: Language) -> Model:
        """Return the model with the texts of another language."""
        document: Document = self.document.model_copy(update={"language": language})
        return replace(self, document=document)

    @cached_property
    def hash(self) -> str:
        """Twelve hexadecimal digits that change with the meaning, not with comments or the order of keys."""
        text = json.dumps(self.document.dump_canonical(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def score_criteria(self) -> tuple[ScoreCriterion, ...]:
        """The enabled criteria of the score, in the order of the file."""
        found, importance, direct = self.document.score.criteria.items(), self.document.importance, self.direct_qualifiers.values()
        return tuple(compile_criterion(key, criterion, importance, direct) for key, criterion in found if criterion.enabled)

    @cached_property
    def grade_criteria(self) -> Mapping[str, GradeCriterion]:
        """The enabled criteria of the grade by key, in the order of the file."""
        return {key: criterion for key, criterion in self.document.grade.criteria.items() if criterion.enabled}

    @cached_property
    def direct_qualifiers(self) -> Mapping[str, DirectQualifier]:
        """The enabled direct qualifiers, sorted by key; the first one that holds is the reason."""
        return dict(sorted((key, rule) for key, rule in self.document.qualification.direct.items() if rule.enabled))

    @cached_property
    def disqualifiers(self) -> Mapping[str, Disqualifier]:
        """The enabled disqualifiers, sorted by key; the first one that holds is the reason."""
        return dict(sorted((key, rule) for key, rule in self.document.qualification.disqualifiers.items() if rule.enabled))

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands in ascending order."""
        return self.document.score.bands

    @cached_property
    def maximum(self) -> Decimal:
        """The maximum score in points."""
        return from_micro(sum(line.nominal_points for line in self.score_criteria if line.is_positive))

    @cached_property
    def minimum(self) -> Decimal:
        """The minimum score in points."""
        lowest = sum(line.nominal_points for line in self.score_criteria if not line.is_positive)
        clamp = self.document.score.minimum
        return from_micro(lowest if clamp is None else max(lowest, to_micro(clamp)))

    def reachable_maximum(self, hidden_kinds: frozenset[str] = frozenset(), unreachable: Collection[str] = ()) -> Decimal:
        """Return the maximum score in points on a portal that hides these kinds of event and where no contact can meet these criteria."""
        lines = (line for line in self.score_criteria if line.is_positive and line.is_visible(hidden_kinds) and line.key not in unreachable)
        return from_micro(sum(line.reachable_points for line in lines))

    def invisible_names(self, hidden_kinds: frozenset[str]) -> tuple[str, ...]:
        """Return the keys of the criteria and rules whose data is not visible if these kinds of event are hidden."""
        criteria = tuple(line.key for line in self.score_criteria if not line.is_visible(hidden_kinds))
        criteria += tuple(key for key, line in self.grade_criteria.items() if not is_condition_visible(line.when, hidden_kinds))
        return criteria + tuple(key for _, key, rule in self.rules if not is_rule_visible(rule, hidden_kinds))

    @property
    def rules(self) -> tuple[tuple[RuleKind, str, Rule], ...]:
        """The enabled direct qualifiers and disqualifiers, each with its kind and key."""
        groups: tuple[tuple[RuleKind, Mapping[str, Rule]], ...] = (("direct", self.direct_qualifiers), ("disqualifier", self.disqualifiers))
        return tuple((kind, key, rule) for kind, rules in groups for key, rule in rules.items())

    @cached_property
    def event_kinds(self) -> frozenset[str]:
        """The recorded kinds of event to read from HubSpot."""
        wanted = [line.event for line in self.score_criteria] + [rule.event for _, _, rule in self.rules]
        return frozenset().union(*(source_kinds(kind) for kind in wanted if kind))

    @cached_property
    def uses_subscriptions(self) -> bool:
        """Whether a condition names subscription types."""
        return any(map(uses_subscriptions, self.contact_conditions))

    @property
    def source_kinds(self) -> frozenset[str]:
        """What the model needs and a portal can hide: the recorded kinds of event, and `SUBSCRIPTIONS`."""
        return self.event_kinds | ({SUBSCRIPTIONS} if self.uses_subscriptions else frozenset())

    @cached_property
    def contact_properties(self) -> frozenset[str]:
        """The contact properties to read from HubSpot: those of conditions, and the counters that replace hidden events."""
        return self.select_contact_properties(frozenset(COUNTER_PROPERTIES))

    def select_contact_properties(self, hidden_kinds: frozenset[str]) -> frozenset[str]:
        """Return the contact properties that verdicts depend on if the portal hides these kinds of event."""
        further = {ADDITIONAL_EMAILS} if PRIMARY_EMAIL in self._condition_properties else set()
        counters = {name for kind in self.event_kinds & hidden_kinds & COUNTER_PROPERTIES.keys() for name in COUNTER_PROPERTIES[kind]}
        own = (name for name in self._condition_properties if not name.startswith(COMPANY_PREFIX))
        return frozenset(own).difference(SUBSCRIPTION_PROPERTIES) | counters | further

    @cached_property
    def company_properties(self) -> frozenset[str]:
        """The properties of the primary company to read from HubSpot, without the prefix `company.`."""
        return frozenset(name.removeprefix(COMPANY_PREFIX) for name in self._condition_properties if name.startswith(COMPANY_PREFIX))

    @cached_property
    def event_conditions(self) -> tuple[Condition, ...]:
        """All conditions on events."""
        parts: Iterable[ScoreCriterion | Rule] = (*self.score_criteria, *(rule for _, _, rule in self.rules))
        return tuple(part.where for part in parts if part.where)

    @cached_property
    def contact_conditions(self) -> tuple[Condition, ...]:
        """All conditions on contacts."""
        parts: Iterable[ScoreCriterion | GradeCriterion | Rule] = (
            *self.score_criteria,
            *self.grade_criteria.values(),
            *(rule for _, _, rule in self.rules),
        )
        return tuple(part.when for part in parts if part.when)

    @cached_property
    def domains(self) -> Mapping[str, DomainMatcher]:
        """The domain lists of the conditions by name."""
        conditions = (*self.contact_conditions, *self.event_conditions)
        tests = (test for condition in conditions for _, test, _ in condition.iter_tests())
        return compile_domain_lists(self.document.domains, {name for test in tests for name in test.domain_in or ()})

    def property_spec(self, name: str) -> PropertySpec:
        """Return the type of a property."""
        return find_property(name, self.document.properties) or PropertySpec("text")

    @cached_property
    def leave_below(self) -> int:
        """The score in micro-points below which an admitted MQL by score loses the status."""
        rules = self.document.qualification
        return to_micro(default_leave_below(rules.threshold) if rules.leave_below is None else rules.leave_below)

    @property
    def leave_below_score(self) -> int:
        """The lowest whole score above which an admitted MQL keeps the status: scores are whole numbers."""
        return -(-self.leave_below // MICROS_PER_POINT)

    @cached_property
    def _condition_properties(self) -> frozenset[str]:
        return frozenset(name for condition in self.contact_conditions for name, _, _ in condition.iter_tests())


def default_leave_below(threshold: Decimal) -> Decimal:
    """Return the threshold minus a sixth."""
    return threshold * 5 / 6


def is_rule_visible(rule: Rule, hidden_kinds: frozenset[str]) -> bool:
    """Return whether the data of a rule is visible if these kinds of event are hidden."""
    if rule.event is None:
        return is_condition_visible(rule.when, hidden_kinds)
    return is_event_visible(rule.event, hidden_kinds, can_use_counter=rule.where is None)
