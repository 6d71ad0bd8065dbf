"""Merging and deleting for good; hubspot-api.md 3.7."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.api.objects import require_unique
from sync_worker.sandbox.base.responses import JsonReply, NoContent, ReplyError, invalid, not_found
from sync_worker.sandbox.crm.merge import MOST_MERGES, merge, merged_ids
from sync_worker.sandbox.crm.serializer import names_for, render
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call, record_id, require

SHOWN = ("hs_merged_object_ids",)


def merge_records(call: Call) -> Response:
    """Merge one record into another: a new one with a new id takes the place of both."""
    table, body = call.table(), call.json_object()
    require(body, "PublicMergeInput", "primaryObjectId", "objectIdToMerge")
    primary, other = _row(call, body["primaryObjectId"]), _row(call, body["objectIdToMerge"])
    if primary == other:
        raise invalid("Cannot merge a record with itself.")
    if len(merged_ids(table, primary)) + len(merged_ids(table, other)) + 2 > MOST_MERGES:
        raise ReplyError(414, f"A record cannot have more than {MOST_MERGES} merge identities.", "VALIDATION_ERROR")
    row = merge(call.portal, table, primary, other)
    return JsonReply(render(table, [row], names_for(table, (*table.kind.shown, *SHOWN)))[0])


def gdpr_delete(call: Call) -> Response:
    """Delete a record for good: nothing leads to it any more."""
    table, body = call.table(), call.json_object()
    require(body, "PublicGdprDeleteInput", "objectId")
    by = body.get("idProperty")
    if by is None:
        number = record_id(str(body["objectId"]))
        row = table.records.survivor(number)
        row = table.records.row(number) if row is None else row
    else:
        require_unique(table, by)
        row = table.identities.find(by, str(body["objectId"]))
    if row is None or row in table.records.gone:
        raise not_found()
    if table is call.portal.contacts:
        call.portal.lists.forget(table.records.ids[row])
    table.editor.forget(row)
    return NoContent()


def _row(call: Call, number: Any) -> int:  # noqa: ANN401 -- whatever the client sent
    row = call.table().records.survivor(record_id(str(number)))
    if row is None:
        raise not_found()
    return row


_WRITE = ("crm.objects.{kind}.write",)
ENDPOINTS = (
    Endpoint(api="objects", method="POST", suffix="/{objectType}/merge", answer=merge_records, scopes=_WRITE),
    Endpoint(api="objects", method="POST", suffix="/{objectType}/gdpr-delete", answer=gdpr_delete, scopes=_WRITE),
)
