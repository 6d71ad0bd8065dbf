"""Endpoints of single records and record pages; hubspot-api.md 3.1, 3.2, 3.6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.api.error_responses import contact_exists_error, invalid_values_error
from sync_worker.sandbox.base.object_types import TASKS, find_object_type
from sync_worker.sandbox.base.responses import Json, JsonResponse, NoContentResponse, not_found_error, validation_error
from sync_worker.sandbox.crm.associations import ASSOCIATION_TYPES
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.property_history import add_history
from sync_worker.sandbox.crm.record_writer import InvalidValuesError, PropertyValues
from sync_worker.sandbox.crm.serializer import response_properties, serialize
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, parse_record_id, require_fields
from sync_worker.sandbox.request.url_paths import NEWEST_VERSION

MAX_PAGE_SIZE = 100
MAX_PAGE_SIZE_WITH_HISTORY = 50
ARCHIVE_RETENTION_MS = 90 * 86_400_000  # archived records are listed for this long


def list_records(call: ApiCall) -> Response:
    """Return a page of records by ascending id; `after` is the first id of the page."""
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
    """Return one record; a merged-away id returns the surviving record with its own id."""
    table = call.table()
    row = require_row(call, table, archived=call.bool_param("archived"))
    return JsonResponse(serialize_for_query(call, table, [row])[0])


def update_record(call: ApiCall) -> Response:
    """Update properties of one record."""
    table = call.table()
    row = require_row(call, table)
    values = validate_properties(call, table, require_properties(call.json_object()), row)
    reject_duplicate_email(table, values, row)
    table.writer.update(row, values, call.source)
    return JsonResponse(serialize(table, [row], response_properties(table, values))[0])


def create_record(call: ApiCall) -> Response:
    """Create a record; the email address of a contact must be unique."""
    table = call.table()
    values = validate_properties(call, table, require_properties(call.json_object()))
    reject_duplicate_email(table, values)
    contacts = find_associated_contacts(call, table, call.json_object())
    row = table.writer.create(values, call.source)
    link_contacts(call, table, row, contacts)
    return JsonResponse(
        serialize(table, [row], response_properties(table, (*table.object_type.default_properties, *values)))[0], status_code=201
    )


def find_associated_contacts(call: ApiCall, table: ObjectTable, body: Json) -> list[int]:
    """Return the contacts that a new record is associated with; HubSpot needs a due date for a task."""
    if table.object_type is TASKS:
        require_fields(body["properties"], "task properties", "hs_timestamp")
    contacts = [parse_record_id(str(each["to"]["id"])) for each in body.get("associations") or ()]
    for contact_id in contacts:
        if call.portal.contacts.records.find_surviving_row(contact_id) is None:
            raise validation_error(f"Object CONTACT={contact_id} does not exist")
    return contacts


def link_contacts(call: ApiCall, table: ObjectTable, row: int, contacts: list[int]) -> None:
    """Associate a new record with contacts."""
    if contacts:
        call.portal.associations.link(table.object_type.name, table.records.ids[row], contacts)


def archive_record(call: ApiCall) -> Response:
    """Archive a record; an archived record is not an error."""
    table = call.table()
    archive_row(call, table, table.records.find_live_row(parse_record_id(call.path_variables["id"])))
    return NoContentResponse()


def archive_row(call: ApiCall, table: ObjectTable, row: int | None) -> None:
    """Archive a row, if there is one, and remove it from all lists."""
    if row is None:
        return
    table.writer.archive(row)
    if table is call.portal.contacts:
        call.portal.lists.remove_from_all(table.records.ids[row])


def require_row(call: ApiCall, table: ObjectTable, *, archived: bool = False) -> int:
    """Return the row of the id in the path or, with `idProperty`, of the unique value in the path."""
    key, by = call.path_variables["id"], call.query.get("idProperty")
    if by is not None:
        require_unique_property(table, by)
        row = table.unique_values.find_row(by, key)
    elif archived:
        row = table.records.find_row(parse_record_id(key))
        row = row if row in table.records.archived else None
    else:
        row = table.records.find_surviving_row(parse_record_id(key))
    if row is None:
        raise not_found_error()
    return row


def require_unique_property(table: ObjectTable, name: str) -> None:
    """Reject an `idProperty` whose values are not unique."""
    if name != "hs_object_id" and name not in table.catalog.unique_property_names():
        raise validation_error(f"Unable to perform update/upsert by non-unique {table.object_type.type_id} property {name}")


def require_properties(body: Json) -> Json:
    """Return the properties in a request body."""
    require_fields(body, "SimplePublicObjectInput", "properties")
    properties: Any = body["properties"]
    if not isinstance(properties, dict):
        raise validation_error("Invalid input JSON on line 1, column 1: properties must be an object")
    return properties


def validate_properties(call: ApiCall, table: ObjectTable, properties: Json, row: int | None = None) -> PropertyValues:
    """Return the values in stored form, or raise HubSpot's 400 for invalid values.

    HubSpot enforces required properties on API writes since version 2026-09.
    """
    try:
        return table.writer.validate(properties, row=row, enforce_required=call.version == NEWEST_VERSION)
    except InvalidValuesError as error:
        raise invalid_values_error(error.problems) from None


def reject_duplicate_email(table: ObjectTable, values: Mapping[str, str | None], row: int | None = None) -> None:
    """Reject a primary or additional email address of another contact."""
    email = values.get("email")
    existing = table.unique_values.find_row("email", email) if email and table.object_type.name == "contacts" else None
    if existing is not None and existing != row:
        raise contact_exists_error(table.records.ids[existing])


def serialize_for_query(call: ApiCall, table: ObjectTable, rows: list[int]) -> list[Json]:
    """Return records with the properties, history and associations in the query string."""
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
        return  # HubSpot ignores unknown `associations`, according to its SDK
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
