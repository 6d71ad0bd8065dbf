"""The members of the worker's lists: other users and apps may add and remove contacts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from sync_worker.errors import SyncWorkerError
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import ResultPage
from sync_worker.store.writes import memberships
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.item_errors import ItemErrors

READ_ATTEMPTS: Final = 2


def read_list_members(context: PullContext) -> None:
    """Replace the known members of each list with those that HubSpot shows."""
    ids, names = context.transact(memberships.load_list_ids), context.row_mapper.crm_schema.list_names
    errors = ItemErrors("list", {ids[key]: name for key, name in names.items() if key in ids})
    for key in names:
        if key in ids:
            _read_list(context, key, ids[key], errors)
    errors.raise_if_general()
    context.transact(errors.save)


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
