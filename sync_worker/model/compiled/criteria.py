"""The criteria of a model, ready to be computed: what counts, and what so many of it are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from sync_worker.model.compiled.facts import COUNTERS
from sync_worker.model.file.conditions import Condition
from sync_worker.model.file.schema import Criterion
from sync_worker.model.file.units import milliseconds, to_micro

#: No criterion counts more events of one contact than these; a model without caps still has a maximum.
MOST_EVENTS: Final = 10_000

#: The recorded kinds of event that the derived kinds are found in.
DERIVED: Final[Mapping[str, frozenset[str]]] = {
    "download": frozenset({"page_view", "email_click"}),
    "search_term": frozenset({"page_view"}),
    "campaign_touch": frozenset({"page_view"}),
}

_DAY: Final = timedelta(days=1)


def readable_kinds(kind: str) -> frozenset[str]:
    """Return the kinds to read from HubSpot for a kind: derived kinds are not recorded there."""
    return DERIVED.get(kind, frozenset({kind}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """What a number of events is worth, in micro-points: steps that add up, or so much for each up to a cap."""

    steps: tuple[tuple[int, int], ...] = ()  # (number of events, further micro-points)
    each: int = 0
    cap: int | None = None  # micro-points, without sign

    @property
    def positive(self) -> bool:
        """Whether it can only raise a score; otherwise it can only lower it."""
        return self.each > 0 or any(points > 0 for _, points in self.steps)

    def worth(self, events: int) -> int:
        """Return what so many events are worth."""
        return sum(points for at, points in self.steps if events >= at) + self._each(events)

    def _each(self, events: int) -> int:
        total = self.each * min(events, MOST_EVENTS)
        if self.cap is None:
            return total
        return min(total, self.cap) if total > 0 else max(total, -self.cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One criterion of the score: events that are counted (`event`), or a condition on the contact (`when`)."""

    key: str
    label: str | None
    award: Award
    event: str | None = None
    where: Condition | None = None
    when: Condition | None = None
    within: timedelta | None = None
    per_day: int | None = None

    @property
    def positive(self) -> bool:
        """Whether it can only raise a score."""
        return self.award.positive

    @property
    def most_events(self) -> int:
        """The most events of a contact that can ever count."""
        if self.event is None:
            return 1
        if self.within is None or self.per_day is None:
            return MOST_EVENTS
        return min(MOST_EVENTS, self.per_day * (milliseconds(self.within) // milliseconds(_DAY) + 2))

    @property
    def written(self) -> int:
        """The most that it could add, or take away, going by its numbers alone, in micro-points."""
        return self.award.worth(1 if self.event is None else MOST_EVENTS)

    @property
    def reachable(self) -> int:
        """The most that it can add, or take away, within its window and its daily limit, in micro-points."""
        return self.award.worth(self.most_events)

    def visible(self, hidden: frozenset[str]) -> bool:
        """Tell whether it can be seen where these kinds of event are hidden: singly, or by HubSpot's counters."""
        return self.event is None or seen(self.event, hidden, by_counter=self.by_counter)

    @property
    def by_counter(self) -> bool:
        """Whether HubSpot's counter and last date say all that it asks."""
        limited = self.within is not None or self.per_day is not None
        once = not self.award.each and all(at == 1 for at, _ in self.award.steps)
        return self.where is None and (once or not limited)


def seen(event: str, hidden: frozenset[str], *, by_counter: bool) -> bool:
    """Tell whether a kind of event can be seen; `by_counter`: a number and a last date would do."""
    if not readable_kinds(event) <= hidden:
        return True
    return by_counter and event in COUNTERS


def line_of(key: str, criterion: Criterion, importance: Mapping[str, Decimal]) -> Line:
    """Return a criterion that has been checked, ready to be computed."""
    return Line(
        key=key,
        label=criterion.label,
        award=award_of(criterion, importance),
        event=criterion.event,
        where=criterion.where,
        when=criterion.when,
        within=criterion.within,
        per_day=criterion.per_day,
    )


def award_of(criterion: Criterion, importance: Mapping[str, Decimal]) -> Award:
    """Return what a criterion awards."""
    if criterion.each is not None:
        cap = None if criterion.at_most is None else abs(to_micro(criterion.at_most))
        return Award(each=to_micro(criterion.each), cap=cap)
    if criterion.tiers:
        return Award(steps=tuple(sorted((at, to_micro(points)) for at, points in criterion.tiers.items())))
    return Award(steps=((1, to_micro(_once(criterion, importance))),))


def _once(criterion: Criterion, importance: Mapping[str, Decimal]) -> Decimal:
    if criterion.points is not None:
        return criterion.points
    name = criterion.importance or ""
    worth = importance[name.removeprefix("-")]
    return -worth if name.startswith("-") else worth
