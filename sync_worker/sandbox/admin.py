"""Endpoints for tests and demos under /sandbox: no token, no budget, no latency."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sync_worker.sandbox.api.objects import checked
from sync_worker.sandbox.gate import Gate
from sync_worker.sandbox.history import CRM_UI
from sync_worker.sandbox.portal import Portal
from sync_worker.sandbox.replies import JsonReply, ReplyError, invalid, not_found

_MOMENTS = frozenset({"date", "datetime"})


def routes(gate: Gate) -> list[BaseRoute]:
    """Return the routes: what was asked, a digest of what can be seen, and edits as another user."""

    async def requests(request: Request) -> Response:
        last = int(request.query_params.get("last", "0"))
        return JsonReply({**gate.log.summary(), **({"last": gate.log.last(last)} if last else {})})

    async def reset(_: Request) -> Response:
        gate.log.reset()
        return Response(status_code=204)

    async def show_digest(_: Request) -> Response:
        return JsonReply({"digest": digest(gate.portal)})

    async def file(request: Request) -> Response:
        export = gate.portal.exports.opened_by(request.path_params["secret"], gate.portal.now_ms())
        if export is None or export.file is None:
            return Response(
                "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", 403, media_type="application/xml"
            )
        return Response(export.file, media_type="application/octet-stream")

    async def edit(request: Request) -> Response:
        return _answered(lambda body: edit_contact(gate.portal, request.path_params["id"], body), await request.body())

    return [
        Route("/sandbox/requests", requests, methods=["GET"]),
        Route("/sandbox/requests/reset", reset, methods=["POST"]),
        Route("/sandbox/requests", reset, methods=["DELETE"]),
        Route("/sandbox/files/{secret}", file, methods=["GET"]),
        Route("/sandbox/digest", show_digest, methods=["GET"]),
        Route("/sandbox/contacts/{id}", edit, methods=["POST"]),
    ]


def edit_contact(portal: Portal, contact_id: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Write properties as a user of HubSpot does, and return every property of the contact."""
    table = portal.contacts
    row = table.records.live(int(contact_id)) if contact_id.isdigit() else None
    if row is None:
        raise not_found()
    table.editor.update(row, checked(table, properties, row), CRM_UI)
    return {"id": contact_id, "properties": table.records.values(row)}


def digest(portal: Portal) -> str:
    """Return a hash of what can be seen in the portal, whatever the time: records, properties and list members.

    HubSpot's own dates are left out, since they say when something was done, not what.
    """
    seen = sha256()
    for table in portal.tables.values():
        catalog, records = table.catalog, table.records
        names = [d.name for d in catalog.definitions.values() if not (d.hubspot_defined and d.type in _MOMENTS)]
        seen.update(orjson.dumps([table.kind.name, sorted((d.name, d.label, d.type, d.group) for d in catalog.definitions.values())]))
        columns = [(name, records.columns[name]) for name in sorted(names) if name in records.columns]
        for row in records.live_rows():
            seen.update(orjson.dumps([records.ids[row], [(name, column[row]) for name, column in columns if column[row] is not None]]))
    for item in sorted(portal.lists, key=lambda item: item.name):
        seen.update(orjson.dumps([item.name, item.processing, item.members()]))
    return seen.hexdigest()


def _answered(act: Callable[[dict[str, Any]], dict[str, Any]], raw: bytes) -> Response:
    try:
        body = orjson.loads(raw)
        if not isinstance(body, dict):
            raise invalid("A JSON object of properties was expected.")
        return JsonReply(act(body.get("properties", body)))
    except orjson.JSONDecodeError as error:
        return invalid(f"The body is not JSON: {error}").reply("sandbox")
    except ReplyError as error:
        return error.reply("sandbox")
