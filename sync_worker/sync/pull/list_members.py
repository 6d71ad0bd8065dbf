"""The members of the worker's lists: other users and apps may add and remove contacts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sync_worker.errors import NotFound
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.client import HubSpot
from sync_worker.store import memberships
from sync_worker.sync.pull.context import PullContext


def read_list_members(context: PullContext) -> None:
    """Replace the known members of each list with those that HubSpot shows."""
    ids = context.transact(memberships.load_list_ids)
    for key in context.row_mapper.crm_schema.list_names:
        if key in ids:
            _read_list(context, key, ids[key])


def _read_list(context: PullContext, key: str, list_id: str) -> None:
    try:
        members = list(_fetch_members(context.hubspot, list_id))
    except NotFound:
        return  # the list was deleted; the next change to it raises the error
    context.save("list members", len(members), lambda tx: memberships.replace(tx, key, members))


def _fetch_members(hubspot: HubSpot, list_id: str) -> Iterator[int]:
    for page in follow_pages(partial(hubspot.lists.read_members, list_id), operation="read the members of a list"):
        yield from page.items
