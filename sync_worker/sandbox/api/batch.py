"""Up to a hundred records in one call; hubspot-api.md 3.4 to 3.6."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from starlette.responses import Response

from sync_worker.sandbox.api.objects import LARGEST_PAGE as LARGEST
from sync_worker.sandbox.api.objects import LARGEST_PAGE_WITH_HISTORY as LARGEST_WITH_HISTORY
from sync_worker.sandbox.api.objects import archive_row, checked, properties_of, refuse_known_email, require_unique
from sync_worker.sandbox.base.ids import id_of
from sync_worker.sandbox.base.responses import Json, JsonReply, NoContent, ReplyError, invalid
from sync_worker.sandbox.base.timestamps import iso
from sync_worker.sandbox.crm.object_store import Table
from sync_worker.sandbox.crm.property_history import with_history
from sync_worker.sandbox.crm.record_writer import Values
from sync_worker.sandbox.crm.serializer import names_for, render
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call, require
from sync_worker.sandbox.request.url_paths import NEWEST

TRACE = "objectWriteTraceId"


@dataclass(slots=True)
class Outcome:
    """What a batch did: the rows that were read or written, with what was written, and what failed."""

    rows: list[int] = field(default_factory=list)
    written: dict[int, Values] = field(default_factory=dict)
    new: set[int] = field(default_factory=set)
    errors: list[Json] = field(default_factory=list)


def inputs_of(call: Call, *, largest: int = LARGEST) -> list[Json]:
    """Return the inputs of a batch. A body without any is not refused: it does nothing (sync-lessons.md 25)."""
    inputs: list[Json] = call.json_object().get("inputs") or []
    if len(inputs) > largest:
        raise invalid(f"Batch size {len(inputs)} is too large. The maximum number of inputs is {largest}.")
    return inputs


def read(call: Call) -> Response:
    """Answer the records with the ids, in no order."""
    table, body = call.table(), call.json_object()
    history = body.get("propertiesWithHistory") or []
    ids = _ids(inputs_of(call, largest=LARGEST_WITH_HISTORY if history else LARGEST))
    by = body.get("idProperty")
    if by is not None:
        require_unique(table, by)
    found = {text: _readable(call, table, text, by) for text in ids}
    rows = list(dict.fromkeys(row for row in found.values() if row is not None))
    call.portal.random.shuffle(rows)
    items = render(table, rows, names_for(table, body.get("properties") or []))
    for name in history:
        with_history(table, call.portal.history, rows, items, name)
    missing = [text for text, row in found.items() if row is None]
    return reply(call, items, [_not_found(table, missing)] if missing else [])


def update(call: Call) -> Response:
    """Write records by id. One bad value refuses the whole batch, unless every input has its own trace id."""
    table, inputs = call.table(), inputs_of(call)
    ids = _ids(inputs)
    _refuse_duplicates(ids)
    traced = call.portal.switches.update_trace_ids and _traced(inputs)
    done, missing, plan = Outcome(), [], []
    for item, text in zip(inputs, ids, strict=True):
        row = _writable(table, text, item.get("idProperty"))
        if row is None:
            # An id that was merged away is left out without a word (3.5).
            missing += [] if id_of(text) in table.records.merged else [text]
            continue
        plan.append((item, row))
    for item, row in _valid(table, plan, done, traced=traced):
        table.editor.update(row, item, call.source)
        done.rows.append(row)
        done.written[row] = item
    if missing:
        done.errors.append(_not_found(table, missing))
    return _written(call, table, done)


def create(call: Call) -> Response:
    """Add records. One bad one refuses the whole batch, unless every input has its own trace id."""
    table, inputs = call.table(), inputs_of(call)
    traced, done, plan = _traced(inputs), Outcome(), []
    for item in inputs:
        try:
            values = checked(table, properties_of(item))
            refuse_known_email(table, values)
            plan.append(values)
        except ReplyError as error:
            if not traced:
                raise
            done.errors.append(_traced_error(error, item))
    emails = [values["email"] for values in plan if values.get("email")]
    _refuse_duplicates([email for email in emails if email])
    for values in plan:
        row = table.editor.create(values, call.source)
        done.rows.append(row)
        done.written[row] = values
    return _written(call, table, done, status=201)


def upsert(call: Call) -> Response:
    """Write records by a unique property and add those that are not there."""
    table, inputs = call.table(), inputs_of(call)
    _refuse_duplicates(_ids(inputs))
    plan = []
    for item in inputs:
        require(item, "BatchInputSimplePublicObjectBatchInputUpsert", "id", "idProperty")
        require_unique(table, item["idProperty"])
        row = table.identities.find(item["idProperty"], str(item["id"]))
        named = {item["idProperty"]: str(item["id"])} if row is None else {}
        plan.append((row, checked(table, {**named, **properties_of(item)}, row)))
    done = Outcome()
    for known, values in plan:
        if known is None:
            row = table.editor.create(values, call.source)
            done.new.add(row)
        else:
            row = known
            table.editor.update(row, values, call.source)
        done.rows.append(row)
        done.written[row] = values
    return _written(call, table, done, upsert=True)


def archive(call: Call) -> Response:
    """Archive records; those that are not there are no error."""
    table = call.table()
    for text in _ids(inputs_of(call)):
        archive_row(call, table, table.records.live(id_of(text)))
    return NoContent()


def reply(call: Call, items: list[Json], errors: list[Json], *, status: int = 200) -> Response:
    """Return the reply of a batch, with its errors and the status that its version has for them."""
    now = iso(call.portal.now_ms())
    body: Json = {"status": "COMPLETE", "results": items, "startedAt": now, "completedAt": now}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
        status = 207 if call.version != NEWEST or call.portal.switches.dated_batch_status == 207 else status
    return JsonReply(body, status_code=status)


def _ids(inputs: list[Json]) -> list[str]:
    for item in inputs:
        require(item, "SimplePublicObjectId", "id")
    return [str(item["id"]) for item in inputs]


def _refuse_duplicates(ids: list[str]) -> None:
    twice = [text for text, times in Counter(ids).items() if times > 1]
    if twice:
        raise invalid(f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique", context={"ids": twice})


def _readable(call: Call, table: Table, text: str, by: str | None) -> int | None:
    if by is not None:
        return table.identities.find(by, text)
    if call.query.get("archived") == "true":
        row = table.records.row(id_of(text))
        return row if row in table.records.archived else None
    merged = call.portal.switches.batch_read_merged == "survivor"
    return table.records.survivor(id_of(text)) if merged else table.records.live(id_of(text))


def _writable(table: Table, text: str, by: str | None) -> int | None:
    if by is None:
        return table.records.live(id_of(text))
    if by == "hs_object_id":  # refused in updates: leave it out
        raise invalid(f"Unable to perform update/upsert by non-unique {table.kind.type_id} property {by}")
    require_unique(table, by)
    return table.identities.find(by, text)


def _valid(table: Table, plan: list[tuple[Json, int]], done: Outcome, *, traced: bool) -> list[tuple[Values, int]]:
    valid = []
    for item, row in plan:
        try:
            values = checked(table, properties_of(item), row)
            refuse_known_email(table, values, row)
            valid.append((values, row))
        except ReplyError as error:
            if not traced:
                raise
            done.errors.append(_traced_error(error, item))
    return valid


def _traced(inputs: list[Json]) -> bool:
    traces = [item.get(TRACE) for item in inputs]
    return bool(traces) and all(traces) and len(set(traces)) == len(traces)


def _traced_error(error: ReplyError, item: Json) -> Json:
    context = {**error.body.get("context", {}), TRACE: [item[TRACE]]}
    return {**error.body, "context": context}


def _not_found(table: Table, ids: list[str]) -> Json:
    told = f"Could not get some {table.kind.singular.upper()} objects, they may be deleted or not exist. Check that ids are valid."
    return {"status": "error", "category": "OBJECT_NOT_FOUND", "message": told, "context": {"ids": ids}}


def _written(call: Call, table: Table, done: Outcome, *, status: int = 200, upsert: bool = False) -> Response:
    call.portal.random.shuffle(done.rows)
    items = [render(table, [row], names_for(table, done.written[row]))[0] for row in done.rows]
    if upsert:
        for row, item in zip(done.rows, items, strict=True):
            item["new"] = row in done.new
    return reply(call, items, done.errors, status=status)


_READ, _WRITE = ("crm.objects.{kind}.read",), ("crm.objects.{kind}.write",)
ENDPOINTS = (
    Endpoint(api="objects", method="POST", suffix="/{objectType}/batch/read", answer=read, scopes=_READ),
    Endpoint(api="objects", method="POST", suffix="/{objectType}/batch/update", answer=update, scopes=_WRITE),
    Endpoint(api="objects", method="POST", suffix="/{objectType}/batch/create", answer=create, scopes=_WRITE),
    Endpoint(api="objects", method="POST", suffix="/{objectType}/batch/upsert", answer=upsert, scopes=_WRITE),
    Endpoint(api="objects", method="POST", suffix="/{objectType}/batch/archive", answer=archive, scopes=_WRITE),
)
