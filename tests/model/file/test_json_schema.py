"""The JSON Schema of model files."""

from __future__ import annotations

import json
from pathlib import Path

from sync_worker.model.file.json_schema import build_json_schema

SHIPPED_SCHEMA = Path(__file__).parents[3] / "config" / "model.schema.json"


def test_the_shipped_schema_matches_the_code() -> None:
    assert json.loads(SHIPPED_SCHEMA.read_text(encoding="utf-8")) == build_json_schema()


def test_the_schema_has_the_keys_of_the_file() -> None:
    definitions = build_json_schema()["$defs"]
    assert {"is", "in", "contains_any", "country_in", "seniority_at_least"} <= definitions["Test"]["properties"].keys()
    assert definitions["Band"]["required"] == ["name", "from"]
    assert {"all", "any", "not", "first_known"} == definitions["Condition"]["properties"].keys()
