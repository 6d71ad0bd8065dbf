"""Batch endpoints for up to 100 records per call; hubspot-api.md 3.4 to 3.6."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from starlette.responses import Response

from sync_worker.sandbox.api.crm.objects import (
    MAX_PAGE_SIZE,
    MAX_PAGE_SIZE_WITH_HISTORY,
    archive_row,
    find_associated_contacts,
    link_contacts,
    reject_duplicate_email,
    require_properties,
    require_unique_property,
    validate_properties,
)
from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.responses import ApiError, Json, JsonResponse, NoContentResponse, validation_error
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.property_history import add_history
from sync_worker.sandbox.crm.record_writer import PropertyValues
from sync_worker.sandbox.crm.serializer import response_properties, serialize
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, require_fields
from sync_worker.sandbox.request.url_paths import NEWEST_VERSION

TRACE_ID_FIELD = "objectWriteTraceId"


@dataclass(slots=True)
class BatchOutcome:
    """The result of a batch: the rows read or written, the written values, and the errors."""

    rows: list[int] = field(default_factory=list)
    written_values: dict[int, PropertyValues] = field(default_factory=dict)
    created_rows: set[int] = field(default_factory=set)
    errors: list[Json] = field(default_factory=list)


def batch_inputs(call: ApiCall, *, max_inputs: int = MAX_PAGE_SIZE) -> list[Json]:
    """Return the inputs of a batch; an empty list does nothing."""
    body = call.json_object()
    require_fields(body, "BatchInput", "inputs")
    inputs: list[Json] = body["inputs"]
    if len(inputs) > max_inputs:
        raise validation_error(f"Batch size {len(inputs)} is too large. The maximum number of inputs is {max_inputs}.")
    return inputs


def read_batch(call: ApiCall) -> Response:
    """Return the records with the given ids, unordered."""
    table, body = call.table(), call.json_object()
    history = body.get("propertiesWithHistory") or []
    ids = _input_ids(batch_inputs(call, max_inputs=MAX_PAGE_SIZE_WITH_HISTORY if history else MAX_PAGE_SIZE))
    by = body.get("idProperty")
    if by is not None:
        require_unique_property(table, by)
    rows_by_id = {text: _find_readable_row(call, table, text, by) for text in ids}
    rows = list(dict.fromkeys(row for row in rows_by_id.values() if row is not None))
    call.portal.random.shuffle(rows)
    items = serialize(table, rows, response_properties(table, body.get("properties") or []))
    for name in history:
        add_history(table, call.portal.audit_log, rows, items, name)
    missing = [text for text, row in rows_by_id.items() if row is None]
    return batch_response(call, items, [_not_found_error(table, missing)] if missing else [])


def update_batch(call: ApiCall) -> Response:
    """Update records by id. One invalid value rejects the whole batch, unless each input has its own trace id."""
    table, inputs = call.table(), batch_inputs(call)
    ids = _input_ids(inputs)
    _reject_duplicates(ids)
    has_trace_ids = call.portal.switches.update_trace_ids and _has_trace_ids(inputs)
    outcome, missing, plan = BatchOutcome(), [], []
    for item, text in zip(inputs, ids, strict=True):
        row = _find_writable_row(table, text, item.get("idProperty"))
        if row is None:
            # HubSpot drops merged-away ids silently (3.5).
            missing += [] if parse_id(text) in table.records.merged_into else [text]
            continue
        plan.append((item, row))
    for item, row in _validate_inputs(call, table, plan, outcome, has_trace_ids=has_trace_ids):
        table.writer.update(row, item, call.source)
        outcome.rows.append(row)
        outcome.written_values[row] = item
    if missing:
        outcome.errors.append(_not_found_error(table, missing))
    return _write_response(call, table, outcome)


def create_batch(call: ApiCall) -> Response:
    """Create records. One invalid input rejects the whole batch, unless each input has its own trace id."""
    table, inputs = call.table(), batch_inputs(call)
    has_trace_ids, outcome, plan = _has_trace_ids(inputs), BatchOutcome(), []
    for item in inputs:
        try:
            values = validate_properties(call, table, require_properties(item))
            reject_duplicate_email(table, values)
            plan.append((values, find_associated_contacts(call, table, item)))
        except ApiError as error:
            if not has_trace_ids:
                raise
            outcome.errors.append(_error_with_trace_id(error, item))
    emails = [values["email"] for values, _ in plan if values.get("email")]
    _reject_duplicates([email for email in emails if email])
    for values, contacts in plan:
        row = table.writer.create(values, call.source)
        link_contacts(call, table, row, contacts)
        outcome.rows.append(row)
        outcome.written_values[row] = values
    return _write_response(call, table, outcome, status=201)


def upsert_batch(call: ApiCall) -> Response:
    """Update records by a unique property, and create those that do not exist."""
    table, inputs = call.table(), batch_inputs(call)
    _reject_duplicates(_input_ids(inputs))
    plan = []
    for item in inputs:
        require_fields(item, "BatchInputSimplePublicObjectBatchInputUpsert", "id", "idProperty")
        require_unique_property(table, item["idProperty"])
        row = table.unique_values.find_row(item["idProperty"], str(item["id"]))
        id_value = {item["idProperty"]: str(item["id"])} if row is None else {}
        plan.append((row, validate_properties(call, table, {**id_value, **require_properties(item)}, row)))
    outcome = BatchOutcome()
    for existing_row, values in plan:
        if existing_row is None:
            row = table.writer.create(values, call.source)
            outcome.created_rows.add(row)
        else:
            row = existing_row
            table.writer.update(row, values, call.source)
        outcome.rows.append(row)
        outcome.written_values[row] = values
    return _write_response(call, table, outcome, upsert=True)


def archive_batch(call: ApiCall) -> Response:
    """Archive records; a missing record is not an error."""
    table = call.table()
    for text in _input_ids(batch_inputs(call)):
        archive_row(call, table, table.records.find_live_row(parse_id(text)))
    return NoContentResponse()


def batch_response(call: ApiCall, items: list[Json], errors: list[Json], *, status: int = 200) -> Response:
    """Return the response of a batch; the API version selects the status of a partial failure."""
    now = format_iso(call.portal.now_ms())
    body: Json = {"status": "COMPLETE", "results": items, "startedAt": now, "completedAt": now}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
        status = 207 if call.version != NEWEST_VERSION or call.portal.switches.dated_batch_status == 207 else status
    return JsonResponse(body, status_code=status)


def _input_ids(inputs: list[Json]) -> list[str]:
    for item in inputs:
        require_fields(item, "SimplePublicObjectId", "id")
    return [str(item["id"]) for item in inputs]


def _reject_duplicates(ids: list[str]) -> None:
    duplicates = [text for text, count in Counter(ids).items() if count > 1]
    if duplicates:
        raise validation_error(
            f"Duplicate IDs found in batch input: [{', '.join(duplicates)}]. IDs must be unique", context={"ids": duplicates}
        )


def _find_readable_row(call: ApiCall, table: ObjectTable, text: str, id_property: str | None) -> int | None:
    if id_property is not None:
        return table.unique_values.find_row(id_property, text)
    if call.query.get("archived") == "true":
        row = table.records.find_row(parse_id(text))
        return row if row in table.records.archived else None
    merged = call.portal.switches.batch_read_merged == "survivor"
    return table.records.find_surviving_row(parse_id(text)) if merged else table.records.find_live_row(parse_id(text))


def _find_writable_row(table: ObjectTable, text: str, id_property: str | None) -> int | None:
    if id_property is None:
        return table.records.find_live_row(parse_id(text))
    if id_property == "hs_object_id":  # HubSpot rejects it in updates
        raise validation_error(f"Unable to perform update/upsert by non-unique {table.object_type.type_id} property {id_property}")
    require_unique_property(table, id_property)
    return table.unique_values.find_row(id_property, text)


def _validate_inputs(
    call: ApiCall, table: ObjectTable, plan: list[tuple[Json, int]], outcome: BatchOutcome, *, has_trace_ids: bool
) -> list[tuple[PropertyValues, int]]:
    valid = []
    for item, row in plan:
        try:
            values = validate_properties(call, table, require_properties(item), row)
            reject_duplicate_email(table, values, row)
            valid.append((values, row))
        except ApiError as error:
            if not has_trace_ids:
                raise
            outcome.errors.append(_error_with_trace_id(error, item))
    return valid


def _has_trace_ids(inputs: list[Json]) -> bool:
    traces = [item.get(TRACE_ID_FIELD) for item in inputs]
    return bool(traces) and all(traces) and len(set(traces)) == len(traces)


def _error_with_trace_id(error: ApiError, item: Json) -> Json:
    context = {**error.body.get("context", {}), TRACE_ID_FIELD: [item[TRACE_ID_FIELD]]}
    return {**error.body, "context": context}


def _not_found_error(table: ObjectTable, ids: list[str]) -> Json:
    message = (
        f"Could not get some {table.object_type.singular.upper()} objects, they may be deleted or not exist. Check that ids are valid."
    )
    return {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"ids": ids}}


def _write_response(call: ApiCall, table: ObjectTable, outcome: BatchOutcome, *, status: int = 200, upsert: bool = False) -> Response:
    call.portal.random.shuffle(outcome.rows)
    items = [serialize(table, [row], response_properties(table, outcome.written_values[row]))[0] for row in outcome.rows]
    if upsert:
        for row, item in zip(outcome.rows, items, strict=True):
            item["new"] = row in outcome.created_rows
    return batch_response(call, items, outcome.errors, status=status)


_READ, _WRITE = ("crm.objects.{kind}.read",), ("crm.objects.{kind}.write",)
ENDPOINTS = (
    Endpoint(api="objects", method="POST", path_suffix="/{objectType}/batch/read", handler=read_batch, scopes=_READ),
    Endpoint(api="objects", method="POST", path_suffix="/{objectType}/batch/update", handler=update_batch, scopes=_WRITE),
    Endpoint(api="objects", method="POST", path_suffix="/{objectType}/batch/create", handler=create_batch, scopes=_WRITE),
    Endpoint(api="objects", method="POST", path_suffix="/{objectType}/batch/upsert", handler=upsert_batch, scopes=_WRITE),
    Endpoint(api="objects", method="POST", path_suffix="/{objectType}/batch/archive", handler=archive_batch, scopes=_WRITE),
)
