"""Retention: deletes old events, old rows of writes and old runs from the state, once a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.model.compiled.criteria import source_kinds
from sync_worker.model.compiled.inputs import combine_inputs
from sync_worker.model.compiled.model import Model
from sync_worker.store import runs, shadow_verdicts
from sync_worker.store.database import Store
from sync_worker.store.facts import events as event_store
from sync_worker.store.saved_state import last_purge
from sync_worker.store.writes import undo_log
from sync_worker.timestamps import from_ms, to_ms

PURGE_INTERVAL: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long events, rows of writes, and runs that wrote nothing are kept; None: without limit."""

    keep_events: timedelta | None = None
    keep_writes: timedelta = timedelta(days=400)
    keep_runs: timedelta = timedelta(days=7)

    def purge(self, store: Store, models: Sequence[Model], now: datetime) -> None:
        """Delete expired rows, at most once a day; contacts that lose events are re-evaluated.

        `models`: the model, and the shadow model if there is one.
        """
        with store.transaction() as tx:
            if to_ms(now - PURGE_INTERVAL) < (last_purge.load(tx) or 0):
                return
            undo_log.delete_before(tx, to_ms(now - self.keep_writes))
            runs.delete_expired(tx, uneventful=to_ms(now - self.keep_runs), others=to_ms(now - max(self.keep_runs, self.keep_writes)))
            for kind in sorted(combine_inputs(models).event_kinds):
                if (cutoff := self.cutoff(kind, models, now)) is not None:
                    event_store.delete_before(tx, kind, cutoff)
            shadow_verdicts.delete_except(tx, [model.hash for model in models[1:]])
            last_purge.save(tx, to_ms(now))

    def cutoff(self, kind: str, models: Sequence[Model], now: datetime) -> int | None:
        """Return the time (milliseconds) before which events of a kind are deleted; None: all are kept."""
        if self.keep_events is None:
            return None
        lookbacks = [event_lookback(model, kind) for model in models]
        known = [each for each in lookbacks if each is not None]
        return to_ms(now - max(*known, self.keep_events)) if len(known) == len(lookbacks) else None

    def find_cutoffs(self, models: Sequence[Model], now: datetime) -> dict[str, datetime]:
        """Return the times before which events are deleted, by kind; kinds of which all events are kept have none."""
        cutoffs = {kind: self.cutoff(kind, models, now) for kind in combine_inputs(models).event_kinds}
        return {kind: from_ms(cutoff) for kind, cutoff in cutoffs.items() if cutoff is not None}

    def complete_since(self, asked: Sequence[Model], models: Sequence[Model], now: datetime) -> datetime | None:
        """Return the time from which on verdicts of the models `asked` have all events in their windows; None: no event is deleted.

        `models`: those of the state, which decide what is deleted. A criterion without a window counts the events that are kept.
        """
        kinds = combine_inputs(asked).event_kinds
        cutoffs = [(kind, cutoff) for kind in kinds if (cutoff := self.cutoff(kind, models, now)) is not None]
        starts = [from_ms(cutoff) + (event_lookback(model, kind) or timedelta()) for kind, cutoff in cutoffs for model in asked]
        return max(starts, default=None)


def event_lookback(model: Model, kind: str) -> timedelta | None:
    """Return how far back the model looks at events of a kind; None if a direct rule or disqualifier has no time limit.

    A criterion without a window does not extend the retention: it counts the events that are kept.
    """
    rules = [rule for *_, rule in model.rules if _matches_kind(rule.event, kind)]
    if any(rule.validity is None for rule in rules):
        return None
    windows = [line.within for line in model.score_criteria if _matches_kind(line.event, kind)]
    # The trend needs the score of some days ago, and so the events in the windows of that day.
    return model.document.score.trend.over + _max_window([*windows, *(rule.validity for rule in rules)])


def _max_window(windows: Iterable[timedelta | None]) -> timedelta:
    return max((window for window in windows if window is not None), default=timedelta())


def _matches_kind(event: str | None, kind: str) -> bool:
    return event is not None and kind in source_kinds(event)
