"""How a rejected batch is split: along the line that its error reply suggests, or else in halves."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Final

from sync_worker.hubspot.api.crm.rejection_causes import find_invalid_properties, find_named_properties
from sync_worker.hubspot.records.models import ContactUpdate
from sync_worker.hubspot.rest.error_responses import ErrorResponse

STAGE_PROPERTY: Final = "lifecyclestage"  # rules are usually about it, such as "a customer needs a region"

Parts = list[list[ContactUpdate]]


def split(updates: Sequence[ContactUpdate], response: ErrorResponse) -> Parts:
    """Return two parts of a rejected batch that together have all its values; none if it cannot be split any further."""
    names = {name for update in updates for name in update.properties}
    if invalid := find_invalid_properties(response, names):
        return _split_by_value(updates, invalid[0]) or _split_by_property(updates, invalid)
    suspects = find_named_properties(response, names) or {STAGE_PROPERTY}
    return _split_by_id(updates, response.ids) or _split_by_property(updates, suspects) or _halve(updates)


def _split_by_id(updates: Sequence[ContactUpdate], ids: Container[int]) -> Parts:
    """Return the updates of the records that the error names, and the others."""
    return _both([update for update in updates if update.id in ids], [update for update in updates if update.id not in ids])


def _halve(updates: Sequence[ContactUpdate]) -> Parts:
    middle = len(updates) // 2
    return _both(list(updates[:middle]), list(updates[middle:]))


def _split_by_value(updates: Sequence[ContactUpdate], name: str) -> Parts:
    """Return the updates with the lower values of a property, and the others."""
    values = sorted({update.properties[name] for update in updates if name in update.properties})
    low = set(values[: len(values) // 2])
    return _both(
        [update for update in updates if update.properties.get(name) in low],
        [update for update in updates if update.properties.get(name) not in low],
    )


def _split_by_property(updates: Sequence[ContactUpdate], names: Container[str]) -> Parts:
    """Return the values of the other properties, and those of the named ones."""
    return _both(_select(updates, lambda name: name not in names), _select(updates, lambda name: name in names))


def _select(updates: Sequence[ContactUpdate], includes: Callable[[str], bool]) -> list[ContactUpdate]:
    selected = (
        ContactUpdate(id=update.id, properties={name: value for name, value in update.properties.items() if includes(name)})
        for update in updates
    )
    return [update for update in selected if update.properties]


def _both(first: list[ContactUpdate], second: list[ContactUpdate]) -> Parts:
    return [first, second] if first and second else []
