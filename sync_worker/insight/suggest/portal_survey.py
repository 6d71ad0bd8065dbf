"""A model that names everything a portal has, so that its facts are loaded with all properties and kinds of event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sync_worker.insight.suggest.candidates import MAIL_LISTS, is_candidate_property
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.schema import EVENT_KINDS, Document, PropertyType
from sync_worker.model.lookup.standard_properties import PropertySpec, find_property


def find_specs(names: Iterable[str], model: Model, types: Mapping[str, str]) -> Mapping[str, PropertySpec]:
    """Return the types of the properties that may become part of a suggestion.

    `types` are HubSpot's types of the portal's own properties; a property without a known type is a text.
    """
    declared = model.document.properties
    usable = sorted(name for name in names if is_candidate_property(name))
    return {name: find_property(name, declared) or PropertySpec(_VALUE_TYPES.get(types.get(name, ""), "text")) for name in usable}


_VALUE_TYPES: Final[Mapping[str, PropertyType]] = {
    "number": "number",
    "bool": "boolean",
    "date": "date",
    "datetime": "date",
    "enumeration": "enumeration",
}


def build_survey(specs: Mapping[str, PropertySpec], custom_kinds: Iterable[str]) -> Model:
    """Return the model; it gives a point for everything."""
    properties = {f"property_{number}": {"when": {name: {"is_known": True}}, "points": 1} for number, name in enumerate(sorted(specs))}
    kinds = {f"kind_{number}": {"event": kind, "points": 1} for number, kind in enumerate((*EVENT_KINDS, *sorted(custom_kinds)))}
    score = {"criteria": {**properties, **kinds, "email": _EMAIL}, "bands": [{"name": "all", "from": 0}]}
    return Model(document=Document.model_validate({"name": "survey", "score": score, "qualification": {"threshold": 1}}), source="survey")


_EMAIL = {"when": {"email": {"domain_in": list(MAIL_LISTS)}}, "points": 1}
