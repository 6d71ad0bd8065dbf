"""The JSON Schema of model files, for editors."""

from __future__ import annotations

from typing import Any

from sync_worker.model.file.schema import Document

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def build_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of model files; config/model.schema.json is a copy."""
    schema = Document.model_json_schema(by_alias=True)
    _refuse_other_names(schema)
    return {"$schema": _DIALECT, **schema, "title": "Scoring model of sync-worker"}


def _refuse_other_names(node: object) -> None:
    """Refuse names that match no pattern: pydantic lists the patterns, but allows any other name."""
    if isinstance(node, dict):
        if "patternProperties" in node:
            node["additionalProperties"] = False
        for part in node.values():
            _refuse_other_names(part)
    elif isinstance(node, list):
        for part in node:
            _refuse_other_names(part)
