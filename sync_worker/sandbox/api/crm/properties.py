"""Endpoints of property definitions; hubspot-api.md section 4. `property_serializer.py` has their JSON."""

from __future__ import annotations

import orjson
from starlette.responses import Response

from sync_worker.sandbox.api.crm.batch import batch_inputs, batch_response
from sync_worker.sandbox.api.crm.property_serializer import parse_definition, serialize_property, update_definition
from sync_worker.sandbox.base.responses import ApiError, Json, JsonResponse, NoContentResponse, not_found_error, validation_error
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, require_fields

READ_SCOPES = ("crm.schemas.{kind}.read", "crm.objects.{kind}.read", "crm.schemas.{kind}.write", "crm.objects.{kind}.write")
WRITE_SCOPES = ("crm.schemas.{kind}.write",)


def list_properties(call: ApiCall) -> Response:
    """Return all properties, without paging; with `archived`, the archived ones."""
    catalog = call.table().catalog
    chosen = catalog.archived if call.bool_param("archived") else catalog.definitions
    return JsonResponse({"results": [serialize_property(definition) for definition in chosen.values()]})


def read_property(call: ApiCall) -> Response:
    """Return one property."""
    return JsonResponse(serialize_property(_require_property(call, archived=call.bool_param("archived"))))


def create_property(call: ApiCall) -> Response:
    """Create a property, or restore the archived property with the same name."""
    table = call.table()
    return JsonResponse(serialize_property(_add_property(call, table, call.json_object())), status_code=201)


def update_property(call: ApiCall) -> Response:
    """Update a property; `options` replaces all options."""
    table, definition = call.table(), _require_property(call)
    updated = update_definition(table, definition, call.json_object(), now=call.portal.now_ms())
    table.catalog.save(updated)
    return JsonResponse(serialize_property(updated))


def archive_property(call: ApiCall) -> Response:
    """Archive a custom property."""
    table, definition = call.table(), _require_property(call)
    if definition.hubspot_defined:
        raise validation_error(
            f"Property {definition.name} is defined by HubSpot and cannot be deleted.",
            subCategory="PropertyValidationError.HUBSPOT_DEFINED",
        )
    _reject_if_in_use(call, definition.name)
    table.catalog.archive(definition.name, now=call.portal.now_ms())
    return NoContentResponse()


def batch_create_properties(call: ApiCall) -> Response:
    """Create properties; invalid ones are returned as errors with the results."""
    table, created, errors = call.table(), [], []
    for item in batch_inputs(call):
        try:
            created.append(serialize_property(_add_property(call, table, item)))
        except ApiError as error:
            context = {**error.body.get("context", {}), "name": [str(item.get("name"))]}
            errors.append({**error.body, "context": context})
    return batch_response(call, created, errors, status=201)


def batch_read_properties(call: ApiCall) -> Response:
    """Return properties by name."""
    table, archived = call.table(), bool(call.json_object().get("archived"))
    names = _input_names(call)
    chosen = table.catalog.archived if archived else table.catalog.definitions
    missing = [name for name in names if name not in chosen]
    errors: list[Json] = []
    if missing:
        message = f"The following properties do not exist: {missing}"
        errors.append({"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"name": missing}})
    return batch_response(call, [serialize_property(chosen[name]) for name in names if name in chosen], errors)


def batch_archive_properties(call: ApiCall) -> Response:
    """Archive properties by name; a missing property is not an error."""
    table = call.table()
    for name in _input_names(call):
        definition = table.catalog.get(name)
        if definition is not None and not definition.hubspot_defined:
            table.catalog.archive(name, now=call.portal.now_ms())
    return NoContentResponse()


def _reject_if_in_use(call: ApiCall, name: str) -> None:
    lists = [item.name for item in call.portal.lists if f'"{name}"' in orjson.dumps(item.filter_branch).decode()]
    if lists:
        message = f"Property {name} cannot be deleted: it is used in the lists {lists}."
        raise validation_error(message, subCategory="PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE")


def _input_names(call: ApiCall) -> list[str]:
    inputs = batch_inputs(call)
    for item in inputs:
        require_fields(item, "PropertyName", "name")
    return [str(item["name"]) for item in inputs]


def _require_property(call: ApiCall, *, archived: bool = False) -> PropertyDefinition:
    catalog, name = call.table().catalog, call.path_variables["name"]
    found = (catalog.archived if archived else catalog.definitions).get(name)
    if found is None:
        raise not_found_error(f"Property {name} does not exist.", "OBJECT_NOT_FOUND", context={"propertyName": [name]})
    return found


def _add_property(call: ApiCall, table: ObjectTable, body: Json) -> PropertyDefinition:
    definition = parse_definition(table, body, now=call.portal.now_ms())
    if definition.name in table.catalog:
        message = f"A property named '{definition.name}' already exists."
        raise ApiError(409, message, "OBJECT_ALREADY_EXISTS", subCategory="Properties.PROPERTY_WITH_NAME_EXISTS")
    table.catalog.save(definition)
    return definition


ENDPOINTS = (
    Endpoint(api="properties", method="GET", path_suffix="/{objectType}", handler=list_properties, scopes=READ_SCOPES),
    Endpoint(api="properties", method="POST", path_suffix="/{objectType}", handler=create_property, scopes=WRITE_SCOPES),
    Endpoint(
        api="properties", method="POST", path_suffix="/{objectType}/batch/create", handler=batch_create_properties, scopes=WRITE_SCOPES
    ),
    Endpoint(api="properties", method="POST", path_suffix="/{objectType}/batch/read", handler=batch_read_properties, scopes=READ_SCOPES),
    Endpoint(
        api="properties", method="POST", path_suffix="/{objectType}/batch/archive", handler=batch_archive_properties, scopes=WRITE_SCOPES
    ),
    Endpoint(api="properties", method="GET", path_suffix="/{objectType}/{name}", handler=read_property, scopes=READ_SCOPES),
    Endpoint(api="properties", method="PATCH", path_suffix="/{objectType}/{name}", handler=update_property, scopes=WRITE_SCOPES),
    Endpoint(api="properties", method="DELETE", path_suffix="/{objectType}/{name}", handler=archive_property, scopes=WRITE_SCOPES),
)
