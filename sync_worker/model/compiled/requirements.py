"""Requirements of a model: the properties, options and forms that a portal must have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sync_worker.model.compiled.model import Model
from sync_worker.model.file.conditions import Condition, operand_values, to_hubspot_text
from sync_worker.model.file.schema import CRITERION_GROUPS
from sync_worker.model.file.yaml_source import DocumentPath
from sync_worker.model.lookup.standard_properties import ValueType

_EQUALITY_OPERATORS: Final = ("is", "is_not", "in", "not_in")


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyRequirement:
    """A property of contacts, companies (`company.<name>`) or events in a condition."""

    path: DocumentPath  # in the model file, such as score, criteria, careers, where, url
    property_name: str
    type: ValueType
    on_events: bool
    comparisons: tuple[tuple[str, str], ...]  # operator and value, if the whole value is compared: options, forms

    @property
    def values(self) -> tuple[str, ...]:
        """Return the compared values."""
        return tuple(value for _, value in self.comparisons)


def find_requirements(model: Model) -> tuple[PropertyRequirement, ...]:
    """Return the requirements of the enabled criteria and rules, in the order of the file."""
    return tuple(_iter_requirements(model))


def _iter_requirements(model: Model) -> Iterator[PropertyRequirement]:
    for group in CRITERION_GROUPS:
        for key, member in model.document.members(group).items():
            for name in ("when", "where"):
                condition = getattr(member, name, None)
                if condition is not None and member.enabled:
                    yield from _condition_requirements(condition, (*group, key, name), model, on_events=name == "where")


def _condition_requirements(condition: Condition, path: DocumentPath, model: Model, *, on_events: bool) -> Iterator[PropertyRequirement]:
    for subject, test in condition.tests.items():
        compared = ((operator, operand) for operator, operand in test.operators.items() if operator in _EQUALITY_OPERATORS)
        yield PropertyRequirement(
            path=(*path, subject),
            property_name=subject,
            type="text" if on_events else model.property_spec(subject).type,
            on_events=on_events,
            comparisons=tuple((operator, to_hubspot_text(value)) for operator, operand in compared for value in operand_values(operand)),
        )
    for name, index, part in condition.subconditions:
        yield from _condition_requirements(part, (*path, name, index), model, on_events=on_events)
    if condition.not_:
        yield from _condition_requirements(condition.not_, (*path, "not"), model, on_events=on_events)
