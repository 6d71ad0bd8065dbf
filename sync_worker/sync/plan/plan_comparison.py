"""What has changed since a plan was saved, without what it has changed itself: a plan that was interrupted still holds.

Each part of a contact is compared alone: each property, its lifecycle stage, its membership in each list. A part holds if the plan would
give it the same value as before, and HubSpot shows either the old value or this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sync_worker.sync.plan.saved_plan import SavedContact, SavedPlan, SavedValue
from sync_worker.sync.portal.managed_properties import is_text

MAX_VALUE_CHARS: Final = 40
MQL_SINCE: Final = "_mql_since"  # of any prefix
NO_MEMBER: Final = (False, False)
Memberships = Mapping[str, tuple[bool, bool]]  # key of a list → (whether HubSpot shows the contact there, whether it shall)


def find_fact_differences(saved: SavedPlan, facts: Mapping[int, str]) -> list[str]:
    """Return the contacts of a plan whose facts differ from those of now, one sentence each."""
    found = []
    for contact in saved.contacts:
        if (now := facts.get(int(contact.id), "")) != contact.facts:
            reason = "has new facts: an event, a property, a subscription or its company" if now else "was deleted or merged"
            found.append(f"contact {contact.id} {reason}")
    return found


def find_differences(saved: SavedPlan, fresh: SavedPlan) -> list[str]:
    """Return the differences between a plan and the same plan as of now, one sentence for each contact.

    `fresh` also has what the saved plan changes and what does not change any longer.
    """
    contacts = {contact.id: contact for contact in fresh.contacts}
    memberships = _index_memberships(saved), _index_memberships(fresh)
    found = []
    for before in saved.contacts:
        now = contacts[before.id]
        differences = [*_compare_values(before, now), *_compare_memberships(*(each[before.id] for each in memberships))]
        if not differences and before.verdict != now.verdict:
            differences = ["its verdict differs"]
        if differences:
            found.append(f"contact {before.id}: {', '.join(differences)}")
    return found


def is_done(plan: SavedPlan) -> bool:
    """Return whether HubSpot shows all values and members of a plan."""
    return not plan.lists and all(value.before == value.after for contact in plan.contacts for value in contact.changes.values())


def _compare_values(saved: SavedContact, fresh: SavedContact) -> Iterator[str]:
    for name in sorted({*saved.changes, *fresh.changes}):
        before, now = saved.changes.get(name), fresh.changes.get(name)
        if not (before and now and _holds(name, before, now)):
            yield _describe_value(name, before, now)


def _holds(name: str, saved: SavedValue, fresh: SavedValue) -> bool:
    planned = saved.after
    if name.endswith(MQL_SINCE) and planned and fresh.after > planned:
        planned = fresh.after  # an earlier try of this plan has made the contact an MQL, at its own time
    return fresh.after == planned and fresh.before in (saved.before, planned)


def _describe_value(name: str, saved: SavedValue | None, fresh: SavedValue | None) -> str:
    if saved is None:
        return f"{name} would change too"
    if fresh is None:
        return f"{name} does not change any longer"
    shows = fresh.before not in (saved.before, saved.after)
    if is_text(name):  # the message is logged, and a user may have written names there
        return f"{name} {'shows' if shows else 'would become'} another text"
    if shows:
        return f"{name} shows {_shorten(fresh.before)} instead of {_shorten(saved.before)}"
    if fresh.before == fresh.after:
        return f"{name} does not change any longer"
    return f"{name} would become {_shorten(fresh.after)} instead of {_shorten(saved.after)}"


def _shorten(text: str) -> str:
    first = text.partition("\n")[0]
    return f"“{first}”" if first == text and len(text) <= MAX_VALUE_CHARS else f"“{first[:MAX_VALUE_CHARS]} …”"


def _index_memberships(plan: SavedPlan) -> Mapping[str, Memberships]:
    """Return the memberships of each contact of a plan, by id: key of the list → (whether it is a member, whether it will be one)."""
    found = {contact.id: dict.fromkeys(contact.lists, (True, True)) for contact in plan.contacts}
    for change in plan.lists:
        for id_ in change.add:
            found[id_][change.key] = (False, True)
        for id_ in change.remove:
            found[id_][change.key] = (True, False)
    return found


def _compare_memberships(saved: Memberships, fresh: Memberships) -> Iterator[str]:
    for key in sorted({*saved, *fresh}):
        before, (shown, planned) = saved.get(key, NO_MEMBER), fresh.get(key, NO_MEMBER)
        if shown not in before:
            yield f"HubSpot shows it {'in' if shown else 'out of'} the list {key}"
        elif planned != before[1]:
            yield f"it {'now belongs' if planned else 'does not belong'} in the list {key}"
