"""Imports; hubspot-api.md section 8. Rows are written one after the other, as time passes."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

from sync_worker.sandbox.base.ids import id_of
from sync_worker.sandbox.base.object_types import object_type
from sync_worker.sandbox.base.responses import Json, JsonReply, ReplyError, invalid, not_found
from sync_worker.sandbox.crm.audit_log import Source
from sync_worker.sandbox.crm.imports import MOST_ROWS, Import
from sync_worker.sandbox.crm.object_store import Table
from sync_worker.sandbox.crm.record_writer import InvalidValuesError
from sync_worker.sandbox.request import body_validation
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.multipart import parts
from sync_worker.sandbox.request.request import Call, require

OPERATIONS = ("CREATE", "UPDATE", "UPSERT")
_SCOPES = ("crm.import",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A file of rows and what its columns mean: each the name of a property; `key` names the record."""

    table: Table
    operation: str
    columns: list[str]
    key: str
    rows: list[list[str]]
    first_line: int  # of the rows in the file


def start(call: Call) -> Response:
    """Take in a file."""
    request, sheet = _sheet(call)
    portal = call.portal
    if not portal.imports.has_room(len(sheet.rows), portal.now_ms()):
        raise ReplyError(429, "The daily limit of imported rows is reached.", "RATE_LIMITS")

    def take(item: Import, number: int) -> None:
        source = Source("IMPORT", str(item.id), str(request.get("name")))
        _take(sheet, item, number, source)

    item = portal.imports.add(request, app=call.source.id or "", rows=len(sheet.rows), now=portal.now_ms(), take=take)
    item.counters.update(TOTAL_ROWS=len(sheet.rows))
    return JsonReply(item.shown(portal.now_ms()))


def read(call: Call) -> Response:
    """Answer how far an import is."""
    return JsonReply(_import(call).shown(call.portal.now_ms()))


def read_all(call: Call) -> Response:
    """Answer every import of this app."""
    return JsonReply({"results": [item.shown(call.portal.now_ms()) for item in call.portal.imports.of_app(call.source.id or "")]})


def cancel(call: Call) -> Response:
    """Cancel an import that is not done."""
    item, now = _import(call), call.portal.now_ms()
    if item.state(now) == "DONE":
        raise invalid(f"Import {item.id} is done and cannot be canceled.")
    item.canceled = now
    return JsonReply({"message": "Import has been canceled."})


def errors(call: Call) -> Response:
    """Answer a page of the rows that could not be taken in."""
    item, limit = _import(call), call.whole("limit", 100, largest=1_000)
    start_at = call.whole("after", 0, largest=10**9, smallest=0)
    page, whole = item.errors[start_at : start_at + limit], call.query.get("includeRowData") == "true"
    body: Json = {"results": page if whole else list(map(_without_row, page))}
    if start_at + limit < len(item.errors):
        body["paging"] = {"next": {"after": str(start_at + limit)}}
    return JsonReply(body)


def _import(call: Call) -> Import:
    text = call.path["importId"]
    item = call.portal.imports.get(id_of(text), call.source.id or "")
    if item is None:
        raise not_found(f"Import {text} does not exist.", "OBJECT_NOT_FOUND")
    return item


def _sheet(call: Call) -> tuple[Json, Sheet]:
    form = {part.name: part for part in parts(call.body, call.content_type)}
    if "importRequest" not in form or "files" not in form:
        raise invalid("A multipart body with importRequest and files is required.")
    try:
        request: Json = body_validation.checked(orjson.loads(form["importRequest"].content))
        file: Json = request["files"][0]
        page: Json = file["fileImportPage"]
        mappings: list[Json] = page["columnMappings"]
        kind = object_type(str(mappings[0]["columnObjectTypeId"]))
    except (orjson.JSONDecodeError, LookupError, TypeError) as error:
        raise invalid(f"Invalid importRequest: {error!r}") from None
    require(request, "ImportRequest", "name", "files")
    if kind is None or file.get("fileFormat", "CSV") != "CSV":
        raise invalid("Only CSV files of contacts, companies or deals can be imported.")
    rows = _rows(form["files"].content)
    header = rows.pop(0) if page.get("hasHeader", True) and rows else []
    if len(rows) > MOST_ROWS:
        raise invalid(f"The file has more than {MOST_ROWS} rows.")
    operation = (request.get("importOperations") or {}).get(kind.type_id, "UPSERT")
    if operation not in OPERATIONS:
        raise invalid(f"Invalid import operation: {operation}")
    columns, key = _columns(mappings, header)
    return request, Sheet(
        table=call.portal.tables[kind.name],
        operation=operation,
        columns=columns,
        key=key,
        rows=rows,
        first_line=2 if header else 1,
    )


def _rows(content: bytes) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise invalid(f"The file is no CSV in UTF-8: {error}") from None


def _columns(mappings: list[Json], header: list[str]) -> tuple[list[str], str]:
    by_column = {str(one.get("columnName")): str(one.get("propertyName")) for one in mappings}
    columns = [by_column.get(name, "") for name in header] or list(by_column.values())
    keyed: Any = next((one for one in mappings if str(one.get("columnType", "")).startswith("HUBSPOT_")), None)
    return columns, "email" if keyed is None else str(keyed.get("propertyName") or "hs_object_id")


def _take(sheet: Sheet, item: Import, number: int, source: Source) -> None:
    table, cells = sheet.table, sheet.rows[number]
    clears = table.editor.switches.empty_cell == "cleared"
    values = {name: cell for name, cell in zip(sheet.columns, cells, strict=False) if name and (clears or cell != "")}
    named = values.get(sheet.key)
    row = table.identities.find(sheet.key, named) if named else None
    if row is None and sheet.operation == "UPDATE":
        _refuse(sheet, item, number, ("INVALID_OBJECT_ID", f"No record with {sheet.key} {named}.", named))
        return
    if row is not None and sheet.operation == "CREATE":
        _refuse(sheet, item, number, ("DUPLICATE_UNIQUE_PROPERTY_VALUE", f"A record with {sheet.key} {named} exists.", named))
        return
    values.pop("hs_object_id", None)
    try:
        checked = table.editor.check(values, row=row)
    except InvalidValuesError as error:
        _refuse(sheet, item, number, *((problem.code, problem.message, values.get(problem.name)) for problem in error.problems))
        if table.editor.switches.bad_cell == "row":
            return
        bad = {problem.name for problem in error.problems}
        checked = table.editor.check({name: value for name, value in values.items() if name not in bad}, row=row)
    if row is None:
        table.editor.create(checked, source)
        item.counters["CREATED_OBJECTS"] += 1
    else:
        table.editor.update(row, checked, source)
        item.counters["UPDATED_OBJECTS"] += 1


def _refuse(sheet: Sheet, item: Import, number: int, *problems: tuple[str, str, str | None]) -> None:
    source = {"lineNumber": sheet.first_line + number, "fileId": item.id, "pageName": None, "rowData": sheet.rows[number]}
    for error_type, message, value in problems:
        item.counters["ERRORS"] += 1
        item.errors.append(
            {
                "id": str(len(item.errors) + 1),
                "createdAt": item.created,
                "errorType": error_type,
                "errorMessage": message,
                "invalidValue": value,
                "sourceData": source,
            }
        )


def _without_row(error: Json) -> Json:
    return {**error, "sourceData": {name: value for name, value in error["sourceData"].items() if name != "rowData"}}


ENDPOINTS = (
    Endpoint(api="imports", method="POST", suffix="", answer=start, scopes=_SCOPES),
    Endpoint(api="imports", method="POST", suffix="/", answer=start, scopes=_SCOPES),
    Endpoint(api="imports", method="GET", suffix="", answer=read_all, scopes=_SCOPES),
    Endpoint(api="imports", method="GET", suffix="/", answer=read_all, scopes=_SCOPES),
    Endpoint(api="imports", method="GET", suffix="/{importId}", answer=read, scopes=_SCOPES),
    Endpoint(api="imports", method="GET", suffix="/{importId}/errors", answer=errors, scopes=_SCOPES),
    Endpoint(api="imports", method="POST", suffix="/{importId}/cancel", answer=cancel, scopes=_SCOPES),
)
