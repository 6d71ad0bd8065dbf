"""YAML text as plain data, with the line of every key; whatever could surprise a reader is refused."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Path = tuple[str | int, ...]
Data = None | bool | int | float | str | list["Data"] | dict[str | int, "Data"]

_LARGEST: Final = 500_000  # characters; the longest real model has some 20,000
_DEEPEST: Final = 40
_PREFIX: Final = "tag:yaml.org,2002:"
_BOOLEANS: Final = {"true": True, "false": False}
_TAB: Final = r"'\t'"  # so the reader's complaints name it
_ANOTHER: Final = "but found another document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong at one place of a model file."""

    line: int
    key: str
    message: str

    def said(self, source: str) -> str:
        """Return `file:line: key: what is wrong`."""
        return ": ".join(part for part in (f"{source}:{self.line}", self.key, self.message) if part)


@dataclass(slots=True)
class Source:
    """The data of a YAML text, the line of each path in it, and what is wrong with it as YAML."""

    data: Data = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest part above it that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def dotted(path: Path) -> str:
    """Return a path as people write it: `score.bands[1].from`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read(text: str) -> Source:
    """Read YAML text; problems are listed, never raised."""
    source = Source()
    if len(text) > _LARGEST:
        source.problems.append(Problem(line=1, key="", message=f"the file has more than {_LARGEST} characters"))
        return source
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    try:
        node = yaml.compose(text)
    except _Refused as refused:
        source.problems.append(Problem(line=refused.line, key="", message=refused.message))
        return source
    except (MarkedYAMLError, YAMLError) as error:
        source.problems.append(_syntax_problem(error))
        return source
    if node is None:
        source.problems.append(Problem(line=1, key="", message="the file is empty, expected a model"))
    else:
        source.data = _Builder(source).build(node, ())
    return source


class _Refused(Exception):
    """YAML allows it, and a model file does not."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class _Composer(Composer):
    """Refuses aliases, a few of which can unfold into gigabytes, and what is nested so deep that nobody has written it."""

    deep = 0

    def compose_node(self, parent: object, index: object) -> Node:
        event = self.parser.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            raise _Refused(line, f"YAML aliases (*{event.anchor}) are not allowed: write the value out")
        if self.deep > _DEEPEST:
            raise _Refused(line, f"nested deeper than {_DEEPEST} levels")
        self.deep += 1
        self.warn_double_anchors = False  # what an anchor is called matters to aliases alone
        node: Node = super().compose_node(parent, index)
        self.deep -= 1
        return node


def _syntax_problem(error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or str(error).splitlines()[0]
    message = f"this is no valid YAML: {'a tab indents this line; YAML wants spaces' if _TAB in said else said}"
    if said == _ANOTHER:
        message = "expected one YAML document, found a second one"
    return Problem(line=mark.line + 1 if mark else 1, key="", message=message)


class _Builder:
    """Turns YAML nodes into data and notes lines and problems on the way."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def build(self, node: Node, path: Path) -> Data:
        self.source.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> Data:
        found: dict[str | int, Data] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            line = key_node.start_mark.line + 1
            if key in found:
                first = self.source.lines[(*path, key)]
                self._problem(line, (*path, key), f"this key stands here a second time (first on line {first})")
                continue
            self.source.lines[(*path, key)] = line
            found[key] = self.build(value_node, (*path, key))
        return found

    def _key(self, node: Node, path: Path) -> str | int | None:
        key = self._scalar(node, path)
        if isinstance(key, bool) or not isinstance(key, (str, int)):
            self._problem(node.start_mark.line + 1, path, f"expected a name as key, not {getattr(node, 'value', key)!r}")
            return None
        return key

    def _scalar(self, node: Node, path: Path) -> bool | int | float | str | None:
        if not isinstance(node, ScalarNode):
            return None
        tag, text = str(node.tag).removeprefix(_PREFIX), str(node.value)
        if tag in ("str", "timestamp"):  # a date is text until the property that it is compared with is known
            return text
        if tag == "null":
            return None
        if tag == "bool":
            return _BOOLEANS.get(text.lower(), text)
        if tag in ("int", "float"):
            return self._number(text, path, node.start_mark.line + 1)
        self._problem(node.start_mark.line + 1, path, f"YAML tags (here {node.tag}) are not allowed")
        return None

    def _number(self, text: str, path: Path, line: int) -> int | float | str:
        try:
            number = int(text) if text.lstrip("+-").isdigit() else float(text)
        except ValueError:
            return text
        if len(text) > 20 or not math.isfinite(number):
            self._problem(line, path, f"expected a number of reasonable size, not {text[:30]}")
            return 0
        return number

    def _problem(self, line: int, path: Path, message: str) -> None:
        self.source.problems.append(Problem(line=line, key=dotted(path), message=message))
