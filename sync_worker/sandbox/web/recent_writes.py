"""What was written last, one write after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from sync_worker.sandbox.crm.audit_log import Change
from sync_worker.sandbox.crm.portal import Portal
from sync_worker.sandbox.web.formatting import Wording, full_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One value that was written; nothing before or after is an empty text."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What one request wrote to one contact."""

    contact_id: int
    name: str
    when: str
    ago: str
    source: str
    values: tuple[Written, ...]


def writes(portal: Portal, words: Wording, changes: Iterable[Change]) -> Iterator[Write]:
    """Yield writes, newest first, of changes that come newest first."""
    order = {name: (definition.display_order, place) for place, (name, definition) in enumerate(portal.catalog().definitions.items())}
    for (contact_id, at, source), group in groupby(changes, key=lambda change: (change.record_id, change.at, change.source)):
        values = portal.record("contacts", contact_id)
        yield Write(
            contact_id=contact_id,
            name=full_name(values) if values else f"Contact {contact_id}",
            when=words.when(at),
            ago=words.ago(at),
            source=source.label or source.id or source.type,
            values=tuple(
                _written(portal, words, change) for change in sorted(group, key=lambda change: order.get(change.property, (0, 0)))
            ),
        )


def _written(portal: Portal, words: Wording, change: Change) -> Written:
    definition = portal.catalog().get(change.property)
    before, after = (words.value(definition, value) if value else "" for value in (change.before, change.after))
    return Written(label=definition.label if definition else change.property, before=before, after=after)
