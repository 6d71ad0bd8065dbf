"""Compiled criteria of the score: which events count, and the points for a number of events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from sync_worker.model.compiled.facts import COUNTER_PROPERTIES, SUBSCRIPTIONS
from sync_worker.model.file.conditions import Condition
from sync_worker.model.file.schema import Criterion, Label, Rule
from sync_worker.model.file.units import to_micro, to_milliseconds
from sync_worker.model.lookup.standard_properties import SUBSCRIPTION_PROPERTIES

#: The maximum number of events of one contact that a criterion counts, so that a model without caps also has a maximum score.
MAX_COUNTED_EVENTS: Final = 10_000

#: The recorded kinds of event that each derived kind is found in.
DERIVED_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "download": frozenset({"page_view", "email_click"}),
    "search_term": frozenset({"page_view"}),
    "campaign_touch": frozenset({"page_view"}),
}

_ONE_DAY: Final = timedelta(days=1)


def source_kinds(kind: str) -> frozenset[str]:
    """Return the kinds of event to read from HubSpot for a recorded or derived kind."""
    return DERIVED_KINDS.get(kind, frozenset({kind}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """The micro-points for a number of events: steps that add up, or points for each event up to a cap."""

    steps: tuple[tuple[int, int], ...] = ()  # (number of events, further micro-points)
    each: int = 0
    cap: int | None = None  # micro-points, without sign

    @property
    def is_positive(self) -> bool:
        """Whether the award raises the score; all others lower it."""
        return self.each > 0 or any(points > 0 for _, points in self.steps)

    def points_for(self, events: int) -> int:
        """Return the micro-points for this number of events."""
        return sum(points for at, points in self.steps if events >= at) + self._linear_points(events)

    def _linear_points(self, events: int) -> int:
        total = self.each * min(events, MAX_COUNTED_EVENTS)
        if self.cap is None:
            return total
        return min(total, self.cap) if total > 0 else max(total, -self.cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCriterion:
    """A criterion of the score: events that are counted (`event`), or a condition on the contact (`when`)."""

    key: str
    label: Label | None
    award: Award
    event: str | None = None
    where: Condition | None = None
    excluded: tuple[Condition, ...] = ()  # events that meet one of these do not count
    when: Condition | None = None
    within: timedelta | None = None
    per_day: int | None = None

    @property
    def is_positive(self) -> bool:
        """Whether the criterion raises the score; all others lower it."""
        return self.award.is_positive

    @property
    def max_events(self) -> int:
        """The maximum number of events of a contact that can count."""
        if self.event is None:
            return 1
        if self.within is None or self.per_day is None:
            return MAX_COUNTED_EVENTS
        return min(MAX_COUNTED_EVENTS, self.per_day * (to_milliseconds(self.within) // to_milliseconds(_ONE_DAY) + 2))

    @property
    def nominal_points(self) -> int:
        """The micro-points of all tiers, or up to the cap, negative if the criterion lowers the score."""
        return self.award.points_for(1 if self.event is None else MAX_COUNTED_EVENTS)

    @property
    def reachable_points(self) -> int:
        """The micro-points that are reachable within the window and the daily limit."""
        return self.award.points_for(self.max_events)

    def is_visible(self, hidden_kinds: frozenset[str]) -> bool:
        """Return whether the portal shows the data of the criterion: single events, HubSpot's counter, or subscriptions."""
        if self.event is None:
            return is_condition_visible(self.when, hidden_kinds)
        return is_event_visible(self.event, hidden_kinds, can_use_counter=self.can_use_counter)

    @property
    def can_use_counter(self) -> bool:
        """Whether HubSpot's counter and the date of the last event are sufficient to compute the points."""
        limited = self.within is not None or self.per_day is not None
        once = not self.award.each and all(at == 1 for at, _ in self.award.steps)
        return self.where is None and not self.excluded and (once or not limited)


def is_event_visible(event: str, hidden_kinds: frozenset[str], *, can_use_counter: bool) -> bool:
    """Return whether the portal shows a kind of event; `can_use_counter`: a number and the date of the last event are sufficient."""
    if not source_kinds(event) <= hidden_kinds:
        return True
    return can_use_counter and event in COUNTER_PROPERTIES


def is_condition_visible(condition: Condition | None, hidden_kinds: frozenset[str]) -> bool:
    """Return whether the portal shows the data of a condition on contacts."""
    return SUBSCRIPTIONS not in hidden_kinds or condition is None or not uses_subscriptions(condition)


def uses_subscriptions(condition: Condition) -> bool:
    """Return whether a condition on contacts names subscription types."""
    return any(name in SUBSCRIPTION_PROPERTIES for name, _, _ in condition.iter_tests())


def compile_criterion(key: str, criterion: Criterion, importance: Mapping[str, Decimal], direct: Iterable[Rule] = ()) -> ScoreCriterion:
    """Compile a valid criterion; `direct` are the enabled direct qualifiers, whose events it may exclude."""
    return ScoreCriterion(
        key=key,
        label=criterion.label,
        award=compile_award(criterion, importance),
        event=criterion.event,
        where=criterion.where,
        excluded=tuple(rule.where for rule in direct if criterion.except_ and rule.event == criterion.event and rule.where),
        when=criterion.when,
        within=criterion.within,
        per_day=criterion.per_day,
    )


def compile_award(criterion: Criterion, importance: Mapping[str, Decimal]) -> Award:
    """Compile the amount of a valid criterion."""
    if criterion.each is not None:
        cap = None if criterion.at_most is None else abs(to_micro(criterion.at_most))
        return Award(each=to_micro(criterion.each), cap=cap)
    if criterion.tiers:
        return Award(steps=tuple(sorted((at, to_micro(points)) for at, points in criterion.tiers.items())))
    return Award(steps=((1, to_micro(_single_points(criterion, importance))),))


def _single_points(criterion: Criterion, importance: Mapping[str, Decimal]) -> Decimal:
    if criterion.points is not None:
        return criterion.points
    name = criterion.importance or ""
    points = importance[name.removeprefix("-")]
    return -points if name.startswith("-") else points
