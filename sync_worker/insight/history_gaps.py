"""What is missing in the history of a portal, in sentences for the results that rest on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sync_worker.model.compiled.criteria import source_kinds
from sync_worker.model.compiled.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryGaps:
    """Rows that could not be read, by file and field, and the times before which events have been deleted, by kind."""

    unreadable: Mapping[str, int] = field(default_factory=dict)
    deleted_before: Mapping[str, datetime] = field(default_factory=dict)

    def describe(self, models: Iterable[Model]) -> tuple[str, ...]:
        """Return a sentence for each gap that changes figures of the models."""
        return (*self._describe_unreadable(), *self._describe_deleted(models))

    def _describe_unreadable(self) -> Iterator[str]:
        if self.unreadable:
            rows = ", ".join(f"{name} ({number:,})" for name, number in sorted(self.unreadable.items()))
            yield f"Values of the portal folder that could not be read, and count as missing: {rows}."

    def _describe_deleted(self, models: Iterable[Model]) -> Iterator[str]:
        found: dict[str, datetime] = {}
        for model in models:
            for line in model.score_criteria:
                kinds = source_kinds(line.event) if line.event and line.within is None else frozenset()
                times = [self.deleted_before[kind] for kind in kinds & self.deleted_before.keys()]
                found |= {line.key: max(times)} if times else {}
        if found:
            deleted = f"Events before {max(found.values()):%Y-%m-%d} have been deleted (SYNC_WORKER_KEEP_EVENTS_DAYS)"
            yield f"{deleted}: criteria without `within` count fewer events than they did then: {', '.join(sorted(found))}."
