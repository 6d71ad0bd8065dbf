"""YAML parser: plain data with the place of every key; aliases, tags, duplicate keys and deep nesting are refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sync_worker.model.file.yaml_mistakes import Mistake, Place, describe_alias, describe_error, find_grouped_number, place_of

DocumentPath = tuple[str | int, ...]
YamlData = None | bool | int | float | str | list["YamlData"] | dict[str | int, "YamlData"]

_MAX_CHARACTERS: Final = 500_000  # characters; the longest real model has some 20,000
_MAX_DEPTH: Final = 40
_TAG_PREFIX: Final = "tag:yaml.org,2002:"
_BOOLEANS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A problem in a file, with its place and key."""

    place: Place
    key: str
    message: str

    def render(self, source: str) -> str:
        """Return `file:line:column: key: message`."""
        return ": ".join(part for part in (f"{source}:{self.place.line}:{self.place.column}", self.key, self.message) if part)


@dataclass(slots=True)
class YamlSource:
    """The data of a YAML text, the place of each path, and the problems found."""

    data: YamlData = None
    places: dict[DocumentPath, Place] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def diagnose(self, path: DocumentPath, message: str) -> Diagnostic:
        """Return a problem at a path, or at its closest parent that the file contains."""
        return Diagnostic(place=self.place_at(path), key=format_path(path), message=message)

    def place_at(self, path: DocumentPath) -> Place:
        """Return the place of a path, or of its closest parent that the file contains."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(1, 1))


def format_path(path: DocumentPath) -> str:
    """Return a path as text: `score.bands[1].from`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def parse_yaml(text: str) -> YamlSource:
    """Parse YAML text; problems are listed in `diagnostics`, never raised."""
    source = YamlSource()
    if len(text) > _MAX_CHARACTERS:
        source.diagnostics.append(source.diagnose((), f"the file has more than {_MAX_CHARACTERS} characters"))
        return source
    lines = text.splitlines()
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _SafeComposer
    try:
        node = yaml.compose(text)
    except _UnsupportedYaml as refused:
        source.diagnostics.append(Diagnostic(place=refused.place, key="", message=refused.describe(lines)))
        return source
    except YAMLError as error:
        mistake = describe_error(error, lines)
        source.diagnostics.append(Diagnostic(place=mistake.place, key="", message=mistake.message))
        return source
    if node is None:
        source.diagnostics.append(source.diagnose((), "the file is empty"))
    else:
        source.data = _DataBuilder(source, lines).build(node, ())
    return source


class _UnsupportedYaml(Exception):
    """A feature of YAML that we do not allow."""

    def __init__(self, place: Place, *, alias: str | None = None) -> None:
        super().__init__()
        self.place = place
        self.alias = alias

    def describe(self, lines: Sequence[str]) -> str:
        """Return the message; `lines` are those of the file."""
        return f"nested deeper than {_MAX_DEPTH} levels" if self.alias is None else describe_alias(self.alias, self.place, lines)


class _SafeComposer(Composer):
    """Composer that refuses aliases, because a few of them can expand to gigabytes, and deep nesting, because it exhausts the stack."""

    depth = 0

    def compose_node(self, parent: object, index: object) -> Node:
        event = self.parser.peek_event()
        if isinstance(event, AliasEvent):
            raise _UnsupportedYaml(place_of(event.start_mark), alias=str(event.anchor))
        if self.depth > _MAX_DEPTH:
            raise _UnsupportedYaml(place_of(event.start_mark))
        self.depth += 1
        self.warn_double_anchors = False  # without aliases, names of anchors have no effect
        node: Node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _DataBuilder:
    """Builds data from YAML nodes and records places and problems."""

    def __init__(self, source: YamlSource, lines: Sequence[str]) -> None:
        self.source = source
        self.lines = lines

    def build(self, node: Node, path: DocumentPath) -> YamlData:
        self.source.places.setdefault(path, place_of(node.start_mark))
        if isinstance(node, MappingNode):
            return self._build_mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._build_scalar(node, path)

    def _build_mapping(self, node: MappingNode, path: DocumentPath) -> YamlData:
        found: dict[str | int, YamlData] = {}
        for key_node, value_node in node.value:
            place = place_of(key_node.start_mark)
            if number := self._find_split_number(key_node, value_node):
                self._report(number.place, path, number.message)
                continue
            key = self._build_key(key_node, path)
            if key is None:
                continue
            if key in found:
                first = self.source.places[(*path, key)].line
                self._report(place, (*path, key), f"duplicate key (first on line {first})")
                continue
            self.source.places[(*path, key)] = place
            found[key] = self.build(value_node, (*path, key))
        return found

    def _find_split_number(self, key: Node, value: Node) -> Mistake | None:
        """Return the mistake if a key is the rest of a number: in braces, `at_least: 5,000` is 5 and the key 000 without a value."""
        if str(key.value).isdecimal() and value.value == "":
            return find_grouped_number(place_of(key.start_mark), self.lines)
        return None

    def _build_key(self, node: Node, path: DocumentPath) -> str | int | None:
        key = self._build_scalar(node, path)
        if isinstance(key, bool) or not isinstance(key, (str, int)):
            self._report(place_of(node.start_mark), path, f"expected a name as key, not {getattr(node, 'value', key)!r}")
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
            return self._parse_number(text, path, place_of(node.start_mark))
        self._report(place_of(node.start_mark), path, f"YAML tags (here {node.tag}) are not allowed")
        return None

    def _parse_number(self, text: str, path: DocumentPath, place: Place) -> int | float | str:
        try:
            number = int(text) if text.lstrip("+-").isdigit() else float(text)
        except ValueError:
            return text
        if len(text) > 20 or not math.isfinite(number):
            self._report(place, path, f"number out of range: {text[:30]}")
            return 0
        return number

    def _report(self, place: Place, path: DocumentPath, message: str) -> None:
        self.source.diagnostics.append(Diagnostic(place=place, key=format_path(path), message=message))
