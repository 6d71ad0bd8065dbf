"""Check of a model against a portal: properties, options, forms and events that the portal lacks."""

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
from sync_worker.model.lookup.standard_properties import SUBSCRIPTION_PROPERTIES
from sync_worker.model.lookup.text import normalize_text
from sync_worker.sync.portal.portal_catalog import PortalCatalog
from sync_worker.sync.portal.reachability import unreachable_criteria


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheck:
    """The result of a check. `errors` and `warnings` are sentences with file and line."""

    not_visible: tuple[str, ...]  # criteria and rules with data that the portal's plan hides
    unreachable_criteria: tuple[str, ...]  # criteria with objects that the portal lacks
    reachable_score: Decimal
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def check_model(model: Model, hidden_kinds: frozenset[str], catalog: PortalCatalog | None) -> ModelCheck:
    """Check a model against a portal. Without a catalog, only the hidden event kinds are checked."""
    unreachable = unreachable_criteria(model, catalog) if catalog else ()
    reachable = model.reachable_maximum(hidden_kinds, unreachable)
    # The model's own warnings are not repeated.
    further = [*_unreachable_warnings(model, hidden_kinds, unreachable)] if reachable < model.reachable_maximum() else []
    further += _unread_event_warnings(model, catalog) if catalog else ()
    return ModelCheck(
        not_visible=model.invisible_names(hidden_kinds),
        unreachable_criteria=unreachable,
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
    maximum = f"the {reachable} points that can be reached on this portal, without {', '.join(lost)}"
    return ((path, message) for path, message in find_unreachable(model.document, reachable, maximum) if path not in known)


def _unread_event_warnings(model: Model, catalog: PortalCatalog) -> Iterator[tuple[yaml.DocumentPath, str]]:
    places: list[tuple[yaml.DocumentPath, str | None]] = [
        *((("score", "criteria", line.key, "event"), line.event) for line in model.score_criteria),
        *((("qualification", "direct", name, "event"), rule.event) for name, rule in model.document.qualification.direct.items()),
    ]
    for path, kind in places:
        if names := catalog.unread_events.get(kind or ""):
            yield path, f"the portal has several events of the kind {kind!r}; {', '.join(names)} {'are' if names[1:] else 'is'} not read"


def find_model_errors(model: Model, catalog: PortalCatalog) -> list[str]:
    """Return the objects that the portal lacks, one sentence each with file, line, key and the closest valid name."""
    return _format_problems(model, _find_problems(model, catalog))


def _format_problems(model: Model, findings: Iterable[tuple[yaml.DocumentPath, str]]) -> list[str]:
    source = yaml.parse_yaml(Path(model.source).read_text(encoding="utf-8-sig")) if Path(model.source).is_file() else yaml.YamlSource()
    problems = {source.diagnose(path, message) for path, message in findings}
    return [problem.render(model.source) for problem in sorted(problems, key=lambda each: (each.place, each.key, each.message))]


def _find_problems(model: Model, catalog: PortalCatalog) -> Iterator[tuple[yaml.DocumentPath, str]]:
    for requirement in find_requirements(model):
        if requirement.property_name in SUBSCRIPTION_PROPERTIES and not requirement.on_events:
            if catalog.subscription_types is not None:
                yield from _unknown_values(requirement, catalog.subscription_types, "the portal has no subscription type {value!r}")
        elif not requirement.on_events:
            yield from _property_problems(requirement, catalog.properties)
        elif requirement.property_name == "form":
            forms = catalog.forms or {}
            yield from _unknown_values(requirement, [*forms, *forms.values()], "the portal has no form {value!r}")
    for line in model.score_criteria:
        kind = line.event
        if catalog.custom_event_kinds and kind and kind.startswith("custom:") and kind not in catalog.custom_event_kinds:
            yield (
                ("score", "criteria", line.key, "event"),
                f"the portal has no event {kind!r}{did_you_mean(kind, catalog.custom_event_kinds)}",
            )


def _property_problems(
    requirement: PropertyRequirement, properties: Mapping[str, PropertyDefinition]
) -> Iterator[tuple[yaml.DocumentPath, str]]:
    definition = properties.get(requirement.property_name)
    if definition is None:
        yield (
            requirement.path,
            f"the portal has no property {requirement.property_name!r}{did_you_mean(requirement.property_name, properties)}",
        )
    elif definition.options:
        options = [option.value for option in definition.options]
        yield from _unknown_values(requirement, options, f"{definition.name} has no option {{value!r}} in the portal")


def _unknown_values(
    requirement: PropertyRequirement, valid_names: Collection[str], message: str
) -> Iterator[tuple[yaml.DocumentPath, str]]:
    known = {normalize_text(name) for name in valid_names}
    for operator, value in requirement.comparisons:
        if normalize_text(value) not in known:
            yield (*requirement.path, operator), f"{message.format(value=value)}{did_you_mean(value, valid_names)}"
