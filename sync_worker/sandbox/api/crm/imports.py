"""Endpoints of imports; hubspot-api.md section 8. `crm/imports.py` writes the rows as time passes."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.object_types import find_object_type
from sync_worker.sandbox.base.responses import ApiError, Json, JsonResponse, not_found_error, validation_error
from sync_worker.sandbox.crm.audit_log import ChangeSource
from sync_worker.sandbox.crm.imports import MAX_ROWS_PER_FILE, ImportTask
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.record_writer import InvalidValuesError
from sync_worker.sandbox.properties.validation_rules import VALUE_RULE_CODES
from sync_worker.sandbox.properties.value_validation import InvalidPropertyValueError
from sync_worker.sandbox.request import body_validation
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.multipart import parse_parts
from sync_worker.sandbox.request.request import ApiCall, require_fields

OPERATIONS = ("CREATE", "UPDATE", "UPSERT")
RECORD_ID_PROPERTY = "hs_object_id"
# Error code of the CRM → error type of the imports API.
ERROR_TYPES = {
    "PROPERTY_DOESNT_EXIST": "PROPERTY_DEFINITION_NOT_FOUND",
    "INVALID_LONG": "COULD_NOT_PARSE_NUMBER",
    "INVALID_DATE": "COULD_NOT_PARSE_DATE",
    "INVALID_OPTION": "INVALID_ENUMERATION_OPTION",
    "INVALID_EMAIL": "INVALID_EMAIL",
    "EMAIL_BLOCKLISTED": "GDPR_BLACKLISTED_EMAIL",
    "PROPERTY_VALUE_TOO_LONG": "COLUMN_TOO_LARGE",
    "CONFLICTING_UNIQUE_VALUE": "DUPLICATE_UNIQUE_PROPERTY_VALUE",
    "MISSING_REQUIRED_PROPERTY": "MISSING_REQUIRED_PROPERTY",
    "MISSING_CONDITIONAL_REQUIRED_PROPERTY": "MISSING_REQUIRED_PROPERTY",
    **dict.fromkeys(VALUE_RULE_CODES, "INVALID_CUSTOM_PROPERTY_VALIDATION"),
}
_SCOPES = ("crm.import",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFile:
    """The parsed CSV file of an import: `columns` are property names, `key_property` identifies the record."""

    table: ObjectTable
    operation: str
    columns: list[str]
    key_property: str
    rows: list[list[str]]
    first_line_number: int  # of the first row in the file


def start_import(call: ApiCall) -> Response:
    """Start an import from an uploaded file."""
    request, import_file = _parse_import_file(call)
    portal = call.portal
    if not portal.imports.has_room(len(import_file.rows), portal.now_ms()):
        raise ApiError(429, "The daily limit of imported rows is reached.", "RATE_LIMITS")

    def write_row(item: ImportTask, number: int) -> None:
        source = ChangeSource("IMPORT", str(item.id), str(request.get("name")))
        _import_row(import_file, item, number, source)

    item = portal.imports.start(
        request, app_id=call.source.id or "", row_count=len(import_file.rows), now=portal.now_ms(), write_row=write_row
    )
    item.counters.update(TOTAL_ROWS=len(import_file.rows))
    return JsonResponse(item.to_json(portal.now_ms()))


def read_import(call: ApiCall) -> Response:
    """Return the state of an import."""
    return JsonResponse(_require_import(call).to_json(call.portal.now_ms()))


def list_imports(call: ApiCall) -> Response:
    """Return all imports of this app."""
    return JsonResponse(
        {"results": [item.to_json(call.portal.now_ms()) for item in call.portal.imports.list_for_app(call.source.id or "")]}
    )


def cancel_import(call: ApiCall) -> Response:
    """Cancel an import that is not finished."""
    item, now = _require_import(call), call.portal.now_ms()
    if item.state(now) == "DONE":
        raise validation_error(f"Import {item.id} is done and cannot be canceled.")
    item.canceled_at = now
    return JsonResponse({"message": "Import has been canceled."})


def list_import_errors(call: ApiCall) -> Response:
    """Return a page of the rejected rows."""
    item, limit = _require_import(call), call.integer_param("limit", 100, maximum=1_000)
    start_at = call.integer_param("after", 0, maximum=10**9, minimum=0)
    page, with_row_data = item.errors[start_at : start_at + limit], call.query.get("includeRowData") == "true"
    body: Json = {"results": page if with_row_data else list(map(_omit_row_data, page))}
    if start_at + limit < len(item.errors):
        body["paging"] = {"next": {"after": str(start_at + limit)}}
    return JsonResponse(body)


def _require_import(call: ApiCall) -> ImportTask:
    text = call.path_variables["importId"]
    item = call.portal.imports.get(parse_id(text), call.source.id or "")
    if item is None:
        raise not_found_error(f"Import {text} does not exist.", "OBJECT_NOT_FOUND")
    return item


def _parse_import_file(call: ApiCall) -> tuple[Json, ImportFile]:
    form = {part.name: part for part in parse_parts(call.body, call.content_type)}
    if "importRequest" not in form or "files" not in form:
        raise validation_error("A multipart body with importRequest and files is required.")
    try:
        request: Json = body_validation.validate_body(orjson.loads(form["importRequest"].content))
        file: Json = request["files"][0]
        page: Json = file["fileImportPage"]
        mappings: list[Json] = page["columnMappings"]
        kind = find_object_type(str(mappings[0]["columnObjectTypeId"]))
    except (orjson.JSONDecodeError, LookupError, TypeError) as error:
        raise validation_error(f"Invalid importRequest: {error!r}") from None
    require_fields(request, "ImportRequest", "name", "files")
    if kind is None or file.get("fileFormat", "CSV") != "CSV":
        raise validation_error("Only CSV files of contacts, companies or deals can be imported.")
    rows = _read_csv(form["files"].content)
    header = rows.pop(0) if page.get("hasHeader", True) and rows else []
    if len(rows) > MAX_ROWS_PER_FILE:
        raise validation_error(f"The file has more than {MAX_ROWS_PER_FILE} rows.")
    operation = (request.get("importOperations") or {}).get(kind.type_id, "UPSERT")
    if operation not in OPERATIONS:
        raise validation_error(f"Invalid import operation: {operation}")
    _reject_invalid_mappings(call.portal.tables[kind.name], mappings, header)
    columns, key = _map_columns(mappings, header)
    return request, ImportFile(
        table=call.portal.tables[kind.name],
        operation=operation,
        columns=columns,
        key_property=key,
        rows=rows,
        first_line_number=2 if header else 1,
    )


def _reject_invalid_mappings(table: ObjectTable, mappings: list[Json], header: list[str]) -> None:
    """Reject an import with an unmapped column, or a mapping to a property that is unknown or read-only."""
    names = [str(one["propertyName"]) for one in mappings if one.get("propertyName") is not None]
    unmapped = [name for name in header if name not in {str(one.get("columnName")) for one in mappings}]
    if unmapped:
        raise validation_error(f"Invalid column mappings: every column needs an entry, missing are {unmapped}.")
    unknown = [name for name in names if name not in table.catalog]
    if unknown:
        raise validation_error(f"Invalid column mappings: the properties {unknown} do not exist.", context={"propertyName": unknown})
    read_only = [name for name in names if name != RECORD_ID_PROPERTY and not table.catalog.definitions[name].is_writable]
    if read_only:
        raise validation_error(f"Invalid column mappings: the properties {read_only} are read-only.", context={"propertyName": read_only})


def _read_csv(content: bytes) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise validation_error(f"The file is not CSV in UTF-8: {error}") from None


def _map_columns(mappings: list[Json], header: list[str]) -> tuple[list[str], str]:
    by_column = {str(one.get("columnName")): str(one.get("propertyName") or "") for one in mappings}
    columns = [by_column.get(name, "") for name in header] or list(by_column.values())
    key_mapping: Any = next((one for one in mappings if str(one.get("columnType", "")).startswith("HUBSPOT_")), None)
    return columns, "email" if key_mapping is None else str(key_mapping.get("propertyName") or RECORD_ID_PROPERTY)


def _import_row(import_file: ImportFile, item: ImportTask, row_number: int, source: ChangeSource) -> None:
    table, cells = import_file.table, import_file.rows[row_number]
    if len(cells) != len(import_file.columns):
        _record_errors(import_file, item, row_number, ("INCORRECT_NUMBER_OF_COLUMNS", f"The row has {len(cells)} columns.", None))
        return
    clears_empty = table.writer.switches.empty_cell == "cleared"
    values = {name: cell for name, cell in zip(import_file.columns, cells, strict=False) if name and (clears_empty or cell != "")}
    key = values.get(import_file.key_property)
    row = table.unique_values.find_row(import_file.key_property, key) if key else None
    if row is None and import_file.operation == "UPDATE":
        error_type = "INVALID_OBJECT_ID" if import_file.key_property == RECORD_ID_PROPERTY else "UPDATE_ONLY_IMPORT"
        _record_errors(import_file, item, row_number, (error_type, f"No record with {import_file.key_property} {key}.", key))
        return
    if row is not None and import_file.operation == "CREATE":
        _record_errors(
            import_file,
            item,
            row_number,
            ("CREATE_ONLY_IMPORT", f"A record with {import_file.key_property} {key} exists.", key),
        )
        return
    values.pop(RECORD_ID_PROPERTY, None)
    try:
        valid_values = table.writer.validate(values, row=row)
    except InvalidValuesError as error:
        _record_errors(
            import_file,
            item,
            row_number,
            *((_import_error_type(table, problem), problem.message, values.get(problem.name)) for problem in error.problems),
        )
        if table.writer.switches.bad_cell == "row":
            return
        invalid = {problem.name for problem in error.problems}
        valid_values = table.writer.validate({name: value for name, value in values.items() if name not in invalid}, row=row)
    if row is None:
        table.writer.create(valid_values, source)
        item.counters["CREATED_OBJECTS"] += 1
    else:
        table.writer.update(row, valid_values, source)
        item.counters["UPDATED_OBJECTS"] += 1


def _import_error_type(table: ObjectTable, problem: InvalidPropertyValueError) -> str:
    """Return the error type of the imports API for an error code of the CRM."""
    definition = table.catalog.get(problem.name)
    if problem.code == "INVALID_LONG" and definition is not None and definition.type == "datetime":
        return "COULD_NOT_PARSE_DATE"
    return ERROR_TYPES.get(problem.code, "FAILED_VALIDATION")


def _record_errors(import_file: ImportFile, item: ImportTask, row_number: int, *problems: tuple[str, str, str | None]) -> None:
    source = {
        "lineNumber": import_file.first_line_number + row_number,
        "fileId": item.id,
        "pageName": None,
        "rowData": import_file.rows[row_number],
    }
    for error_type, message, value in problems:
        item.counters["ERRORS"] += 1
        item.errors.append(
            {
                "id": str(len(item.errors) + 1),
                "createdAt": item.created_at,
                "errorType": error_type,
                "errorMessage": message,
                "invalidValue": value,
                "sourceData": source,
            }
        )


def _omit_row_data(error: Json) -> Json:
    return {**error, "sourceData": {name: value for name, value in error["sourceData"].items() if name != "rowData"}}


ENDPOINTS = (
    Endpoint(api="imports", method="POST", path_suffix="", handler=start_import, scopes=_SCOPES, media_type="multipart/form-data"),
    Endpoint(api="imports", method="POST", path_suffix="/", handler=start_import, scopes=_SCOPES, media_type="multipart/form-data"),
    Endpoint(api="imports", method="GET", path_suffix="", handler=list_imports, scopes=_SCOPES),
    Endpoint(api="imports", method="GET", path_suffix="/", handler=list_imports, scopes=_SCOPES),
    Endpoint(api="imports", method="GET", path_suffix="/{importId}", handler=read_import, scopes=_SCOPES),
    Endpoint(api="imports", method="GET", path_suffix="/{importId}/errors", handler=list_import_errors, scopes=_SCOPES),
    Endpoint(api="imports", method="POST", path_suffix="/{importId}/cancel", handler=cancel_import, scopes=_SCOPES),
)
