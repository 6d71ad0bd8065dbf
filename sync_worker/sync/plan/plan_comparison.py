"""What has changed since a plan was saved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sync_worker.sync.plan.saved_plan import SavedContact, SavedPlan, SavedValue
from sync_worker.sync.portal.managed_properties import is_text

MAX_VALUE_CHARS: Final = 40


def find_fact_differences(saved: SavedPlan, facts: Mapping[int, str]) -> list[str]:
    """Return the contacts of a plan whose facts differ from those of now, one sentence each."""
    found = []
    for contact in saved.contacts:
        if (now := facts.get(int(contact.id), "")) != contact.facts:
            reason = "has new facts: an event, a property, a subscription or its company" if now else "was deleted or merged"
            found.append(f"contact {contact.id} {reason}")
    return found


def find_differences(saved: SavedPlan, fresh: SavedPlan) -> list[str]:
    """Return the differences between a plan and the same plan as of now, one sentence for each contact."""
    contacts = {contact.id: contact for contact in fresh.contacts}
    list_changes = _index_list_changes(saved), _index_list_changes(fresh)
    found = []
    for before in saved.contacts:
        differences = [*_compare_contacts(before, contacts[before.id]), *_compare_list_changes(*(each[before.id] for each in list_changes))]
        if differences:
            found.append(f"contact {before.id}: {', '.join(differences)}")
    return found


def _compare_contacts(saved: SavedContact, fresh: SavedContact) -> Iterator[str]:
    for name in sorted({*saved.changes, *fresh.changes}):
        before, now = saved.changes.get(name), fresh.changes.get(name)
        if before != now:
            yield _describe_value(name, before, now)
    if saved.lists != fresh.lists:
        yield f"HubSpot shows it in the lists {_join(fresh.lists)} instead of {_join(saved.lists)}"
    if saved.verdict != fresh.verdict and saved.changes == fresh.changes:
        yield "its verdict differs"


def _describe_value(name: str, saved: SavedValue | None, fresh: SavedValue | None) -> str:
    if saved is None:
        return f"{name} would change too"
    if fresh is None:
        return f"{name} does not change any longer"
    if is_text(name):  # the message is logged, and a user may have written names there
        return f"{name} {'shows' if saved.before != fresh.before else 'would become'} another text"
    if saved.before != fresh.before:
        return f"{name} shows {_shorten(fresh.before)} instead of {_shorten(saved.before)}"
    return f"{name} would become {_shorten(fresh.after)} instead of {_shorten(saved.after)}"


def _shorten(text: str) -> str:
    first = text.partition("\n")[0]
    return f"“{first}”" if first == text and len(text) <= MAX_VALUE_CHARS else f"“{first[:MAX_VALUE_CHARS]} …”"


def _index_list_changes(plan: SavedPlan) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for change in plan.lists:
        for id_ in change.add:
            found[id_].append(f"into “{change.name}”")
        for id_ in change.remove:
            found[id_].append(f"out of “{change.name}”")
    return found


def _compare_list_changes(saved: Sequence[str], fresh: Sequence[str]) -> Iterator[str]:
    if saved != fresh:
        yield f"it moves {_join(fresh)} instead of {_join(saved)}"


def _join(names: Sequence[str]) -> str:
    return " and ".join(names) or "none"
