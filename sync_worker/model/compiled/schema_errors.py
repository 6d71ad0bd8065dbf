"""Pydantic's errors in the terms of the model file: place, key, and the correction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sync_worker.model.file.schema import Document
from sync_worker.model.file.suggest import did_you_mean
from sync_worker.model.file.yaml_source import Diagnostic, DocumentPath, YamlSource

_QUOTED_PATTERN: Final = re.compile(r"'([^']*)'")
_PYDANTIC_DICTIONARY: Final = re.compile(r"a dictionary( or instance of \w+)?")  # in pydantic's messages
_KEY_RULE: Final = "a key is a short name of lower-case letters, digits and _, and starts with a letter"


def describe_errors(error: ValidationError, yaml_source: YamlSource, *, limit: int) -> tuple[list[Diagnostic], int]:
    """Return the first errors by place, one per path, and the number of all; only these are described, because that takes time."""
    by_path: dict[DocumentPath, ErrorDetails] = {}
    for details in error.errors(include_url=False):
        by_path.setdefault(_locate_path(details, yaml_source), details)
    first = sorted(by_path, key=yaml_source.place_at)[:limit]
    return [yaml_source.diagnose(path, _describe_error(by_path[path], path)) for path in first], len(by_path)


def _locate_path(details: ErrorDetails, yaml_source: YamlSource) -> DocumentPath:
    """Return the path in the file, without the parts that pydantic appends for alternative types."""
    path = tuple(details["loc"])
    if details["type"] == "missing" and path[:-1] in yaml_source.places:
        return path
    while path and path not in yaml_source.places:
        path = path[:-1]
    return path


def _describe_error(details: ErrorDetails, key_path: DocumentPath) -> str:
    kind, wrong = details["type"], details["input"]
    if kind == "missing":
        return "this key is missing"
    if kind == "extra_forbidden":
        allowed = _list_keys_at(key_path[:-1])
        return f"unknown key; expected {_join_names(allowed)}{did_you_mean(str(key_path[-1]), allowed)}"
    if kind == "literal_error":
        allowed = _QUOTED_PATTERN.findall(details["ctx"]["expected"]) or [details["ctx"]["expected"]]
        return f"expected {_join_names(allowed)}, not {wrong!r}{did_you_mean(str(wrong), allowed)}"
    if details["loc"][-1:] == ("[key]",):
        return f"{_KEY_RULE}, such as {_propose_key(str(wrong))}"
    return str(details["ctx"]["error"]) if kind == "value_error" else _describe_type_error(details["msg"], wrong)


def _describe_type_error(pydantic_message: str, wrong: object) -> str:
    message = pydantic_message.replace("Input should be a valid", "expected a").replace("Input should be", "expected")
    message = _PYDANTIC_DICTIONARY.sub("keys with values", message)
    if wrong is None:
        return f"{message[:1].lower()}{message[1:]}, but nothing follows; indent the lines that belong to this key"
    return f"{message[:1].lower()}{message[1:]}, not {_abbreviate(wrong)}"


def _propose_key(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:60]
    return name if name[:1].isalpha() else f"c_{name}".rstrip("_")


def _abbreviate(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, (list, tuple)) else repr(value)[:60]


def _join_names(names: list[str]) -> str:
    return ", ".join(names[:-1]) + (" or " if len(names) > 1 else "") + names[-1] if names else "nothing"


@cache
def _load_schema() -> Mapping[str, Any]:
    return Document.model_json_schema(by_alias=True)


def _list_keys_at(path: DocumentPath) -> list[str]:
    """Return the keys that are allowed at a path, from the JSON Schema."""
    schema = _load_schema()
    nodes: list[Mapping[str, Any]] = [schema]
    for part in path:
        nodes = [child for node in nodes for child in _child_schemas(node, part, schema)]
    return [name for node in nodes for name in _resolve(node, schema).get("properties", {})]


def _child_schemas(node: Mapping[str, Any], part: str | int, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    target = _resolve(node, schema)
    if part in target.get("properties", {}):
        found = target["properties"][part]
    else:
        found = target.get("items") if isinstance(part, int) else _wildcard_schema(target)
    if isinstance(found, dict):
        yield found


def _wildcard_schema(schema: Mapping[str, Any]) -> object:
    return next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))


def _resolve(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references; of several alternatives, return the object, or else the list."""
    if "$ref" in node:
        return _resolve(schema["$defs"][node["$ref"].rpartition("/")[2]], schema)
    options = [_resolve(option, schema) for option in node.get("anyOf", ())]
    for kind in ("object", "array"):
        if found := next((option for option in options if option.get("type") == kind), None):
            return found
    return node
