"""Paths into a JSON document, such as `results[0].properties.email`, for the fault `edit`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Step = str | int | slice
_STEP_PATTERN = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[(?P<index>-?\d+)\]|\[(?P<start>-?\d*):(?P<stop>-?\d*)\]|\[(?P<each>\*)\]")


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path of names and indexes; `[*]` and `.*` match every element, `[1:]` a slice, `[-1]` the last element."""

    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> JsonPath:
        """Return the path of a text.

        Raises:
            ValueError: the text is not a path.
        """
        steps: list[Step] = []
        at = 0
        while at < len(text):
            found = _STEP_PATTERN.match(text, at)
            if found is None:
                raise ValueError(f"{text!r} is not a JSON path")
            steps.append(_parse_step(found))
            at = found.end()
        if not steps:
            raise ValueError("a JSON path has at least one name or index")
        return cls(tuple(steps))

    def set(self, document: Any, value: object) -> None:  # noqa: ANN401 -- any JSON document
        """Set the matching elements; a missing key of an object is added."""
        for container, key in self._find_elements(document):
            container[key] = deepcopy(value)

    def remove(self, document: Any) -> None:  # noqa: ANN401
        """Remove the matching elements."""
        for container, key in reversed(list(self._find_elements(document))):
            if not isinstance(container, dict) or key in container:
                del container[key]

    def _find_elements(self, document: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
        """Yield the container and the key of each matching element."""
        nodes = [document]
        for step in self.steps[:-1]:
            nodes = [node[key] for node in nodes for key in _find_keys(node, step) if not isinstance(node, dict) or key in node]
        return ((node, key) for node in nodes for key in _find_keys(node, self.steps[-1]))


def _parse_step(found: re.Match[str]) -> Step:
    if found["name"] is not None:
        return found["name"]
    if found["index"] is not None:
        return int(found["index"])
    if found["each"] is not None:
        return slice(None)
    return slice(*(int(text) if text else None for text in (found["start"], found["stop"])))


def _find_keys(node: Any, step: Step) -> list[Any]:  # noqa: ANN401
    if isinstance(node, dict):
        return list(node) if step == "*" else [step] if isinstance(step, str) else []
    if not isinstance(node, list):
        return []
    positions = list(range(len(node)))
    if isinstance(step, slice) or step == "*":
        return positions[step] if isinstance(step, slice) else positions
    return positions[step:][:1] if isinstance(step, int) and -len(node) <= step < len(node) else []
