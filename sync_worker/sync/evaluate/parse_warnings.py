"""Values that could not be understood, property by property: they counted as unknown, and somebody may want to mend them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

MAX_SAMPLE_IDS: Final = 3  # contacts that are named of each property; `explain` shows the value


@dataclass(frozen=True, slots=True)
class ParseWarnings:
    """What a run has come across. The values themselves are not kept: they are somebody's data."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # by property and what was expected
    sample_ids: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, unreadable: pl.DataFrame) -> None:
        """Add what a verdict's `unreadable` lists."""
        for (name, expected), rows in unreadable.group_by("property", "expected"):
            key = str(name), str(expected)
            self.counts[key] += rows.height
            known = self.sample_ids.setdefault(key, [])
            known += rows["contact_id"].sort().head(MAX_SAMPLE_IDS - len(known)).to_list()

    def as_json(self) -> list[dict[str, Any]]:
        """Return it for a report: property, what was expected, how many contacts, some of their ids."""
        return [
            {"property": name, "expected": expected, "contacts": number, "ids": [str(id_) for id_ in self.sample_ids[name, expected]]}
            for (name, expected), number in sorted(self.counts.items())
        ]
