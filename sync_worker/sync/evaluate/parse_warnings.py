"""Warnings about values that could not be parsed and counted as unknown, by property."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import polars as pl

MAX_SAMPLE_IDS: Final = 3  # contacts per property; `explain` shows their values


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableProperty:
    """A property with values that could not be parsed, and the number of contacts that have one."""

    property: str
    expected: str
    contacts: int
    ids: tuple[int, ...]  # of some of these contacts

    def as_json(self) -> dict[str, object]:
        """Return the warning for `--json`."""
        return {"property": self.property, "expected": self.expected, "contacts": self.contacts, "ids": [str(id_) for id_ in self.ids]}


@dataclass(frozen=True, slots=True)
class ParseWarnings:
    """The unreadable values of a run. The values themselves are personal data and are not stored."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # by (property, expected)
    sample_ids: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, unreadable: pl.DataFrame) -> None:
        """Add the `unreadable` frame of `Verdicts`."""
        for (name, expected), rows in unreadable.group_by("property", "expected"):
            key = str(name), str(expected)
            self.counts[key] += rows.height
            known = self.sample_ids.setdefault(key, [])
            known += rows["contact_id"].sort().head(MAX_SAMPLE_IDS - len(known)).to_list()

    def summarize(self) -> tuple[UnreadableProperty, ...]:
        """Return the warnings in order of property."""
        return tuple(
            UnreadableProperty(property=name, expected=expected, contacts=number, ids=tuple(self.sample_ids[name, expected]))
            for (name, expected), number in sorted(self.counts.items())
        )
