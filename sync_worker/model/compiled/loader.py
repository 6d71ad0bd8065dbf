"""A model file as a Model; every error has its file and line, the key, and the nearest right one."""

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

_MAX_DIAGNOSTICS: Final = 25  # problems shown at once
_QUOTED_PATTERN: Final = re.compile(r"'([^']*)'")
_PYDANTIC_DICTIONARY: Final = re.compile(r"a dictionary( or instance of \w+)?")  # pydantic's words
_HINT: Final = "Correct the model file, then say `sync-worker model check`."


def load(path: Path) -> Model:
    """Read a model file.

    Raises:
        ModelError: The file cannot be read or used; the message lists every problem that was found.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}.", hint="Name a model file with SYNC_WORKER_MODEL.") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: is no UTF-8 text (byte {error.start}).", hint="Save the file as UTF-8.") from error
    return loads(text, str(path))


def loads(text: str, source: str) -> Model:
    """Read the text of a model file; `source` stands for its name in messages.

    Raises:
        ModelError: The text cannot be used; the message lists every problem that was found.
    """
    read = yaml.parse_yaml(text)
    if read.diagnostics:
        raise _build_error(read.diagnostics, source)
    try:
        document = Document.model_validate(read.data)
    except ValidationError as error:
        raise _build_error(_translate_errors(error, read), source) from None
    found = [Diagnostic(line=read.line_at(path), key=yaml.format_path(path), message=message) for path, message in find_errors(document)]
    if found:
        raise _build_error(found, source)
    said = (Diagnostic(line=read.line_at(path), key=yaml.format_path(path), message=message) for path, message in find_warnings(document))
    return Model(document=document, source=source, warnings=tuple(problem.render(source) for problem in said))


def _build_error(diagnostics: Iterable[Diagnostic], source: str) -> ModelError:
    ordered = sorted(set(diagnostics), key=lambda problem: (problem.line, problem.key))
    lines = [problem.render(source) for problem in ordered[:_MAX_DIAGNOSTICS]]
    if len(ordered) > _MAX_DIAGNOSTICS:
        lines.append(f"... and {len(ordered) - _MAX_DIAGNOSTICS} more")
    return ModelError("\n".join(lines), hint=f"\n{_HINT}")


def _translate_errors(error: ValidationError, yaml_source: YamlSource) -> Iterator[Diagnostic]:
    """Say what pydantic found in the words of the model file, once a place."""
    seen: set[yaml.DocumentPath] = set()
    for details in error.errors(include_url=False):
        path = _locate_path(details, yaml_source)
        if path not in seen:
            seen.add(path)
            yield Diagnostic(line=yaml_source.line_at(path), key=yaml.format_path(path), message=_describe_error(details, path))


def _locate_path(details: ErrorDetails, yaml_source: YamlSource) -> yaml.DocumentPath:
    """Return the path in the file: pydantic's location ends with parts of its own where several types are allowed."""
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
        return f"{_abbreviate(wrong)} cannot stand as key here: {details['msg'].lower()}"
    said = details["msg"].replace("Input should be a valid", "expected a").replace("Input should be", "expected")
    said = _PYDANTIC_DICTIONARY.sub("keys with values", said)
    return f"{said[:1].lower()}{said[1:]}, not {_abbreviate(wrong)}"


def _abbreviate(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, (list, tuple)) else repr(value)[:60]


def _join_names(names: list[str]) -> str:
    return ", ".join(names[:-1]) + (" or " if len(names) > 1 else "") + names[-1] if names else "nothing"


def _list_keys_at(path: yaml.DocumentPath) -> list[str]:
    """Return the keys that may stand at a place, from the JSON Schema of the document."""
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
    """Follow references, and of alternatives the one that is an object or a list."""
    if "$ref" in node:
        return _resolve(schema["$defs"][node["$ref"].rpartition("/")[2]], schema)
    options = [option for option in node.get("anyOf", ()) if "$ref" in option or option.get("type") in ("object", "array")]
    return _resolve(options[0], schema) if options else node
