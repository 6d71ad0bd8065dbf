"""Property groups; hubspot-api.md section 4."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from sync_worker.sandbox.api.properties import READ, WRITE
from sync_worker.sandbox.base.responses import Json, JsonReply, NoContent, ReplyError, invalid, not_found
from sync_worker.sandbox.crm.property_definitions import PropertyGroup
from sync_worker.sandbox.request.body_validation import whole
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call, require


def list_groups(call: Call) -> Response:
    """Answer every group."""
    return JsonReply({"results": [_shown(group) for group in call.table().catalog.groups.values()]})


def read_group(call: Call) -> Response:
    """Answer one group."""
    return JsonReply(_shown(_named(call)))


def create_group(call: Call) -> Response:
    """Add a group."""
    body, catalog = call.json_object(), call.table().catalog
    require(body, "PropertyGroupCreate", "name", "label")
    group = PropertyGroup(name=str(body["name"]).lower(), label=str(body["label"]), display_order=whole(body, "displayOrder", -1))
    if group.name in catalog.groups:
        told = f"A property group named '{group.name}' already exists."
        raise ReplyError(409, told, "OBJECT_ALREADY_EXISTS", subCategory="PropertyGroupError.PROPERTY_GROUP_EXISTS")
    catalog.groups[group.name] = group
    return JsonReply(_shown(group), status_code=201)


def update_group(call: Call) -> Response:
    """Change the label or place of a group."""
    group, body = _named(call), call.json_object()
    order = whole(body, "displayOrder", group.display_order)
    changed = replace(group, label=str(body.get("label", group.label)), display_order=order)
    call.table().catalog.groups[group.name] = changed
    return JsonReply(_shown(changed))


def delete_group(call: Call) -> Response:
    """Delete a group that has no properties."""
    group, catalog = _named(call), call.table().catalog
    if catalog.members(group.name):
        told = f"Group {group.name} still has properties."
        raise invalid(told, subCategory="PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES")
    del catalog.groups[group.name]
    return NoContent()


def _named(call: Call) -> PropertyGroup:
    group = call.table().catalog.groups.get(call.path["groupName"])
    if group is None:
        raise not_found(f"Property group {call.path['groupName']} does not exist.", "OBJECT_NOT_FOUND")
    return group


def _shown(group: PropertyGroup) -> Json:
    return {"name": group.name, "label": group.label, "displayOrder": group.display_order, "archived": False}


ENDPOINTS = (
    Endpoint(api="properties", method="GET", suffix="/{objectType}/groups", answer=list_groups, scopes=READ),
    Endpoint(api="properties", method="POST", suffix="/{objectType}/groups", answer=create_group, scopes=WRITE),
    Endpoint(api="properties", method="GET", suffix="/{objectType}/groups/{groupName}", answer=read_group, scopes=READ),
    Endpoint(api="properties", method="PATCH", suffix="/{objectType}/groups/{groupName}", answer=update_group, scopes=WRITE),
    Endpoint(api="properties", method="DELETE", suffix="/{objectType}/groups/{groupName}", answer=delete_group, scopes=WRITE),
)
