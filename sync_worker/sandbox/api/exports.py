"""Exports; hubspot-api.md section 8."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.api.search import parse
from sync_worker.sandbox.base.ids import id_of
from sync_worker.sandbox.base.object_types import object_type
from sync_worker.sandbox.base.responses import Json, JsonReply, ReplyError, invalid, not_found
from sync_worker.sandbox.base.timestamps import iso
from sync_worker.sandbox.crm.exports import MOST_IN_A_DAY, Export
from sync_worker.sandbox.crm.object_store import Table
from sync_worker.sandbox.crm.property_definitions import PropertyDefinition
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call, require

LARGEST_PLAIN, MOST_ROWS_PLAIN = 2_000_000, 1_000_000  # bytes, rows: larger files are zipped
MOST_ASSOCIATED = 4  # object types
_SCOPES = ("crm.export",)


def start(call: Call) -> Response:
    """Begin an export; its state is asked for later."""
    body, exports, now = call.json_object(), call.portal.exports, call.portal.now_ms()
    require(body, "PublicExportRequest", "exportType", "exportName", "format", "language", "objectType", "objectProperties")
    _table(call, body)
    if body["format"] != "CSV":
        raise invalid(f"Unsupported format: {body['format']}. This portal writes CSV.")
    if body["exportType"] not in {"VIEW", "LIST"} or (body["exportType"] == "LIST" and not body.get("listId")):
        raise invalid("exportType must be VIEW, or LIST with a listId.")
    if len(_others(body)) > MOST_ASSOCIATED:
        raise invalid(f"At most {MOST_ASSOCIATED} associated object types can be exported.")
    if exports.full(now):
        raise ReplyError(429, f"The limit of {MOST_IN_A_DAY} exports in 24 hours is reached.", "RATE_LIMITS")
    export = exports.add(body, app=call.source.id or "", now=now)
    status = f"{call.base_url}{call.url_path}/tasks/{export.id}/status"
    return JsonReply({"id": str(export.id), "links": {"status": status}}, status_code=202)


def status(call: Call) -> Response:
    """Answer how far an export is; when it is done, with a link that works for five minutes."""
    export, now = _export(call, call.path["taskId"]), call.portal.now_ms()
    state = export.state(now)
    body: Json = {"status": state, "startedAt": iso(export.starts), "requestedAt": iso(export.created)}
    if state == "COMPLETE":
        if export.file is None:
            _write(call, export)
        secret = export.link(f"{call.portal.random.getrandbits(128):032x}", now)
        body |= {"completedAt": iso(export.completes), "result": f"{call.base_url}/sandbox/files/{secret}"}
    return JsonReply(body)


def read(call: Call) -> Response:
    """Answer what an export is."""
    return JsonReply(_export(call, call.path["exportId"]).shown(call.portal.now_ms()))


def _export(call: Call, text: str) -> Export:
    export = call.portal.exports.get(id_of(text))
    if export is None:
        raise not_found(f"Export {text} does not exist.", "OBJECT_NOT_FOUND")
    if export.app != call.source.id:
        raise ReplyError(403, f"Permission to get export file cannot be granted for {text}.", "FORBIDDEN")
    return export


def _table(call: Call, request: Json) -> Table:
    kind = object_type(str(request["objectType"]))
    if kind is None:
        raise invalid(f"Unable to infer object type from: {request['objectType']}")
    return call.portal.tables[kind.name]


def _others(request: Json) -> list[str]:
    """Return the object types whose ids are to stand beside each record; HubSpot takes one name or a list."""
    asked: Any = request.get("associatedObjectType") or []
    return [asked] if isinstance(asked, str) else list(map(str, asked))


def _write(call: Call, export: Export) -> None:
    table, request = _table(call, export.request), export.request
    rows = _rows(call, table, request)
    options = request.get("exportInternalValuesOptions") or ()
    names = [name for name in request["objectProperties"] if name in table.catalog]
    definitions = [table.catalog.definitions[name] for name in names]
    out = io.StringIO()
    writer = csv.writer(out)
    others = [kind for name in _others(request) if (kind := object_type(name)) is not None]
    associated = [f"Associated {kind.singular.capitalize()} IDs" for kind in others]
    writer.writerow(["Record ID", *(one.name if "NAMES" in options else one.label for one in definitions), *associated])
    for row in rows:
        number = table.records.ids[row]
        values = (_text(call, one, table.records.value(row, one.name), internal="VALUES" in options) for one in definitions)
        linked = (";".join(map(str, call.portal.associations.of(table.kind.name, number, kind.name))) for kind in others)
        writer.writerow([number, *values, *linked])
    export.rows = len(rows)
    export.file = _packed(out.getvalue().encode(), f"{request['exportName']}.csv", len(rows))


def _rows(call: Call, table: Table, request: Json) -> list[int]:
    if request["exportType"] == "LIST":
        found = call.portal.lists.get(id_of(request["listId"]))
        members: Iterable[int] = found.members() if found is not None else ()
        return [row for one in members if (row := table.records.live(one)) is not None]
    search = request.get("publicCrmSearchRequest")
    if not search:
        return list(table.records.live_rows())
    return call.portal.search(table.kind.name).rows(parse(search, table))


def _text(call: Call, definition: PropertyDefinition, value: str | None, *, internal: bool) -> str:
    if value and definition.type == "datetime" and call.portal.switches.export_times == "local":
        return f"{datetime.fromisoformat(value).astimezone(call.portal.zone):%Y-%m-%d %H:%M}"
    if value is None or internal or definition.type != "enumeration":
        return value or ""
    labels = {option.value: option.label for option in definition.options}
    return ";".join(labels.get(part, part) for part in value.split(";"))


def _packed(text: bytes, name: str, rows: int) -> bytes:
    if len(text) <= LARGEST_PLAIN and rows <= MOST_ROWS_PLAIN:
        return text
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return out.getvalue()


ENDPOINTS = (
    Endpoint(api="exports", method="POST", suffix="/export/async", answer=start, scopes=_SCOPES),
    Endpoint(api="exports", method="GET", suffix="/export/async/tasks/{taskId}/status", answer=status, scopes=_SCOPES),
    Endpoint(api="exports", method="GET", suffix="/export/{exportId}", answer=read, scopes=_SCOPES),
)
