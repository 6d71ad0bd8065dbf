"""The most recent writes to contacts, with old and new values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from sync_worker.sandbox.crm.audit_log import PropertyChange
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.web.formatting import ValueFormatter, full_name


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """One written value; `before` or `after` is empty if the property had or has no value."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactWrite:
    """The values that one request wrote to one contact."""

    contact_id: int
    name: str
    time: str
    time_ago: str
    source: str
    changes: tuple[ValueChange, ...]


def group_writes(portal: SandboxPortal, formatter: ValueFormatter, changes: Iterable[PropertyChange]) -> Iterator[ContactWrite]:
    """Yield the writes of changes; both are newest first."""
    order = {name: (definition.display_order, index) for index, (name, definition) in enumerate(portal.catalog().definitions.items())}
    for (contact_id, at, source), group in groupby(changes, key=lambda change: (change.record_id, change.at, change.source)):
        values = portal.record("contacts", contact_id)
        yield ContactWrite(
            contact_id=contact_id,
            name=full_name(values) if values else f"Contact {contact_id}",
            time=formatter.format_time(at),
            time_ago=formatter.format_time_ago(at),
            source=source.label or source.id or source.type,
            changes=tuple(
                _value_change(portal, formatter, change)
                for change in sorted(group, key=lambda change: order.get(change.property_name, (0, 0)))
            ),
        )


def _value_change(portal: SandboxPortal, formatter: ValueFormatter, change: PropertyChange) -> ValueChange:
    definition = portal.catalog().get(change.property_name)
    before, after = (formatter.format_value(definition, value) if value else "" for value in (change.old_value, change.new_value))
    return ValueChange(label=definition.label if definition else change.property_name, before=before, after=after)
