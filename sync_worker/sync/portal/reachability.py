"""Criteria that no contact can meet on a portal, because it lacks a form, event, property, option or subscription type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import polars as pl

from sync_worker.model.compiled.criteria import ScoreCriterion
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.conditions import Condition, Test, operand_values
from sync_worker.model.lookup.domains import DomainMatcher
from sync_worker.model.lookup.standard_properties import SUBSCRIPTION_PROPERTIES
from sync_worker.model.lookup.text import normalize_text
from sync_worker.model.scoring.columns import add_columns
from sync_worker.model.scoring.predicates import build_event_scope, compile_condition, find_required_columns
from sync_worker.sync.portal.portal_catalog import PortalCatalog

ARBITRARY_DATE: Final = datetime(2020, 1, 1, tzinfo=UTC)  # conditions on forms do not depend on time


def unreachable_criteria(model: Model, catalog: PortalCatalog) -> tuple[str, ...]:
    """Return the score criteria that require a form, event, property, option or subscription type that the portal lacks.

    A condition under `not` counts as reachable. A condition is unreachable only if no possible value meets it.
    """
    return tuple(line.key for line in model.score_criteria if not _is_reachable(line, catalog))


def _is_reachable(criterion: ScoreCriterion, catalog: PortalCatalog) -> bool:
    if (
        catalog.custom_event_kinds
        and criterion.event
        and criterion.event.startswith("custom:")
        and criterion.event not in catalog.custom_event_kinds
    ):
        return False
    conditions = (condition for condition in (criterion.when, criterion.where) if condition is not None)
    return all(_is_satisfiable(condition, catalog, is_event_condition=criterion.where is not None) for condition in conditions)


def _is_satisfiable(condition: Condition, catalog: PortalCatalog, *, is_event_condition: bool) -> bool:
    parts = [
        _is_test_satisfiable(subject, test, catalog, is_event_condition=is_event_condition) for subject, test in condition.tests.items()
    ]
    parts += [_is_satisfiable(part, catalog, is_event_condition=is_event_condition) for part in condition.all or ()]
    for alternatives in (condition.any, condition.first_known):
        if alternatives:
            parts.append(any(_is_satisfiable(part, catalog, is_event_condition=is_event_condition) for part in alternatives))
    return all(parts)


def _is_test_satisfiable(subject: str, test: Test, catalog: PortalCatalog, *, is_event_condition: bool) -> bool:
    if is_event_condition:
        return subject != "form" or catalog.forms is None or _matches_any_form(test, catalog)
    required = [value for name in ("is", "in") if name in test.operators for value in operand_values(test.operators[name])]
    if subject in SUBSCRIPTION_PROPERTIES:
        options = {normalize_text(name) for name in catalog.subscription_types or ()}
    elif (definition := catalog.properties.get(subject)) is None:
        return set(test.operators) == {"is_unknown"}
    else:
        options = {normalize_text(option.value) for option in definition.options}
    return not (required and options) or any(normalize_text(str(value)) in options for value in required)


def _matches_any_form(test: Test, catalog: PortalCatalog) -> bool:
    """Return whether a form of the portal meets a test on the form of an event."""
    ids, names = list(catalog.forms or ()), list((catalog.forms or {}).values())
    forms = pl.DataFrame({"form_id": pl.Series(ids, dtype=pl.String), "form_name": pl.Series(names, dtype=pl.String)})
    condition, scope = Condition.model_validate({"form": test}), build_event_scope(ARBITRARY_DATE)
    domains: dict[str, DomainMatcher] = {}
    return bool(
        add_columns(forms, find_required_columns([condition], scope), domains, ARBITRARY_DATE)
        .select(compile_condition(condition, scope).any())
        .item()
    )
