"""What a model asks of a portal, so that somebody can look whether the portal has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sync_worker.model.compiled.condition_lint import as_text
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.conditions import Condition, operands
from sync_worker.model.file.schema import GROUPS
from sync_worker.model.file.yaml_source import Path, dotted
from sync_worker.model.lookup.hubspot_properties import SubjectType

_EQUAL: Final = ("is", "is_not", "in", "not_in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A property of contacts, of companies (`company.<name>`) or of events that a condition asks about."""

    path: Path  # in the model file, such as score, criteria, careers, where, url
    subject: str
    type: SubjectType
    of_events: bool
    compared: tuple[tuple[str, str], ...]  # operator and value, where values are compared as a whole: options of an enumeration, forms

    @property
    def place(self) -> str:
        """Return the path as people write it: `score.criteria.careers.where.url`."""
        return dotted(self.path)

    @property
    def values(self) -> tuple[str, ...]:
        """Return the values alone."""
        return tuple(value for _, value in self.compared)


def questions(model: Model) -> tuple[Question, ...]:
    """Return everything that the enabled criteria and rules of a model ask, in the order of the file."""
    return tuple(_questions(model))


def _questions(model: Model) -> Iterator[Question]:
    for group in GROUPS:
        for key, member in model.document.members(group).items():
            for name in ("when", "where"):
                condition = getattr(member, name, None)
                if condition is not None and member.enabled:
                    yield from _asked(condition, (*group, key, name), model, of_events=name == "where")


def _asked(condition: Condition, path: Path, model: Model, *, of_events: bool) -> Iterator[Question]:
    for subject, test in condition.tests.items():
        compared = ((operator, operand) for operator, operand in test.operators.items() if operator in _EQUAL)
        yield Question(
            path=(*path, subject),
            subject=subject,
            type="text" if of_events else model.subject(subject).type,
            of_events=of_events,
            compared=tuple((operator, as_text(value)) for operator, operand in compared for value in operands(operand)),
        )
    for name, index, part in condition.parts:
        yield from _asked(part, (*path, name, index), model, of_events=of_events)
    if condition.not_:
        yield from _asked(condition.not_, (*path, "not"), model, of_events=of_events)
