"""The JSON Schema of model files, for editors."""

from __future__ import annotations

from typing import Any

from sync_worker.model.file.schema import Document

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def build_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of model files; config/model.schema.json is a copy."""
    schema = Document.model_json_schema(by_alias=True)
    return {"$schema": _DIALECT, **schema, "title": "Scoring model of sync-worker"}
