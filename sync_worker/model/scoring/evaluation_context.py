"""The context of an evaluation: model, hidden kinds of event, time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sync_worker.model.compiled.criteria import ScoreCriterion
from sync_worker.model.compiled.model import Model
from sync_worker.model.scoring.predicates import ConditionScope, build_contact_scope, build_event_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationContext:
    """A model, the kinds of event that the portal hides, and the time of the evaluation in whole milliseconds."""

    model: Model
    hidden_kinds: frozenset[str]
    now: datetime

    @property
    def trend_baseline(self) -> datetime:
        """The time that the trend compares with."""
        return self.now - self.model.document.score.trend.over

    @property
    def visible_criteria(self) -> tuple[ScoreCriterion, ...]:
        """The criteria of the score whose data the portal shows."""
        return tuple(line for line in self.model.score_criteria if line.is_visible(self.hidden_kinds))

    @property
    def contact_scope(self) -> ConditionScope:
        """The scope of conditions on contacts."""
        return build_contact_scope(self.model.property_spec, self.now)

    @property
    def event_scope(self) -> ConditionScope:
        """The scope of conditions on events."""
        return build_event_scope(self.now)
