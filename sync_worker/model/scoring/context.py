"""From where contacts are judged: by which model, on which portal, at which instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sync_worker.model.compiled.criteria import Line
from sync_worker.model.compiled.model import Model
from sync_worker.model.scoring.predicates import Asked, of_contacts, of_events


@dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint:
    """A model, the kinds of event that the portal hides, and an instant with whole milliseconds."""

    model: Model
    hidden: frozenset[str]
    now: datetime

    @property
    def then(self) -> datetime:
        """The instant that the trend compares with."""
        return self.now - self.model.document.score.trend.over

    @property
    def lines(self) -> tuple[Line, ...]:
        """The criteria of the score that can be seen."""
        return tuple(line for line in self.model.lines if line.visible(self.hidden))

    @property
    def contacts_asked(self) -> Asked:
        """Whom conditions on contacts are asked of."""
        return of_contacts(self.model.subject, self.now)

    @property
    def events_asked(self) -> Asked:
        """What conditions on events are asked of."""
        return of_events(self.now)
