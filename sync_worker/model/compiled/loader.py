"""The loader of model files: every error names the file, the line, the key and, if possible, the correct name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sync_worker.errors import ModelError
from sync_worker.model.compiled.lint import find_errors, find_warnings
from sync_worker.model.compiled.model import Model
from sync_worker.model.file import yaml_source as yaml
from sync_worker.model.file.schema import Document
from sync_worker.model.file.suggest import did_you_mean
from sync_worker.model.file.yaml_source import Diagnostic, YamlSource

_MAX_DIAGNOSTICS: Final = 25  # per error message
_QUOTED_PATTERN: Final = re.compile(r"'([^']*)'")
_PYDANTIC_DICTIONARY: Final = re.compile(r"a dictionary( or instance of \w+)?")  # in pydantic's messages
_HINT: Final = "Correct the model file, then run `sync-worker model check`."


def load(path: Path) -> Model:
    """Load a model file.

    Raises:
        ModelError: The file cannot be read or is not valid; the message lists the problems.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}.", hint="Set SYNC_WORKER_MODEL to a model file.") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: is not UTF-8 text (byte {error.start}).", hint="Save the file as UTF-8.") from error
    return loads(text, str(path))


def loads(text: str, source: str) -> Model:
    """Load a model from text; `source` is the name of the file in messages.

    Raises:
        ModelError: The text is not valid; the message lists the problems.
    """
    read = yaml.parse_yaml(text)
    if read.diagnostics:
        raise _build_error(read.diagnostics, source)
    try:
        document = Document.model_validate(read.data)
    except ValidationError as error:
        raise _build_error(_translate_errors(error, read), source) from None
    errors = [Diagnostic(line=read.line_at(path), key=yaml.format_path(path), message=message) for path, message in find_errors(document)]
    if errors:
        raise _build_error(errors, source)
    warnings = (Diagnostic(line=read.line_at(path), key=yaml.format_path(path), message=text) for path, text in find_warnings(document))
    return Model(document=document, source=source, warnings=tuple(warning.render(source) for warning in warnings))


def _build_error(diagnostics: Iterable[Diagnostic], source: str) -> ModelError:
    ordered = sorted(set(diagnostics), key=lambda problem: (problem.line, problem.key))
    lines = [problem.render(source) for problem in ordered[:_MAX_DIAGNOSTICS]]
    if len(ordered) > _MAX_DIAGNOSTICS:
        lines.append(f"... and {len(ordered) - _MAX_DIAGNOSTICS} more")
    return ModelError("\n".join(lines), hint=f"\n{_HINT}")


def _translate_errors(error: ValidationError, yaml_source: YamlSource) -> Iterator[Diagnostic]:
    """Translate pydantic's errors to the terms of the model file, one per path."""
    seen: set[yaml.DocumentPath] = set()
    for details in error.errors(include_url=False):
        path = _locate_path(details, yaml_source)
        if path not in seen:
            seen.add(path)
            yield Diagnostic(line=yaml_source.line_at(path), key=yaml.format_path(path), message=_describe_error(details, path))


def _locate_path(details: ErrorDetails, yaml_source: YamlSource) -> yaml.DocumentPath:
    """Return the path in the file, without the parts that pydantic appends for alternative types."""
    path = tuple(details["loc"])
    if details["type"] == "missing" and path[:-1] in yaml_source.lines:
        return path
    while path and path not in yaml_source.lines:
        path = path[:-1]
    return path


def _describe_error(details: ErrorDetails, key_path: yaml.DocumentPath) -> str:
    kind, wrong = details["type"], details["input"]
    if kind == "missing":
        return "this key is missing"
    if kind == "extra_forbidden":
        allowed = _list_keys_at(key_path[:-1])
        return f"unknown key; expected {_join_names(allowed)}{did_you_mean(str(key_path[-1]), allowed)}"
    if kind == "literal_error":
        allowed = _QUOTED_PATTERN.findall(details["ctx"]["expected"]) or [details["ctx"]["expected"]]
        return f"expected {_join_names(allowed)}, not {wrong!r}{did_you_mean(str(wrong), allowed)}"
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if details["loc"][-1:] == ("[key]",):
        return f"{_abbreviate(wrong)} is not a valid key: {details['msg'].lower()}"
    message = details["msg"].replace("Input should be a valid", "expected a").replace("Input should be", "expected")
    message = _PYDANTIC_DICTIONARY.sub("keys with values", message)
    return f"{message[:1].lower()}{message[1:]}, not {_abbreviate(wrong)}"


def _abbreviate(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, (list, tuple)) else repr(value)[:60]


def _join_names(names: list[str]) -> str:
    return ", ".join(names[:-1]) + (" or " if len(names) > 1 else "") + names[-1] if names else "nothing"


def _list_keys_at(path: yaml.DocumentPath) -> list[str]:
    """Return the keys that are allowed at a path, from the JSON Schema."""
    schema = Document.model_json_schema(by_alias=True)
    nodes = [schema]
    for part in path:
        nodes = [child for node in nodes for child in _child_schemas(node, part, schema)]
    return [name for node in nodes for name in _resolve(node, schema).get("properties", {})]


def _child_schemas(node: Mapping[str, Any], part: str | int, schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
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
    """Follow references; of several alternatives, return the object or list."""
    if "$ref" in node:
        return _resolve(schema["$defs"][node["$ref"].rpartition("/")[2]], schema)
    options = [option for option in node.get("anyOf", ()) if "$ref" in option or option.get("type") in ("object", "array")]
    return _resolve(options[0], schema) if options else node
