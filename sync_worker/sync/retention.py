"""How long the state keeps what it does not need: events, and what runs have replaced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.model.compiled.criteria import source_kinds
from sync_worker.model.compiled.model import Model
from sync_worker.store import events as event_store
from sync_worker.store import key_value, undo_log
from sync_worker.store.database import Store
from sync_worker.timestamps import to_ms

KEY: Final = "tidied_at"
ONCE_IN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept; None is for ever."""

    events: timedelta | None = None
    undo: timedelta = timedelta(days=30)

    def tidy(self, store: Store, model: Model, now: datetime) -> None:
        """Delete what is too old, once a day; whose events went is judged anew."""
        with store.transaction() as tx:
            if to_ms(now - ONCE_IN) < (key_value.get(tx, KEY) or 0):
                return
            undo_log.delete_before(tx, to_ms(now - self.undo))
            for kind in sorted(model.event_kinds) if self.events else ():
                longest = needed(model, kind)
                if longest is not None and self.events is not None:
                    event_store.delete_before(tx, kind, to_ms(now - max(longest, self.events)))
            key_value.put(tx, KEY, to_ms(now))


def needed(model: Model, kind: str) -> timedelta | None:
    """Return how far back the model looks at events of a kind; None where a rule about MQLs looks back for ever.

    A criterion that counts without a window does not hold its events back: it then counts what is kept.
    """
    rules = [rule for *_, rule in model.rules if _reads(rule.event, kind)]
    if any(rule.validity is None for rule in rules):
        return None
    windows = [line.within for line in model.score_criteria if _reads(line.event, kind)]
    # The trend looks at the score of some days ago, with the windows of then.
    return model.document.score.trend.over + _longest([*windows, *(rule.validity for rule in rules)])


def _longest(windows: Iterable[timedelta | None]) -> timedelta:
    return max((window for window in windows if window is not None), default=timedelta())


def _reads(event: str | None, kind: str) -> bool:
    return event is not None and kind in source_kinds(event)
