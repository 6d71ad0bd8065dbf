"""Endpoints of exports; hubspot-api.md section 8."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.api.crm.search import parse_search
from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.object_types import find_object_type
from sync_worker.sandbox.base.responses import ApiError, Json, JsonResponse, not_found_error, validation_error
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.crm.exports import MAX_EXPORTS_PER_DAY, ExportTask
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, require_fields

MAX_UNZIPPED_BYTES, MAX_UNZIPPED_ROWS = 2_000_000, 1_000_000  # bytes, rows: larger files are zipped
MAX_ASSOCIATED_TYPES = 4  # object types
_SCOPES = ("crm.export",)


def start_export(call: ApiCall) -> Response:
    """Start an export; the client polls its status."""
    body, exports, now = call.json_object(), call.portal.exports, call.portal.now_ms()
    require_fields(body, "PublicExportRequest", "exportType", "exportName", "format", "language", "objectType", "objectProperties")
    _require_table(call, body)
    if body["format"] != "CSV":
        raise validation_error(f"Unsupported format: {body['format']}. This portal writes CSV.")
    if body["exportType"] not in {"VIEW", "LIST"} or (body["exportType"] == "LIST" and not body.get("listId")):
        raise validation_error("exportType must be VIEW, or LIST with a listId.")
    if len(_association_types(body)) > MAX_ASSOCIATED_TYPES:
        raise validation_error(f"At most {MAX_ASSOCIATED_TYPES} associated object types can be exported.")
    if exports.is_limit_reached(now):
        raise ApiError(429, f"The limit of {MAX_EXPORTS_PER_DAY} exports in 24 hours is reached.", "RATE_LIMITS")
    export = exports.start(body, app_id=call.source.id or "", now=now)
    status = f"{call.base_url}{call.url_path}/tasks/{export.id}/status"
    return JsonResponse({"id": str(export.id), "links": {"status": status}}, status_code=202)


def read_export_status(call: ApiCall) -> Response:
    """Return the status of an export; when it is complete, with a link that is valid for five minutes."""
    export, now = _require_export(call, call.path_variables["taskId"]), call.portal.now_ms()
    state = export.state(now)
    body: Json = {"status": state, "startedAt": format_iso(export.starts_at), "requestedAt": format_iso(export.created_at)}
    if state == "COMPLETE":
        if export.file is None:
            _write_file(call, export)
        secret = export.create_link(f"{call.portal.random.getrandbits(128):032x}", now)
        body |= {"completedAt": format_iso(export.completes_at), "result": f"{call.base_url}/sandbox/files/{secret}"}
    return JsonResponse(body)


def read_export(call: ApiCall) -> Response:
    """Return the details of an export."""
    return JsonResponse(_require_export(call, call.path_variables["exportId"]).to_json(call.portal.now_ms()))


def _require_export(call: ApiCall, export_id: str) -> ExportTask:
    export = call.portal.exports.get(parse_id(export_id))
    if export is None:
        raise not_found_error(f"Export {export_id} does not exist.", "OBJECT_NOT_FOUND")
    if export.app_id != call.source.id:
        raise ApiError(403, f"Permission to get export file cannot be granted for {export_id}.", "FORBIDDEN")
    return export


def _require_table(call: ApiCall, request: Json) -> ObjectTable:
    kind = find_object_type(str(request["objectType"]))
    if kind is None:
        raise validation_error(f"Unable to infer object type from: {request['objectType']}")
    return call.portal.tables[kind.name]


def _association_types(request: Json) -> list[str]:
    """Return the object types whose associated ids get a column; HubSpot accepts one name or a list."""
    types: Any = request.get("associatedObjectType") or []
    return [types] if isinstance(types, str) else list(map(str, types))


def _write_file(call: ApiCall, export: ExportTask) -> None:
    table, request = _require_table(call, export.request), export.request
    rows = _select_rows(call, table, request)
    options = request.get("exportInternalValuesOptions") or ()
    names = [name for name in request["objectProperties"] if name in table.catalog]
    definitions = [table.catalog.definitions[name] for name in names]
    out = io.StringIO()
    writer = csv.writer(out)
    others = [kind for name in _association_types(request) if (kind := find_object_type(name)) is not None]
    associated = [f"Associated {kind.singular.capitalize()} IDs" for kind in others]
    writer.writerow(["Record ID", *(one.name if "NAMES" in options else one.label for one in definitions), *associated])
    for row in rows:
        number = table.records.ids[row]
        values = (_format_value(call, one, table.records.value(row, one.name), internal="VALUES" in options) for one in definitions)
        linked = (";".join(map(str, call.portal.associations.find_ids(table.object_type.name, number, kind.name))) for kind in others)
        writer.writerow([number, *values, *linked])
    export.row_count = len(rows)
    export.file = _zip_if_large(out.getvalue().encode(), f"{request['exportName']}.csv", len(rows))


def _select_rows(call: ApiCall, table: ObjectTable, request: Json) -> list[int]:
    if request["exportType"] == "LIST":
        found = call.portal.lists.get(parse_id(request["listId"]))
        members: Iterable[int] = found.member_ids() if found is not None else ()
        return [row for one in members if (row := table.records.find_live_row(one)) is not None]
    search = request.get("publicCrmSearchRequest")
    if not search:
        return list(table.records.iter_live_rows())
    return call.portal.search(table.object_type.name).find_rows(parse_search(search, table))


def _format_value(call: ApiCall, definition: PropertyDefinition, value: str | None, *, internal: bool) -> str:
    if value and definition.type == "datetime" and call.portal.switches.export_times == "local":
        return f"{datetime.fromisoformat(value).astimezone(call.portal.zone):%Y-%m-%d %H:%M}"
    if value is None or internal or definition.type != "enumeration":
        return value or ""
    labels = {option.value: option.label for option in definition.options}
    return ";".join(labels.get(part, part) for part in value.split(";"))


def _zip_if_large(text: bytes, name: str, rows: int) -> bytes:
    if len(text) <= MAX_UNZIPPED_BYTES and rows <= MAX_UNZIPPED_ROWS:
        return text
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return out.getvalue()


ENDPOINTS = (
    Endpoint(api="exports", method="POST", path_suffix="/export/async", handler=start_export, scopes=_SCOPES),
    Endpoint(api="exports", method="GET", path_suffix="/export/async/tasks/{taskId}/status", handler=read_export_status, scopes=_SCOPES),
    Endpoint(api="exports", method="GET", path_suffix="/export/{exportId}", handler=read_export, scopes=_SCOPES),
)
