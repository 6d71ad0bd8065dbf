"""The JSON Schema of model files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sync_worker.errors import ModelError
from sync_worker.model.compiled.loader import loads
from sync_worker.model.file.json_schema import build_json_schema
from sync_worker.model.file.yaml_source import parse_yaml

CONFIG = Path(__file__).parents[3] / "config"
SHIPPED_SCHEMA = Path(__file__).parents[3] / "config" / "model.schema.json"


def test_the_shipped_schema_matches_the_code() -> None:
    assert json.loads(SHIPPED_SCHEMA.read_text(encoding="utf-8")) == build_json_schema()


def test_the_schema_has_the_keys_of_the_file() -> None:
    definitions = build_json_schema()["$defs"]
    assert {"is", "in", "contains_any", "country_in", "seniority_at_least"} <= definitions["Test"]["anyOf"][-1]["properties"].keys()
    assert definitions["Band"]["required"] == ["name", "from"]
    assert {"all", "any", "not", "first_known"} == definitions["Condition"]["properties"].keys()


MODEL = """
name: test
properties: {plan: {type: enumeration, options: [a, b]}}
score:
  criteria:
    clicks: {event: email_click, points: 3}
  bands: [{name: nurture, from: 0}]
qualification: {threshold: 3}
"""


def validation_errors(text: str) -> list[str]:
    """Return the errors that an editor shows for a model file; the keys of JSON are texts."""
    data = json.loads(json.dumps(parse_yaml(text).data))
    return [error.message for error in jsonschema.Draft202012Validator(build_json_schema()).iter_errors(data)]


@pytest.mark.parametrize("path", sorted([CONFIG / "model.yaml", *(CONFIG / "presets").glob("*.yaml")]), ids=lambda path: path.name)
def test_the_schema_accepts_every_shipped_model(path: Path) -> None:
    assert validation_errors(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("event: email_click", "when: {hs_email_optout: true}"),
        ("event: email_click", "when: {hs_email_click: 3}"),
        ("event: email_click", "when: {jobtitle: [cto, ceo]}"),
        ("event: email_click", "when: {jobtitle: {contains_any: cto}}"),
        ("event: email_click", "when: {email: {domain_in: free_mail}}"),
        ("event: email_click", "when: {subscribed_to: Newsletter}"),
        ("event: email_click", "when: {unsubscribed_from: [Newsletter, Product news]}"),
        ("event: email_click", "when: {any: {jobtitle: cto}}"),
        ("event: email_click", "when: {any: [{country: {country_in: [DE, Austria]}}, {not: {email: {domain_in: free_mail}}}]}"),
        ("event: email_click", "when: {hs_email_click: {between: [1, 3]}}"),
        ("event: email_click", "event: custom:pe1_login"),
        ("points: 3", "where: {url: {matches: /pricing/*}}, each: 2, at_most: 10, within: 2 weeks"),
        ("points: 3", "tiers: {1: 1, 3: 2.5}"),
        ("points: 3", "importance: high, points: null"),
        ("  bands", "  degradation: {lose: 10%, floor: 12.345678 %}\n  bands"),
        ("  bands", "  degradation: {lose: 3 points}\n  bands"),
        ("plan: {type: enumeration, options: [a, b]}", "plan: text, company.seats: number"),
        ("plan: {type: enumeration, options: [a, b]}", "plan: {type: enumeration, options: a}"),
        ("name: test", "name: test\ndomains: {academic: {add: uni.example, except: [alumni.uni.example]}}"),
        ("name: test", "name: test\nsignals: {downloads: {urls: '*.pdf'}, campaign_touches: {campaigns: spring*}}"),
        ("name: test", "name: test\nmachine_clicks: {after_send: null, user_agents: null}"),
    ],
)
def test_the_schema_accepts_every_short_form_that_the_loader_accepts(before: str, after: str) -> None:
    assert before in MODEL
    text = MODEL.replace(before, after, 1)
    loads(text, "model.yaml")
    assert validation_errors(text) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("event: email_click", "evnt: email_click"),
        ("event: email_click", "event: email_clik"),
        ("event: email_click", "when: {jobtitle: {contain_any: cto}}"),
        ("event: email_click", "when: {jobtitle: {contains_any: []}}"),
        ("points: 3", "points: much"),
        ("clicks: {", "Email Clicks: {"),
        ("type: enumeration", "type: color"),
    ],
)
def test_the_schema_and_the_loader_refuse_the_same_mistakes(before: str, after: str) -> None:
    assert before in MODEL
    text = MODEL.replace(before, after, 1)
    with pytest.raises(ModelError):
        loads(text, "model.yaml")
    assert validation_errors(text)


def test_every_key_has_a_description() -> None:
    schema = build_json_schema()
    assert [name for name, key in iter_keys(schema) if not (find_definition(key, schema) | key).get("description")] == []


def iter_keys(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key that a model file may have."""
    if isinstance(node, list):
        for part in node:
            yield from iter_keys(part, path)
    elif isinstance(node, dict):
        if node.get("type") == "object":
            yield from ((f"{path}.{name}", key) for name, key in node.get("properties", {}).items())
        for name, part in node.items():
            yield from iter_keys(part, f"{path}/{name}")


def find_definition(key: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"][key["$ref"].rpartition("/")[2]] if "$ref" in key else {}
    return found
