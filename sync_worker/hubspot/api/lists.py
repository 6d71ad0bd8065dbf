"""Lists of contacts (HubSpot calls them segments), whose members the worker keeps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sync_worker.errors import NotFound
from sync_worker.hubspot.records.models import Changed, ContactList, Page
from sync_worker.hubspot.records.parsing import Row, contact_list, next_after, sense_of
from sync_worker.hubspot.rest.error_responses import InvalidRequest
from sync_worker.hubspot.rest.sdk import RAW, Untyped

CONTACTS: Final = "0-1"  # HubSpot's id of the object type
MEMBERS_PAGE: Final = 250
CHANGE_SIZE: Final = 1_000  # ids in one call; HubSpot's own cap is not documented
MAKE_MANUAL: Final = "If its filters decide who is in it (a dynamic list), rename or delete it; the worker then makes one of its own."


class Lists:
    """The lists of the portal."""

    def __init__(self, lists: Untyped, memberships: Untyped) -> None:
        self._lists = lists
        self._memberships = memberships

    def find(self, name: str) -> ContactList | None:
        """Return the list of contacts with a name, in whatever case; None where there is none."""
        try:
            data: Row = self._lists.get_by_name(name, CONTACTS, **RAW)
        except NotFound:
            return None
        with sense_of("look a list up by its name"):
            return contact_list(data["list"])

    def one(self, list_id: str) -> ContactList | None:
        """Return a list by its id; None where there is none (any more)."""
        try:
            data: Row = self._lists.get_by_id(list_id, **RAW)
        except NotFound:
            return None
        with sense_of("read a list"):
            return contact_list(data["list"])

    def create(self, name: str) -> ContactList:
        """Make an empty manual list, or return the one that has the name: an answer that was lost may have made it."""
        try:
            data: Row = self._lists.create({"name": name, "objectTypeId": CONTACTS, "processingType": "MANUAL"}, **RAW)
        except InvalidRequest:
            if (existing := self.find(name)) is not None:
                return existing
            raise
        with sense_of("create a list"):
            return contact_list(data["list"])

    def rename(self, list_id: str, name: str) -> ContactList:
        """Give a list another name; raises InvalidRequest where another list has it."""
        data: Row = self._lists.update_name(list_id, list_name=name, **RAW)
        with sense_of("rename a list"):
            return contact_list(data["updatedList"])

    def members(self, list_id: str, after: str | None = None, *, limit: int = MEMBERS_PAGE) -> Page[int, str]:
        """Return ids of the contacts in a list, in order of ids."""
        where = {"after": after} if after else {}
        data: Row = self._memberships.get_page(list_id, limit=limit, **where, **RAW)
        with sense_of("read the members of a list"):
            return Page(items=tuple(int(row["recordId"]) for row in data["results"]), next=next_after(data.get("paging")))

    def change(self, list_id: str, add: Iterable[int] = (), remove: Iterable[int] = ()) -> Changed:
        """Put contacts into a manual list and take others out; doing it twice does no harm.

        Raises:
            NotFound: there is no such list (any more).
            InvalidRequest: the list is dynamic.
        """
        steps = [("recordIdsToAdd", id_) for id_ in sorted(set(add))] + [("recordIdsToRemove", id_) for id_ in sorted(set(remove))]
        changed = Changed()
        for start in range(0, len(steps), CHANGE_SIZE):
            changed = _together(changed, self._change(list_id, steps[start : start + CHANGE_SIZE]))
        return changed

    def _change(self, list_id: str, steps: list[tuple[str, int]]) -> Changed:
        body: dict[str, list[str]] = {"recordIdsToAdd": [], "recordIdsToRemove": []}
        for key, id_ in steps:
            body[key].append(str(id_))
        try:
            data: Row = self._memberships.add_and_remove(list_id, body, **RAW)
        except InvalidRequest as refusal:
            raise InvalidRequest(refusal.problem, operation=f"change the members of list {list_id}", hint=MAKE_MANUAL) from refusal
        with sense_of("change the members of a list"):
            # HubSpot's own spelling; the right one is taken as well.
            added = data.get("recordsIdsAdded") or data.get("recordIdsAdded")
            return Changed(added=_ids(added), removed=_ids(data.get("recordIdsRemoved")), missing=_ids(data.get("recordIdsMissing")))


def _together(first: Changed, second: Changed) -> Changed:
    return Changed(
        added=first.added | second.added,
        removed=first.removed | second.removed,
        missing=first.missing | second.missing,
    )


def _ids(values: Iterable[str] | None) -> frozenset[int]:
    return frozenset(int(value) for value in values or ())
