"""YAML parser: plain data with the line of every key; aliases, tags, duplicate keys and deep nesting are refused."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

DocumentPath = tuple[str | int, ...]
YamlData = None | bool | int | float | str | list["YamlData"] | dict[str | int, "YamlData"]

_MAX_CHARACTERS: Final = 500_000  # characters; the longest real model has some 20,000
_MAX_DEPTH: Final = 40
_TAG_PREFIX: Final = "tag:yaml.org,2002:"
_BOOLEANS: Final = {"true": True, "false": False}
_TAB_TEXT: Final = r"'\t'"  # part of ruamel's message
_SECOND_DOCUMENT_TEXT: Final = "but found another document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A problem in a file, with its line and key."""

    line: int
    key: str
    message: str

    def render(self, source: str) -> str:
        """Return `file:line: key: message`."""
        return ": ".join(part for part in (f"{source}:{self.line}", self.key, self.message) if part)


@dataclass(slots=True)
class YamlSource:
    """The data of a YAML text, the line of each path, and the problems found."""

    data: YamlData = None
    lines: dict[DocumentPath, int] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def line_at(self, path: DocumentPath) -> int:
        """Return the line of a path, or of its closest parent that the file contains."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def format_path(path: DocumentPath) -> str:
    """Return a path as text: `score.bands[1].from`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def parse_yaml(text: str) -> YamlSource:
    """Parse YAML text; problems are listed in `diagnostics`, never raised."""
    source = YamlSource()
    if len(text) > _MAX_CHARACTERS:
        source.diagnostics.append(Diagnostic(line=1, key="", message=f"the file has more than {_MAX_CHARACTERS} characters"))
        return source
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _SafeComposer
    try:
        node = yaml.compose(text)
    except _UnsupportedYaml as refused:
        source.diagnostics.append(Diagnostic(line=refused.line, key="", message=refused.message))
        return source
    except (MarkedYAMLError, YAMLError) as error:
        source.diagnostics.append(_syntax_diagnostic(error))
        return source
    if node is None:
        source.diagnostics.append(Diagnostic(line=1, key="", message="the file is empty"))
    else:
        source.data = _DataBuilder(source).build(node, ())
    return source


class _UnsupportedYaml(Exception):
    """A feature of YAML that we do not allow."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class _SafeComposer(Composer):
    """Composer that refuses aliases, because a few of them can expand to gigabytes, and deep nesting, because it exhausts the stack."""

    depth = 0

    def compose_node(self, parent: object, index: object) -> Node:
        event = self.parser.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            raise _UnsupportedYaml(line, f"YAML aliases (*{event.anchor}) are not allowed; repeat the value")
        if self.depth > _MAX_DEPTH:
            raise _UnsupportedYaml(line, f"nested deeper than {_MAX_DEPTH} levels")
        self.depth += 1
        self.warn_double_anchors = False  # without aliases, names of anchors have no effect
        node: Node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _syntax_diagnostic(error: Exception) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    message = f"not valid YAML: {'this line is indented with a tab; use spaces' if _TAB_TEXT in problem else problem}"
    if problem == _SECOND_DOCUMENT_TEXT:
        message = "expected one YAML document, found a second one"
    return Diagnostic(line=mark.line + 1 if mark else 1, key="", message=message)


class _DataBuilder:
    """Builds data from YAML nodes and records lines and problems."""

    def __init__(self, source: YamlSource) -> None:
        self.source = source

    def build(self, node: Node, path: DocumentPath) -> YamlData:
        self.source.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            return self._build_mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._build_scalar(node, path)

    def _build_mapping(self, node: MappingNode, path: DocumentPath) -> YamlData:
        found: dict[str | int, YamlData] = {}
        for key_node, value_node in node.value:
            key = self._build_key(key_node, path)
            if key is None:
                continue
            line = key_node.start_mark.line + 1
            if key in found:
                first = self.source.lines[(*path, key)]
                self._report(line, (*path, key), f"duplicate key (first on line {first})")
                continue
            self.source.lines[(*path, key)] = line
            found[key] = self.build(value_node, (*path, key))
        return found

    def _build_key(self, node: Node, path: DocumentPath) -> str | int | None:
        key = self._build_scalar(node, path)
        if isinstance(key, bool) or not isinstance(key, (str, int)):
            self._report(node.start_mark.line + 1, path, f"expected a name as key, not {getattr(node, 'value', key)!r}")
            return None
        return key

    def _build_scalar(self, node: Node, path: DocumentPath) -> bool | int | float | str | None:
        if not isinstance(node, ScalarNode):
            return None
        tag, text = str(node.tag).removeprefix(_TAG_PREFIX), str(node.value)
        if tag in ("str", "timestamp"):  # only the type of the property shows whether the text is a date
            return text
        if tag == "null":
            return None
        if tag == "bool":
            return _BOOLEANS.get(text.lower(), text)
        if tag in ("int", "float"):
            return self._parse_number(text, path, node.start_mark.line + 1)
        self._report(node.start_mark.line + 1, path, f"YAML tags (here {node.tag}) are not allowed")
        return None

    def _parse_number(self, text: str, path: DocumentPath, line: int) -> int | float | str:
        try:
            number = int(text) if text.lstrip("+-").isdigit() else float(text)
        except ValueError:
            return text
        if len(text) > 20 or not math.isfinite(number):
            self._report(line, path, f"number out of range: {text[:30]}")
            return 0
        return number

    def _report(self, line: int, path: DocumentPath, message: str) -> None:
        self.source.diagnostics.append(Diagnostic(line=line, key=format_path(path), message=message))
