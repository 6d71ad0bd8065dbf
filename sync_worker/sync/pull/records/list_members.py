"""The members of the worker's lists: other users and apps may add and remove contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection

from sync_worker.batched import batched
from sync_worker.errors import BadRequest, Forbidden, NotFound, SyncWorkerError
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import ResultPage
from sync_worker.store.writes import memberships
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.item_errors import ItemErrors

READ_ATTEMPTS: Final = 2
ID_BATCH_SIZE: Final = 1_000  # contacts that are requested by id in one batch


def read_list_members(context: PullContext) -> None:
    """Replace the known members of each list with those that HubSpot shows."""
    ids, names = context.transact(memberships.load_list_ids), context.row_mapper.crm_schema.list_names
    errors = ItemErrors("list", {ids[key]: name for key, name in names.items() if key in ids})
    for key in names:
        if key in ids:
            _read_list(context, key, ids[key], errors)
    errors.raise_if_general()
    context.transact(errors.save)


def read_selected_members(context: PullContext, contact_ids: Sequence[int]) -> None:
    """Read whether some contacts are in the worker's lists; if the token may not read that, all members of each list."""
    keys = {list_id: key for key, list_id in context.transact(memberships.load_list_ids).items()}
    try:
        for some in batched(contact_ids, ID_BATCH_SIZE):
            lists = context.hubspot.lists.read_lists(some)
            members = {key: [id_ for id_ in some if list_id in lists.get(id_, ())] for list_id, key in keys.items()}
            context.transact(partial(_save_members, ids=some, members=members))
    except (BadRequest, Forbidden, NotFound):
        read_list_members(context)


def _save_members(tx: Connection, ids: Sequence[int], members: Mapping[str, Sequence[int]]) -> None:
    for key, found in members.items():
        memberships.replace_some(tx, key, ids, found)


def _read_list(context: PullContext, key: str, list_id: str, errors: ItemErrors) -> None:
    try:
        members = _fetch_members(context.hubspot, list_id)
    except SyncWorkerError as error:  # also if the list was deleted; the next change to it raises the error
        errors.record(list_id, error)
        return
    errors.record_page(list_id, unreadable_rows=0)
    if members is None:
        context.notes.append(f"HubSpot does not show all members that it counts of the list {list_id}, so those known before stay.")
        return
    context.save("list members", len(members), lambda tx: memberships.replace(tx, key, members))


def _fetch_members(hubspot: HubSpot, list_id: str) -> list[int] | None:
    """Return the members of a list, or None if HubSpot counts more than it returns, twice."""
    for _ in range(READ_ATTEMPTS):
        pages = [*follow_pages(partial(hubspot.lists.read_members, list_id), operation="read the members of a list")]
        members = [id_ for page in pages for id_ in page.items]
        if len(members) >= _count_members(hubspot, list_id, pages):
            return members
    return None


def _count_members(hubspot: HubSpot, list_id: str, pages: Sequence[ResultPage[int, str]]) -> int:
    totals = [page.total for page in pages if page.total is not None]
    if totals:
        return max(totals)
    found = hubspot.lists.get(list_id)
    return (found.size if found else None) or 0
