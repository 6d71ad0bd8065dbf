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
from sync_worker.sync.portal.catalog import PortalCatalog
from sync_worker.sync.portal.reachability import unreachable_criteria


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheck:
    """How a model fits a portal; `misfits` and `warnings` are whole sentences with file and line."""

    not_visible: tuple[str, ...]  # criteria and rules that ask for what the portal's plan hides
    unreachable_criteria: tuple[str, ...]  # criteria that ask for what the portal does not have
    reachable_score: Decimal
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def check_model(model: Model, hidden_kinds: frozenset[str], catalog: PortalCatalog | None) -> ModelCheck:
    """Return how a model fits a portal; without names, as far as the kinds of event tell that it hides."""
    cannot = unreachable_criteria(model, catalog) if catalog else ()
    reachable = model.reachable_maximum(hidden_kinds, cannot)
    # What the model's own warnings say already is not said again.
    further = _unreachable_warnings(model, hidden_kinds, cannot) if reachable < model.reachable_maximum() else ()
    return ModelCheck(
        not_visible=model.invisible_names(hidden_kinds),
        unreachable_criteria=cannot,
        reachable_score=reachable,
        errors=tuple(find_model_errors(model, catalog)) if catalog else (),
        warnings=tuple(_format_problems(model, further)),
    )


def _unreachable_warnings(
    model: Model, hidden_kinds: frozenset[str], unreachable: Collection[str]
) -> Iterator[tuple[yaml.DocumentPath, str]]:
    reachable = model.reachable_maximum(hidden_kinds, unreachable)
    lost = [
        line.key for line in model.score_criteria if line.is_positive and (not line.is_visible(hidden_kinds) or line.key in unreachable)
    ]
    known = {path for path, _ in find_unreachable(model.document, model.reachable_maximum(), "")}
    named = f"the {reachable} points that can be reached on this portal, without {', '.join(lost)}"
    return ((path, said) for path, said in find_unreachable(model.document, reachable, named) if path not in known)


def find_model_errors(model: Model, catalog: PortalCatalog) -> list[str]:
    """Return what the model names and the portal lacks, one sentence each with file, line, key and the nearest right name."""
    return _format_problems(model, _find_problems(model, catalog))


def _format_problems(model: Model, findings: Iterable[tuple[yaml.DocumentPath, str]]) -> list[str]:
    lines = yaml.parse_yaml(Path(model.source).read_text(encoding="utf-8-sig")) if Path(model.source).is_file() else yaml.YamlSource()
    problems = {Diagnostic(line=lines.line_at(path), key=yaml.format_path(path), message=message) for path, message in findings}
    return [problem.render(model.source) for problem in sorted(problems, key=lambda each: (each.line, each.key, each.message))]


def _find_problems(model: Model, catalog: PortalCatalog) -> Iterator[tuple[yaml.DocumentPath, str]]:
    for question in find_requirements(model):
        if not question.on_events:
            yield from _property_problems(question, catalog.properties)
        elif question.property_name == "form":
            forms = catalog.forms or {}
            yield from _unknown_values(question, [*forms, *forms.values()], "the portal has no form {value!r}")
    for line in model.score_criteria:
        kind = line.event
        if catalog.custom_event_kinds and kind and kind.startswith("custom:") and kind not in catalog.custom_event_kinds:
            yield (
                ("score", "criteria", line.key, "event"),
                f"the portal has no event {kind!r}{did_you_mean(kind, catalog.custom_event_kinds)}",
            )


def _property_problems(
    question: PropertyRequirement, properties: Mapping[str, PropertyDefinition]
) -> Iterator[tuple[yaml.DocumentPath, str]]:
    definition = properties.get(question.property_name)
    if definition is None:
        yield question.path, f"the portal has no property {question.property_name!r}{did_you_mean(question.property_name, properties)}"
    elif definition.options:
        options = [option.value for option in definition.options]
        yield from _unknown_values(question, options, f"{definition.name} has no option {{value!r}} in the portal")


def _unknown_values(question: PropertyRequirement, valid_names: Collection[str], message: str) -> Iterator[tuple[yaml.DocumentPath, str]]:
    known = {normalize_text(name) for name in valid_names}
    for operator, value in question.comparisons:
        if normalize_text(value) not in known:
            yield (*question.path, operator), f"{message.format(value=value)}{did_you_mean(value, valid_names)}"
