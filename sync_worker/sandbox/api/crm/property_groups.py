"""Endpoints of property groups; hubspot-api.md section 4."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from sync_worker.sandbox.api.crm.properties import READ_SCOPES, WRITE_SCOPES
from sync_worker.sandbox.base.responses import ApiError, Json, JsonResponse, NoContentResponse, not_found_error, validation_error
from sync_worker.sandbox.properties.property_definitions import PropertyGroup
from sync_worker.sandbox.request.body_validation import integer_field
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, require_fields


def list_groups(call: ApiCall) -> Response:
    """Return all groups."""
    return JsonResponse({"results": [_serialize_group(group) for group in call.table().catalog.groups.values()]})


def read_group(call: ApiCall) -> Response:
    """Return one group."""
    return JsonResponse(_serialize_group(_require_group(call)))


def create_group(call: ApiCall) -> Response:
    """Create a group."""
    body, catalog = call.json_object(), call.table().catalog
    require_fields(body, "PropertyGroupCreate", "name", "label")
    group = PropertyGroup(name=str(body["name"]).lower(), label=str(body["label"]), display_order=integer_field(body, "displayOrder", -1))
    if group.name in catalog.groups:
        message = f"A property group named '{group.name}' already exists."
        raise ApiError(409, message, "OBJECT_ALREADY_EXISTS", subCategory="PropertyGroupError.PROPERTY_GROUP_EXISTS")
    catalog.groups[group.name] = group
    return JsonResponse(_serialize_group(group), status_code=201)


def update_group(call: ApiCall) -> Response:
    """Change the label or the display order of a group."""
    group, body = _require_group(call), call.json_object()
    order = integer_field(body, "displayOrder", group.display_order)
    updated = replace(group, label=str(body.get("label", group.label)), display_order=order)
    call.table().catalog.groups[group.name] = updated
    return JsonResponse(_serialize_group(updated))


def delete_group(call: ApiCall) -> Response:
    """Delete an empty group."""
    group, catalog = _require_group(call), call.table().catalog
    if catalog.properties_in_group(group.name):
        message = f"Group {group.name} still has properties."
        raise validation_error(message, subCategory="PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES")
    del catalog.groups[group.name]
    return NoContentResponse()


def _require_group(call: ApiCall) -> PropertyGroup:
    group = call.table().catalog.groups.get(call.path_variables["groupName"])
    if group is None:
        raise not_found_error(f"Property group {call.path_variables['groupName']} does not exist.", "OBJECT_NOT_FOUND")
    return group


def _serialize_group(group: PropertyGroup) -> Json:
    return {"name": group.name, "label": group.label, "displayOrder": group.display_order, "archived": False}


ENDPOINTS = (
    Endpoint(api="properties", method="GET", path_suffix="/{objectType}/groups", handler=list_groups, scopes=READ_SCOPES),
    Endpoint(api="properties", method="POST", path_suffix="/{objectType}/groups", handler=create_group, scopes=WRITE_SCOPES),
    Endpoint(api="properties", method="GET", path_suffix="/{objectType}/groups/{groupName}", handler=read_group, scopes=READ_SCOPES),
    Endpoint(api="properties", method="PATCH", path_suffix="/{objectType}/groups/{groupName}", handler=update_group, scopes=WRITE_SCOPES),
    Endpoint(api="properties", method="DELETE", path_suffix="/{objectType}/groups/{groupName}", handler=delete_group, scopes=WRITE_SCOPES),
)
