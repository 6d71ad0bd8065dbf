"""Whether a model fits a portal: the properties, options, forms and events that it names and that are not there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from sync_worker.hubspot.records.models import PropertyDefinition
from sync_worker.model.compiled.lint import find_unreachable
from sync_worker.model.compiled.model import Model
from sync_worker.model.compiled.requirements import PropertyRequirement, find_requirements
from sync_worker.model.file import yaml_source as yaml
from sync_worker.model.file.suggest import did_you_mean
from sync_worker.model.file.yaml_source import Diagnostic
from sync_worker.model.lookup.text import normalize_text
from sync_worker.sync.portal.catalog import Names
from sync_worker.sync.portal.reachability import unmet


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a model fits a portal; `misfits` and `warnings` are whole sentences with file and line."""

    not_visible: tuple[str, ...]  # criteria and rules that ask for what the portal's plan hides
    unmet: tuple[str, ...]  # criteria that ask for what the portal does not have
    reachable: Decimal
    misfits: tuple[str, ...]
    warnings: tuple[str, ...]


def fit(model: Model, hidden: frozenset[str], found: Names | None) -> Fit:
    """Return how a model fits a portal; without names, as far as the kinds of event tell that it hides."""
    cannot = unmet(model, found) if found else ()
    reachable = model.reachable_maximum(hidden, cannot)
    # What the model's own warnings say already is not said again.
    further = _unreachable(model, hidden, cannot) if reachable < model.reachable_maximum() else ()
    return Fit(
        not_visible=model.invisible_names(hidden),
        unmet=cannot,
        reachable=reachable,
        misfits=tuple(misfits(model, found)) if found else (),
        warnings=tuple(_said(model, further)),
    )


def _unreachable(model: Model, hidden: frozenset[str], cannot: Collection[str]) -> Iterator[tuple[yaml.DocumentPath, str]]:
    reachable = model.reachable_maximum(hidden, cannot)
    lost = [line.key for line in model.score_criteria if line.is_positive and (not line.is_visible(hidden) or line.key in cannot)]
    known = {path for path, _ in find_unreachable(model.document, model.reachable_maximum(), "")}
    named = f"the {reachable} points that can be reached on this portal, without {', '.join(lost)}"
    return ((path, said) for path, said in find_unreachable(model.document, reachable, named) if path not in known)


def misfits(model: Model, found: Names) -> list[str]:
    """Return what the model names and the portal lacks, one sentence each with file, line, key and the nearest right name."""
    return _said(model, _problems(model, found))


def _said(model: Model, found: Iterable[tuple[yaml.DocumentPath, str]]) -> list[str]:
    lines = yaml.parse_yaml(Path(model.source).read_text(encoding="utf-8-sig")) if Path(model.source).is_file() else yaml.YamlSource()
    problems = {Diagnostic(line=lines.line_at(path), key=yaml.format_path(path), message=message) for path, message in found}
    return [problem.render(model.source) for problem in sorted(problems, key=lambda each: (each.line, each.key, each.message))]


def _problems(model: Model, found: Names) -> Iterator[tuple[yaml.DocumentPath, str]]:
    for question in find_requirements(model):
        if not question.on_events:
            yield from _property_problems(question, found.properties)
        elif question.property_name == "form":
            forms = found.forms or {}
            yield from _unknown(question, [*forms, *forms.values()], "the portal has no form {value!r}")
    for line in model.score_criteria:
        kind = line.event
        if found.events and kind and kind.startswith("custom:") and kind not in found.events:
            yield ("score", "criteria", line.key, "event"), f"the portal has no event {kind!r}{did_you_mean(kind, found.events)}"


def _property_problems(
    question: PropertyRequirement, properties: Mapping[str, PropertyDefinition]
) -> Iterator[tuple[yaml.DocumentPath, str]]:
    definition = properties.get(question.property_name)
    if definition is None:
        yield question.path, f"the portal has no property {question.property_name!r}{did_you_mean(question.property_name, properties)}"
    elif definition.options:
        options = [option.value for option in definition.options]
        yield from _unknown(question, options, f"{definition.name} has no option {{value!r}} in the portal")


def _unknown(question: PropertyRequirement, right: Collection[str], said: str) -> Iterator[tuple[yaml.DocumentPath, str]]:
    known = {normalize_text(name) for name in right}
    for operator, value in question.comparisons:
        if normalize_text(value) not in known:
            yield (*question.path, operator), f"{said.format(value=value)}{did_you_mean(value, right)}"
