"""Records one at a time and page by page; hubspot-api.md 3.1, 3.2, 3.6."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.api.error_responses import contact_exists_error, invalid_values_error
from sync_worker.sandbox.base.object_types import find_object_type
from sync_worker.sandbox.base.responses import Json, JsonResponse, NoContentResponse, not_found_error, validation_error
from sync_worker.sandbox.crm.associations import ASSOCIATION_TYPES
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.property_history import add_history
from sync_worker.sandbox.crm.record_writer import InvalidValuesError, PropertyValues
from sync_worker.sandbox.crm.serializer import response_properties, serialize
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, parse_record_id, require_fields

MAX_PAGE_SIZE = 100
MAX_PAGE_SIZE_WITH_HISTORY = 50
ARCHIVE_RETENTION_MS = 90 * 86_400_000  # for which archived records are listed


def list_records(call: ApiCall) -> Response:
    """Answer a page of records in ascending order of their ids; `after` is the id that the page begins with."""
    table, history = call.table(), call.list_param("propertiesWithHistory")
    limit = call.integer_param("limit", 10, maximum=MAX_PAGE_SIZE_WITH_HISTORY if history else MAX_PAGE_SIZE)
    first = call.integer_param("after", 0, maximum=10**18, minimum=0)
    since = call.portal.now_ms() - ARCHIVE_RETENTION_MS if call.bool_param("archived") else None
    rows, following = table.records.page_rows(first_id=first, limit=limit, archived_since=since)
    body: Json = {"results": serialize_for_query(call, table, rows)}
    if following is not None:
        link = f"{call.base_url}{call.url_path}?limit={limit}&after={following}"
        body["paging"] = {"next": {"after": str(following), "link": link}}
    return JsonResponse(body)


def read_record(call: ApiCall) -> Response:
    """Answer one record; an id that was merged away answers the survivor under its own id."""
    table = call.table()
    row = require_row(call, table, archived=call.bool_param("archived"))
    return JsonResponse(serialize_for_query(call, table, [row])[0])


def update_record(call: ApiCall) -> Response:
    """Write some properties of one record."""
    table = call.table()
    row = require_row(call, table)
    values = validate_properties(table, require_properties(call.json_object()), row)
    reject_duplicate_email(table, values, row)
    table.writer.update(row, values, call.source)
    return JsonResponse(serialize(table, [row], response_properties(table, values))[0])


def create_record(call: ApiCall) -> Response:
    """Add a record; the e-mail address of a contact must be new."""
    table = call.table()
    values = validate_properties(table, require_properties(call.json_object()))
    reject_duplicate_email(table, values)
    row = table.writer.create(values, call.source)
    return JsonResponse(
        serialize(table, [row], response_properties(table, (*table.object_type.default_properties, *values)))[0], status_code=201
    )


def archive_record(call: ApiCall) -> Response:
    """Archive a record; doing it again is no error."""
    table = call.table()
    archive_row(call, table, table.records.find_live_row(parse_record_id(call.path_variables["id"])))
    return NoContentResponse()


def archive_row(call: ApiCall, table: ObjectTable, row: int | None) -> None:
    """Archive a row if it is there and take it out of every list."""
    if row is None:
        return
    table.writer.archive(row)
    if table is call.portal.contacts:
        call.portal.lists.remove_from_all(table.records.ids[row])


def require_row(call: ApiCall, table: ObjectTable, *, archived: bool = False) -> int:
    """Return the row that the path names by id or, with `idProperty`, by a unique value."""
    named, by = call.path_variables["id"], call.query.get("idProperty")
    if by is not None:
        require_unique_property(table, by)
        row = table.unique_values.find_row(by, named)
    elif archived:
        row = table.records.find_row(parse_record_id(named))
        row = row if row in table.records.archived else None
    else:
        row = table.records.find_surviving_row(parse_record_id(named))
    if row is None:
        raise not_found_error()
    return row


def require_unique_property(table: ObjectTable, name: str) -> None:
    """Refuse an `idProperty` that does not name one record."""
    if name != "hs_object_id" and name not in table.catalog.unique_property_names():
        raise validation_error(f"Unable to perform update/upsert by non-unique {table.object_type.type_id} property {name}")


def require_properties(body: Json) -> Json:
    """Return the properties of a record in a body."""
    require_fields(body, "SimplePublicObjectInput", "properties")
    properties: Any = body["properties"]
    if not isinstance(properties, dict):
        raise validation_error("Invalid input JSON on line 1, column 1: properties must be an object")
    return properties


def validate_properties(table: ObjectTable, properties: Json, row: int | None = None) -> PropertyValues:
    """Return values as they will be stored, or refuse them in HubSpot's words."""
    try:
        return table.writer.validate(properties, row=row)
    except InvalidValuesError as error:
        raise invalid_values_error(error.problems) from None


def reject_duplicate_email(table: ObjectTable, values: PropertyValues, row: int | None = None) -> None:
    """Refuse an address that is the first or a second one of another contact."""
    email = values.get("email")
    known = table.unique_values.find_row("email", email) if email and table.object_type.name == "contacts" else None
    if known is not None and known != row:
        raise contact_exists_error(table.records.ids[known])


def serialize_for_query(call: ApiCall, table: ObjectTable, rows: list[int]) -> list[Json]:
    """Return records with the properties, history and associations that a query string asks for."""
    items = serialize(table, rows, response_properties(table, call.list_param("properties")))
    for name in call.list_param("propertiesWithHistory"):
        add_history(table, call.portal.audit_log, rows, items, name)
    for name in call.list_param("associations"):
        _add_associations(call, table, rows, items, name)
    return items


def _add_associations(call: ApiCall, table: ObjectTable, rows: list[int], items: list[Json], name: str) -> None:
    to = find_object_type(name)
    types = ASSOCIATION_TYPES.get((table.object_type.name, to.name), ()) if to is not None else ()
    if to is None or not types:
        return  # ignored, as HubSpot's own SDK says of `associations` that do not exist
    for row, item in zip(rows, items, strict=True):
        ids = call.portal.associations.find_ids(table.object_type.name, table.records.ids[row], to.name)
        if ids:
            linked = [{"id": str(other), "type": kind.name} for other in ids[:MAX_PAGE_SIZE] for kind in types]
            item.setdefault("associations", {})[to.name] = {"results": linked}


ENDPOINTS = (
    Endpoint(api="objects", method="GET", path_suffix="/{objectType}", handler=list_records, scopes=("crm.objects.{kind}.read",)),
    Endpoint(api="objects", method="POST", path_suffix="/{objectType}", handler=create_record, scopes=("crm.objects.{kind}.write",)),
    Endpoint(api="objects", method="GET", path_suffix="/{objectType}/{id}", handler=read_record, scopes=("crm.objects.{kind}.read",)),
    Endpoint(api="objects", method="PATCH", path_suffix="/{objectType}/{id}", handler=update_record, scopes=("crm.objects.{kind}.write",)),
    Endpoint(
        api="objects", method="DELETE", path_suffix="/{objectType}/{id}", handler=archive_record, scopes=("crm.objects.{kind}.write",)
    ),
)
