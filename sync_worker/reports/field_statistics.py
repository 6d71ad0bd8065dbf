"""How often the properties of the model have a value, and how often that value cannot be parsed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from sync_worker.model.compiled.model import Model
from sync_worker.model.lookup.standard_properties import COMPANY_PREFIX
from sync_worker.sync.evaluate.parse_warnings import UnreadableProperty


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStatistics:
    """A property of contacts or their primary companies, `company.name`, with the number of contacts that have a value."""

    name: str
    known: int
    unreadable: Sequence[UnreadableProperty]  # by expected type

    @property
    def unreadable_contacts(self) -> int:
        """Return the number of contacts whose value cannot be parsed as one of the expected types."""
        return max((each.contacts for each in self.unreadable), default=0)

    def as_json(self) -> dict[str, Any]:
        """Return the property for `--json`."""
        return {"property": self.name, "known": self.known, "unreadable": [each.as_json() for each in self.unreadable]}


def field_sums(model: Model) -> Iterator[pl.Expr]:
    """Yield the numbers of contacts that have a value, as sums over `Facts.contacts`."""
    for name in _property_names(model):
        value = pl.col(name)
        yield (value.str.strip_chars().str.len_bytes() > 0).sum().alias(f"known:{name}")


def read_fields(sums: Mapping[str, int], unreadable: Sequence[UnreadableProperty], model: Model) -> list[FieldStatistics]:
    """Return the properties that the model reads, the rarest value first."""
    found = [
        FieldStatistics(name=name, known=sums.get(f"known:{name}", 0), unreadable=[each for each in unreadable if each.property == name])
        for name in _property_names(model)
    ]
    return sorted(found, key=lambda field: (field.known, field.name))


def _property_names(model: Model) -> list[str]:
    return sorted({*model.contact_properties, *(f"{COMPANY_PREFIX}{name}" for name in model.company_properties)})
