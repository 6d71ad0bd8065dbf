"""The suggested model as a file: the current file with other criteria, bands, threshold and grade; the other parts stay as they are."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from sync_worker.insight.suggest.whole_points import SuggestedCriterion
from sync_worker.model.compiled.loader import loads
from sync_worker.model.compiled.model import Model

NO_DEGRADATION: Final = {"kind": "none"}
_START: Final = """yaml-language-server: $schema=model.schema.json

A model that `sync-worker suggest` proposed. Check each line, and run `model check` and `report` before it is approved.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """The threshold of an MQL by score, and the lower bound of each band by name."""

    threshold: int
    bands: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedGrade:
    """The criteria of a grade with their thirds, and the lowest grade of an MQL by score."""

    criteria: Sequence[SuggestedCriterion]  # the points are thirds
    at_least: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDraft:
    """The parts of a suggested model. `grade`: None removes the grade, "current" keeps it; `degrades` keeps the degradation."""

    text: str  # the current model file
    criteria: Sequence[SuggestedCriterion]
    properties: Mapping[str, str]  # types of the custom properties that the file does not declare; those of the criteria are added to it
    cuts: Cuts
    degrades: bool = True
    grade: SuggestedGrade | str | None = "current"

    def render(self) -> str:
        """Return the model file."""
        yaml = YAML()
        yaml.width, yaml.preserve_quotes = 150, True
        yaml.indent(mapping=2, sequence=4, offset=2)
        data = yaml.load(self.text)
        language = str(data.get("language", "en"))
        if new := {name: kind for name, kind in self.properties.items() if name in self._sources}:
            data.setdefault("properties", CommentedMap()).update(new)
        score, qualification = data["score"], data["qualification"]
        score["criteria"] = _to_nodes({each.candidate.key: each.body(language) for each in self.criteria})
        score["bands"] = _to_nodes([{"name": name, "from": at} for name, at in self.cuts.bands.items()])
        if not self.degrades:
            score["degradation"] = _to_nodes(NO_DEGRADATION)
        qualification["threshold"] = self.cuts.threshold
        qualification.pop("leave_below", None)  # the default follows the threshold
        if self.grade != "current":
            self._write_grade(data, language)
        data.yaml_set_start_comment(_START)  # the old one describes the old criteria
        output = io.StringIO()
        yaml.dump(data, output)
        return output.getvalue()

    @property
    def _sources(self) -> frozenset[str]:
        graded = self.grade.criteria if isinstance(self.grade, SuggestedGrade) else ()
        return frozenset(each.candidate.source for each in (*self.criteria, *graded))

    def _write_grade(self, data: Any, language: str) -> None:  # noqa: ANN401 -- a YAML document
        for name in ("grade_at_least", "known_at_least", "incomplete_grade"):
            data["qualification"].pop(name, None)
        data.pop("grade", None)
        if isinstance(self.grade, SuggestedGrade):
            bodies = {each.candidate.key: each.body(language) for each in self.grade.criteria}
            criteria = {key: {**{k: v for k, v in body.items() if k != "points"}, "thirds": body["points"]} for key, body in bodies.items()}
            data["grade"] = _to_nodes({"start": "D", "criteria": criteria})
            data["qualification"]["grade_at_least"] = self.grade.at_least

    def build(self, source: str) -> Model:
        """Return the model, loaded and checked as any model file; raises ModelError."""
        return loads(self.render(), source)


def _to_nodes(value: object) -> object:
    """Return plain data as YAML nodes, conditions and tiers on one line."""
    if isinstance(value, Mapping):
        node = CommentedMap({key: _to_nodes(part) for key, part in value.items()})
        if not any(
            isinstance(part, Mapping) and any(isinstance(deep, (Mapping, list)) for deep in part.values()) for part in value.values()
        ):
            node.fa.set_flow_style() if not any(isinstance(part, Mapping) for part in value.values()) else node.fa.set_block_style()
        return node
    if isinstance(value, list | tuple):
        sequence = CommentedSeq([_to_nodes(part) for part in value])
        sequence.fa.set_flow_style() if not any(isinstance(part, Mapping) for part in value) else sequence.fa.set_block_style()
        return sequence
    return value
