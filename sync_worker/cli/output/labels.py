"""Counts and names of records as people read them: `1 contact`, `891 email clicks`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sync_worker.model.i18n.phrases import format_minus

# By name of the counter in reports and progress; other counters are kinds of events.
_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "contacts": ("contact", "contacts"),
    "companies": ("company", "companies"),
    "list members": ("list member", "list members"),
    "subscriptions": ("subscriber status", "subscriber statuses"),
    "webinar": ("webinar attendance", "webinar attendances"),
    "erased": ("erased contact", "erased contacts"),
    "evaluated": ("evaluated", "evaluated"),
    "evaluated by the shadow model": ("evaluated by the shadow model", "evaluated by the shadow model"),
    "written": ("written", "written"),
    "in bulk": ("export or import", "export or import"),
    "deals": ("deal", "deals"),
    "lifecycle stages": ("lifecycle stage", "lifecycle stages"),
    "dates of creation": ("date of creation", "dates of creation"),
    "histories of contacts": ("history of a contact", "histories of contacts"),
    "histories of companies": ("history of a company", "histories of companies"),
}
_CONTROLS: Final = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def remove_controls(text: str) -> str:
    """Return a text without control characters and changes of the direction of writing: a name must not steer the terminal."""
    return text.translate(_CONTROLS)


def format_count(number: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def count_records(number: int, counter: str) -> str:
    """Return a number of records that were read, such as `891 email clicks`."""
    return format_count(number, *_record_names(counter))


def record_label(counter: str) -> str:
    """Return the plural name of the records of a counter, such as `email clicks`."""
    return _record_names(counter)[1]


def _record_names(counter: str) -> tuple[str, str]:
    if counter.startswith("custom:"):
        return f"{counter} event", f"{counter} events"
    singular = counter.replace("_", " ")
    return _NAMES.get(counter, (singular, f"{singular}s"))


def format_score(score: int) -> str:
    """Return a score with the minus sign of the ledger."""
    return format_minus(score)
