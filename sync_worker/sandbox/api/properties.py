"""Property definitions; hubspot-api.md section 4."""

from __future__ import annotations

import orjson
from starlette.responses import Response

from sync_worker.sandbox.api.batch import inputs_of, reply
from sync_worker.sandbox.api.property_serializer import definition_of, merged_definition, shown_property
from sync_worker.sandbox.base.responses import Json, JsonReply, NoContent, ReplyError, invalid, not_found
from sync_worker.sandbox.crm.object_store import Table
from sync_worker.sandbox.crm.property_definitions import PropertyDefinition
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call, require

READ = ("crm.schemas.{kind}.read", "crm.objects.{kind}.read", "crm.schemas.{kind}.write", "crm.objects.{kind}.write")
WRITE = ("crm.schemas.{kind}.write",)


def list_properties(call: Call) -> Response:
    """Answer every property, without pages; the archived ones when they are asked for."""
    catalog = call.table().catalog
    chosen = catalog.archived if call.flag("archived") else catalog.definitions
    return JsonReply({"results": [shown_property(definition) for definition in chosen.values()]})


def read_property(call: Call) -> Response:
    """Answer one property."""
    return JsonReply(shown_property(_named(call, archived=call.flag("archived"))))


def create_property(call: Call) -> Response:
    """Add a property, or restore the archived one of that name."""
    table = call.table()
    return JsonReply(shown_property(_create(call, table, call.json_object())), status_code=201)


def update_property(call: Call) -> Response:
    """Change a property; `options` replaces them all."""
    table, definition = call.table(), _named(call)
    changed = merged_definition(table, definition, call.json_object(), now=call.portal.now_ms())
    table.catalog.put(changed)
    return JsonReply(shown_property(changed))


def archive_property(call: Call) -> Response:
    """Archive a property; HubSpot's own stay."""
    table, definition = call.table(), _named(call)
    if definition.hubspot_defined:
        raise invalid(
            f"Property {definition.name} is defined by HubSpot and cannot be deleted.",
            subCategory="PropertyValidationError.HUBSPOT_DEFINED",
        )
    _refuse_used(call, definition.name)
    table.catalog.archive(definition.name, now=call.portal.now_ms())
    return NoContent()


def batch_create(call: Call) -> Response:
    """Add properties; those that cannot be added are told beside the others."""
    table, made, errors = call.table(), [], []
    for item in inputs_of(call):
        try:
            made.append(shown_property(_create(call, table, item)))
        except ReplyError as error:
            context = {**error.body.get("context", {}), "name": [str(item.get("name"))]}
            errors.append({**error.body, "context": context})
    return reply(call, made, errors, status=201)


def batch_read(call: Call) -> Response:
    """Answer some properties by name."""
    table, archived = call.table(), bool(call.json_object().get("archived"))
    names = _names(call)
    chosen = table.catalog.archived if archived else table.catalog.definitions
    missing = [name for name in names if name not in chosen]
    errors: list[Json] = []
    if missing:
        told = f"The following properties do not exist: {missing}"
        errors.append({"status": "error", "category": "OBJECT_NOT_FOUND", "message": told, "context": {"name": missing}})
    return reply(call, [shown_property(chosen[name]) for name in names if name in chosen], errors)


def batch_archive(call: Call) -> Response:
    """Archive properties by name; those that are not there are no error."""
    table = call.table()
    for name in _names(call):
        definition = table.catalog.get(name)
        if definition is not None and not definition.hubspot_defined:
            table.catalog.archive(name, now=call.portal.now_ms())
    return NoContent()


def _refuse_used(call: Call, name: str) -> None:
    using = [item.name for item in call.portal.lists if f'"{name}"' in orjson.dumps(item.filter_branch).decode()]
    if using:
        told = f"Property {name} cannot be deleted: it is used in the lists {using}."
        raise invalid(told, subCategory="PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE")


def _names(call: Call) -> list[str]:
    inputs = inputs_of(call)
    for item in inputs:
        require(item, "PropertyName", "name")
    return [str(item["name"]) for item in inputs]


def _named(call: Call, *, archived: bool = False) -> PropertyDefinition:
    catalog, name = call.table().catalog, call.path["name"]
    found = (catalog.archived if archived else catalog.definitions).get(name)
    if found is None:
        raise not_found(f"Property {name} does not exist.", "OBJECT_NOT_FOUND", context={"propertyName": [name]})
    return found


def _create(call: Call, table: Table, body: Json) -> PropertyDefinition:
    definition = definition_of(table, body, now=call.portal.now_ms())
    if definition.name in table.catalog:
        told = f"A property named '{definition.name}' already exists."
        raise ReplyError(409, told, "OBJECT_ALREADY_EXISTS", subCategory="Properties.PROPERTY_WITH_NAME_EXISTS")
    table.catalog.put(definition)
    return definition


ENDPOINTS = (
    Endpoint(api="properties", method="GET", suffix="/{objectType}", answer=list_properties, scopes=READ),
    Endpoint(api="properties", method="POST", suffix="/{objectType}", answer=create_property, scopes=WRITE),
    Endpoint(api="properties", method="POST", suffix="/{objectType}/batch/create", answer=batch_create, scopes=WRITE),
    Endpoint(api="properties", method="POST", suffix="/{objectType}/batch/read", answer=batch_read, scopes=READ),
    Endpoint(api="properties", method="POST", suffix="/{objectType}/batch/archive", answer=batch_archive, scopes=WRITE),
    Endpoint(api="properties", method="GET", suffix="/{objectType}/{name}", answer=read_property, scopes=READ),
    Endpoint(api="properties", method="PATCH", suffix="/{objectType}/{name}", answer=update_property, scopes=WRITE),
    Endpoint(api="properties", method="DELETE", suffix="/{objectType}/{name}", answer=archive_property, scopes=WRITE),
)
