"""Lists API (segments): find, create and rename lists, read and change their members."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from sync_worker.errors import Forbidden, NotFound
from sync_worker.hubspot.api.crm.rejection_causes import LOCKED, describe, read_response
from sync_worker.hubspot.api.crm.write_session import WriteSession
from sync_worker.hubspot.records.field_parsers import parse_list, parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.records.field_types import RecordId, UnreadableField, convert
from sync_worker.hubspot.records.models import ContactList, MembershipChangeResult, ResultPage
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.error_responses import ErrorResponse, InvalidRequest, Locked, MissingScope
from sync_worker.hubspot.rest.sdk import RAW, Untyped
from sync_worker.hubspot.rest.transport import Transport

CONTACT_OBJECT_TYPE_ID: Final = "0-1"
MEMBERS_PAGE_SIZE: Final = 250
MAX_IDS_PER_CHANGE: Final = 1_000  # HubSpot does not document its limit
MAX_IDS_PER_READ: Final = 100
MEMBERSHIPS_OF_RECORDS_PATH: Final = "/crm/v3/lists/records/memberships/batch/read"  # not in the SDK
DYNAMIC_LIST_HINT: Final = "If it is a dynamic list, rename or delete it; the worker then creates its own list."

Step = tuple[str, int]  # key of the request body, contact id


class Lists:
    """The lists of the portal."""

    def __init__(self, lists: Untyped, memberships: Untyped, transport: Transport, rows: RowParser) -> None:
        self._lists = lists
        self._memberships = memberships
        self._transport = transport
        self._rows = rows

    def find_by_name(self, name: str) -> ContactList | None:
        """Return the contact list with a name, ignoring case, or None if it does not exist."""
        try:
            data: JsonObject = self._lists.get_by_name(name, CONTACT_OBJECT_TYPE_ID, **RAW)
        except NotFound:
            return None
        with translate_parse_errors("look up a list by name"):
            return parse_list(data["list"])

    def get(self, list_id: str) -> ContactList | None:
        """Return a list by id, or None if it does not exist."""
        try:
            data: JsonObject = self._lists.get_by_id(list_id, **RAW)
        except NotFound:
            return None
        with translate_parse_errors("read a list"):
            return parse_list(data["list"])

    def create(self, name: str) -> ContactList:
        """Create an empty manual list, or return the existing one: a call whose reply was lost may have created it."""
        try:
            data: JsonObject = self._lists.create({"name": name, "objectTypeId": CONTACT_OBJECT_TYPE_ID, "processingType": "MANUAL"}, **RAW)
        except InvalidRequest:
            if (existing := self.find_by_name(name)) is not None:
                return existing
            raise
        with translate_parse_errors("create a list"):
            return parse_list(data["list"])

    def rename(self, list_id: str, name: str) -> ContactList:
        """Rename a list. Raises InvalidRequest if another list has that name."""
        data: JsonObject = self._lists.update_name(list_id, list_name=name, **RAW)
        with translate_parse_errors("rename a list"):
            return parse_list(data["updatedList"])

    def read_members(self, list_id: str, after: str | None = None, *, limit: int = MEMBERS_PAGE_SIZE) -> ResultPage[int, str]:
        """Return the ids of the contacts in a list, sorted."""
        where = {"after": after} if after else {}
        data: JsonObject = self._memberships.get_page(list_id, limit=limit, **where, **RAW)
        operation = "read the members of a list"
        with translate_parse_errors(operation):
            ids, unreadable = self._rows.parse(data["results"], lambda row: convert(row["recordId"], RecordId), operation=operation)
            return ResultPage(items=ids, next=parse_next_cursor(data.get("paging")), total=data.get("total"), unreadable=unreadable)

    def find_members(self, list_id: str, ids: Sequence[int]) -> frozenset[int]:
        """Return the contacts, of those with these ids, that are members of a list."""
        return frozenset(id_ for id_, lists in self.read_lists(ids).items() if list_id in lists)

    def read_lists(self, ids: Sequence[int]) -> Mapping[int, frozenset[str]]:
        """Return the ids of the lists that each of these contacts is a member of."""
        found: dict[int, frozenset[str]] = {}
        for start in range(0, len(ids), MAX_IDS_PER_READ):
            inputs = [{"objectTypeId": CONTACT_OBJECT_TYPE_ID, "recordId": str(id_)} for id_ in ids[start : start + MAX_IDS_PER_READ]]
            data: JsonObject = self._transport.send("POST", MEMBERSHIPS_OF_RECORDS_PATH, body={"inputs": inputs})
            with translate_parse_errors("read the lists of contacts"):
                for row in data["results"]:
                    found[int(row["recordId"])] = frozenset(str(each["listId"]) for each in row["recordListMemberships"])
        return found

    def change_members(
        self, list_id: str, add: Iterable[int] = (), remove: Iterable[int] = (), session: WriteSession | None = None
    ) -> MembershipChangeResult:
        """Add and remove members of a manual list. Idempotent. The batches of a run share a session.

        Raises:
            NotFound: the list does not exist.
            InvalidRequest: the list is dynamic.
        """
        steps = [("recordIdsToAdd", id_) for id_ in sorted(set(add))] + [("recordIdsToRemove", id_) for id_ in sorted(set(remove))]
        session = session or WriteSession()
        changed = MembershipChangeResult()
        for start in range(0, len(steps), MAX_IDS_PER_CHANGE):
            session.start_batch()
            changed = _merge_results(changed, self._change_batch(list_id, steps[start : start + MAX_IDS_PER_CHANGE], session))
        return changed

    def _change_batch(self, list_id: str, steps: Sequence[Step], session: WriteSession) -> MembershipChangeResult:
        try:
            return self._send_changes(list_id, steps)
        except MissingScope:
            raise
        except Locked:
            if not session.hold_back_locked():
                raise
            return MembershipChangeResult(rejected={id_: LOCKED.reason for _, id_ in steps})
        except (InvalidRequest, Forbidden) as error:
            if isinstance(error, InvalidRequest) and ((found := self.get(list_id)) is None or found.is_dynamic):
                raise InvalidRequest(error.response, operation=f"change the members of list {list_id}", hint=DYNAMIC_LIST_HINT) from error
            return self._divide(list_id, steps, read_response(error), session)

    def _divide(self, list_id: str, steps: Sequence[Step], response: ErrorResponse, session: WriteSession) -> MembershipChangeResult:
        """Send the parts of a rejected change on their own, so that one contact does not block the others."""
        if len(steps) == 1:
            session.rejected_members.add(steps[0][1])
        if len(steps) == 1 or not session.take(2):
            return MembershipChangeResult(rejected={id_: describe(response) for _, id_ in steps})
        changed = MembershipChangeResult()
        for part in _split(steps, response.ids | session.rejected_members):
            try:
                changed = _merge_results(changed, self._send_changes(list_id, part))
            except MissingScope:
                raise
            except (InvalidRequest, Forbidden) as error:
                changed = _merge_results(changed, self._divide(list_id, part, read_response(error), session))
        return changed

    def _send_changes(self, list_id: str, steps: Sequence[Step]) -> MembershipChangeResult:
        body: dict[str, list[str]] = {"recordIdsToAdd": [], "recordIdsToRemove": []}
        for key, id_ in steps:
            body[key].append(str(id_))
        reply: object = self._memberships.add_and_remove(list_id, body, **RAW)
        # The change is made. What cannot be read of the reply confirms nothing.
        data: JsonObject = reply if isinstance(reply, dict) else {}
        # "recordsIdsAdded" is HubSpot's spelling; accept the correct one too.
        added = data.get("recordsIdsAdded") or data.get("recordIdsAdded")
        return MembershipChangeResult(
            added=_parse_ids(added), removed=_parse_ids(data.get("recordIdsRemoved")), missing=_parse_ids(data.get("recordIdsMissing"))
        )


def _merge_results(first: MembershipChangeResult, second: MembershipChangeResult) -> MembershipChangeResult:
    return MembershipChangeResult(
        added=first.added | second.added,
        removed=first.removed | second.removed,
        missing=first.missing | second.missing,
        rejected={**first.rejected, **second.rejected},
    )


def _split(steps: Sequence[Step], suspects: Container[int]) -> Iterator[Sequence[Step]]:
    """Yield the contacts that an error names, or that another list has refused, and the others; without such contacts, two halves."""
    named = [step for step in steps if step[1] in suspects]
    if 0 < len(named) < len(steps):
        yield [step for step in steps if step[1] not in suspects]
        yield named
    else:
        yield steps[: len(steps) // 2]
        yield steps[len(steps) // 2 :]


def _parse_ids(values: object) -> frozenset[int]:
    ids: set[int] = set()
    for value in values if isinstance(values, list) else ():
        with suppress(UnreadableField):
            ids.add(convert(value, RecordId))
    return frozenset(ids)
