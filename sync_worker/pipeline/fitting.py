"""Whether a model fits a portal: the properties, options, forms and events that it names and that are not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.occurrences import kind_of
from sync_worker.hubspot.records import Property
from sync_worker.model import source as yaml
from sync_worker.model.conditions import Condition, Operand, operands
from sync_worker.model.model import Model
from sync_worker.model.nearest import did_you_mean
from sync_worker.model.source import Problem
from sync_worker.model.text import plain

COMPANY = "company."
OPTION_OPERATORS = ("is", "is_not", "in", "not_in")


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
    for path, condition in _conditions(model, "when"):
        yield from _property_problems(condition, path, found.properties)
    for path, condition in _conditions(model, "where"):
        yield from _form_problems(condition, path, found.forms)
    for line in model.lines:
        kind = line.event
        if found.events and kind and kind.startswith("custom:") and kind not in found.events:
            yield ("score", "criteria", line.key, "event"), f"the portal has no event {kind!r}{did_you_mean(kind, found.events)}"


def _conditions(model: Model, which: str) -> Iterator[tuple[yaml.Path, Condition]]:
    document = model.document
    groups: Mapping[yaml.Path, Mapping[str, object]] = {
        ("score", "criteria"): document.score.criteria,
        ("grade", "criteria"): document.grade.criteria,
        ("qualification", "direct"): document.qualification.direct,
        ("qualification", "disqualifiers"): document.qualification.disqualifiers,
    }
    for place, rules in groups.items():
        for key, rule in rules.items():
            condition = getattr(rule, which, None)
            if condition is not None and getattr(rule, "enabled", True):
                yield (*place, key, which), condition


def _property_problems(condition: Condition, path: yaml.Path, properties: Mapping[str, Property]) -> Iterator[tuple[yaml.Path, str]]:
    for place, name, operators in _tests(condition, path):
        definition = properties.get(name)
        if definition is None:
            yield place, f"the portal has no property {name!r}{did_you_mean(name, properties)}"
        elif definition.options:
            yield from _option_problems(place, operators, definition)


def _option_problems(place: yaml.Path, operators: Mapping[str, Operand], definition: Property) -> Iterator[tuple[yaml.Path, str]]:
    options = {plain(option.value): option.value for option in definition.options}
    for operator in OPTION_OPERATORS:
        values: Iterable[object] = operands(operators[operator]) if operator in operators else ()
        for value in values:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if plain(text) not in options:
                near = did_you_mean(text, options.values())
                yield (*place, operator), f"{definition.name} has no option {text!r} in the portal{near}"


def _form_problems(condition: Condition, path: yaml.Path, forms: frozenset[str]) -> Iterator[tuple[yaml.Path, str]]:
    known = {plain(form) for form in forms}
    for place, subject, operators in _tests(condition, path):
        for operator in OPTION_OPERATORS if subject == "form" else ():
            for value in operands(operators[operator]) if operator in operators else ():
                if plain(str(value)) not in known:
                    yield (*place, operator), f"the portal has no form {str(value)!r}{did_you_mean(str(value), forms)}"


def _tests(condition: Condition, path: yaml.Path) -> Iterator[tuple[yaml.Path, str, Mapping[str, Operand]]]:
    for name, test in condition.tests.items():
        yield (*path, name), name, test.operators
    for group, index, part in condition.parts:
        yield from _tests(part, (*path, group, index))
    if condition.not_:
        yield from _tests(condition.not_, (*path, "not"))
