"""The changes of a plan in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sync_worker.model.i18n.phrases import format_minus
from sync_worker.sync.plan.plan import Consequence, ContactChange
from sync_worker.timestamps import from_ms

MAX_VALUE_CHARS: Final = 60
#: What each kind of change is called, for one and for several contacts.
LABELS: Final = {
    Consequence.NEW_MQL: ("new MQL", "new MQLs"),
    Consequence.STAGE: ("lifecycle stage", "lifecycle stages"),
    Consequence.MQL_LOST: ("other MQL reason", "other MQL reasons"),
    Consequence.BAND: ("band", "bands"),
    Consequence.GRADE: ("grade", "grades"),
    Consequence.SCORE: ("score", "scores"),
    Consequence.OTHER: ("other text", "other texts"),
}


def describe_changes(change: ContactChange) -> Iterator[str]:
    """Yield each changed property with its value before and after, in one line each."""
    for name, (before, after) in change.properties.items():
        yield f"{name}: {_shorten(_format_value(name, before))} → {_shorten(_format_value(name, after))}"


def _format_value(name: str, value: str) -> str:
    """Return a value as people read it: a time as a date, a score or a grade with a typographic minus sign."""
    if name.endswith("_mql_since") and value.isdecimal():
        return f"{from_ms(int(value)):%Y-%m-%d %H:%M} UTC"
    return format_minus(value) if name.endswith(("_score", "_grade")) else value


def _shorten(text: str) -> str:
    lines = text.splitlines()
    if not lines:
        return "(empty)"
    return lines[0][:MAX_VALUE_CHARS] + (" …" if len(lines) > 1 or len(lines[0]) > MAX_VALUE_CHARS else "")
