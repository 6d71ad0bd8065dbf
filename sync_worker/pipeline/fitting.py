"""Whether a model fits a portal: the properties, options, forms and events that it names and that are not there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.occurrences import kind_of
from sync_worker.hubspot.records import Property
from sync_worker.model import source as yaml
from sync_worker.model.model import Model
from sync_worker.model.nearest import did_you_mean
from sync_worker.model.questions import Question, questions
from sync_worker.model.source import Problem
from sync_worker.model.text import plain

COMPANY = "company."


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a portal has: properties by the name that a model gives them, forms (ids and names), kinds of custom events."""

    properties: Mapping[str, Property]
    forms: frozenset[str]
    events: frozenset[str]


def names(hubspot: HubSpot, model: Model) -> Names:
    """Ask HubSpot for the names that a model may use."""
    properties = dict(hubspot.properties.all("contacts"))
    if model.company_properties:
        properties |= {f"{COMPANY}{name}": definition for name, definition in hubspot.properties.all("companies").items()}
    forms = hubspot.forms.all() if model.forms else ()
    custom = any(kind.startswith("custom:") for kind in model.event_kinds)
    events = hubspot.occurrences.types() if custom and hubspot.occurrences.available() else ()
    return Names(
        properties=properties,
        forms=frozenset(text for form in forms for text in (form.id, form.name)),
        events=frozenset(map(kind_of, events)),
    )


def misfits(model: Model, found: Names) -> list[str]:
    """Return what the model names and the portal lacks, one sentence each with file, line, key and the nearest right name."""
    lines = yaml.read(Path(model.source).read_text(encoding="utf-8-sig")) if Path(model.source).is_file() else yaml.Source()
    problems = {Problem(line=lines.line(path), key=yaml.dotted(path), message=message) for path, message in _problems(model, found)}
    return [problem.said(model.source) for problem in sorted(problems, key=lambda each: (each.line, each.key, each.message))]


def _problems(model: Model, found: Names) -> Iterator[tuple[yaml.Path, str]]:
    for question in questions(model):
        if not question.of_events:
            yield from _property_problems(question, found.properties)
        elif question.subject == "form":
            yield from _unknown(question, found.forms, "the portal has no form {value!r}")
    for line in model.lines:
        kind = line.event
        if found.events and kind and kind.startswith("custom:") and kind not in found.events:
            yield ("score", "criteria", line.key, "event"), f"the portal has no event {kind!r}{did_you_mean(kind, found.events)}"


def _property_problems(question: Question, properties: Mapping[str, Property]) -> Iterator[tuple[yaml.Path, str]]:
    definition = properties.get(question.subject)
    if definition is None:
        yield question.path, f"the portal has no property {question.subject!r}{did_you_mean(question.subject, properties)}"
    elif definition.options:
        options = [option.value for option in definition.options]
        yield from _unknown(question, options, f"{definition.name} has no option {{value!r}} in the portal")


def _unknown(question: Question, right: Collection[str], said: str) -> Iterator[tuple[yaml.Path, str]]:
    known = {plain(name) for name in right}
    for operator, value in question.compared:
        if plain(value) not in known:
            yield (*question.path, operator), f"{said.format(value=value)}{did_you_mean(value, right)}"
