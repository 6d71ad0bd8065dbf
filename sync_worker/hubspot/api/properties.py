"""Definitions of properties and their groups: what can be read, and what the worker adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sync_worker.hubspot.records.models import Created, Group, Option, Property
from sync_worker.hubspot.records.parsing import Row, definition, group, sense_of
from sync_worker.hubspot.rest.error_responses import Conflict, InvalidRequest
from sync_worker.hubspot.rest.sdk import RAW, Untyped

BATCH_SIZE: Final = 100
LIFECYCLE: Final = "lifecyclestage"


class Properties:
    """The definitions of one portal. `object_type` is contacts, companies or deals."""

    def __init__(self, core: Untyped, batch: Untyped, groups: Untyped) -> None:
        self._core = core
        self._batch = batch
        self._groups = groups

    def all(self, object_type: str = "contacts", *, archived: bool = False) -> dict[str, Property]:
        """Return the definitions by name; the archived ones instead when asked."""
        data: Row = self._core.get_all(object_type, archived=archived, **RAW)
        with sense_of(f"read the properties of {object_type}"):
            return {row["name"]: definition(row) for row in data["results"]}

    def lifecycle_stages(self) -> tuple[Option, ...]:
        """Return the stages of this portal, which may rename, add and reorder them, from the first to the last."""
        row: Row = self._core.get_by_name("contacts", LIFECYCLE, **RAW)
        with sense_of("read a property of contacts"):
            return tuple(sorted(definition(row).options, key=lambda option: option.order))

    def create(self, object_type: str, wanted: Property) -> Property:
        """Make a property; one that exists already is left as it is, an archived one of the same name comes back with its values."""
        try:
            row: Row = self._core.create(object_type, _body(wanted), **RAW)
        except Conflict:
            row = self._core.get_by_name(object_type, wanted.name, **RAW)
        with sense_of(f"create a property of {object_type}"):
            return definition(row)

    def create_all(self, object_type: str, wanted: Sequence[Property]) -> Created:
        """Make properties, a hundred a request, and list those that HubSpot refuses, with their reasons."""
        made: list[Property] = []
        rejected: dict[str, str] = {}
        for start in range(0, len(wanted), BATCH_SIZE):
            batch = wanted[start : start + BATCH_SIZE]
            together = self._create_together(object_type, batch)
            made += together.values()
            for each in batch:
                if each.name not in together:
                    self._create_alone(object_type, each, made, rejected)
        return Created(properties=tuple(made), rejected=rejected)

    def update(self, object_type: str, definition_: Property) -> Property:
        """Make an existing property be as given; its options are replaced as a whole, name and type stay."""
        body = {key: value for key, value in _body(definition_).items() if key not in {"name", "type"}}
        row: Row = self._core.update(object_type, definition_.name, body, **RAW)
        with sense_of(f"change a property of {object_type}"):
            return definition(row)

    def groups(self, object_type: str = "contacts") -> dict[str, Group]:
        """Return the property groups by name."""
        data: Row = self._groups.get_all(object_type, **RAW)
        with sense_of(f"read the property groups of {object_type}"):
            return {row["name"]: group(row) for row in data["results"]}

    def create_group(self, object_type: str, group_: Group) -> Group:
        """Make a property group; one that exists already is left as it is."""
        body = {"name": group_.name, "label": group_.label, "displayOrder": group_.order}
        try:
            row: Row = self._groups.create(object_type, body, **RAW)
        except Conflict:
            return self.groups(object_type)[group_.name]
        with sense_of(f"create a property group of {object_type}"):
            return group(row)

    def update_group(self, object_type: str, group_: Group) -> Group:
        """Give an existing property group its label."""
        row: Row = self._groups.update(object_type, group_.name, {"label": group_.label, "displayOrder": group_.order}, **RAW)
        with sense_of(f"change a property group of {object_type}"):
            return group(row)

    def _create_together(self, object_type: str, batch: Sequence[Property]) -> dict[str, Property]:
        """Return those that were made; of the others nobody knows yet why not."""
        try:
            data: Row = self._batch.create(object_type, {"inputs": [_body(each) for each in batch]}, **RAW)
        except InvalidRequest:
            return {}
        with sense_of(f"create properties of {object_type}"):
            return {row["name"]: definition(row) for row in data["results"]}

    def _create_alone(self, object_type: str, wanted: Property, made: list[Property], rejected: dict[str, str]) -> None:
        try:
            made.append(self.create(object_type, wanted))
        except InvalidRequest as refusal:
            rejected[wanted.name] = str(refusal.problem)


def _body(wanted: Property) -> Row:
    """Return what HubSpot is sent: the fields that both versions know."""
    return {
        "name": wanted.name,
        "label": wanted.label,
        "type": wanted.type,
        "fieldType": wanted.field_type,
        "groupName": wanted.group,
        "description": wanted.description,
        "options": [_option_body(each) for each in wanted.options],
        "displayOrder": wanted.order,
        "hidden": wanted.hidden,
        "formField": wanted.form_field,
    }


def _option_body(option: Option) -> Row:
    body: Row = {"label": option.label, "value": option.value, "displayOrder": option.order, "hidden": option.hidden}
    return body | ({"description": option.description} if option.description is not None else {})
