"""Which criteria nobody can meet on a portal, since it lacks what they ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import polars as pl

from sync_worker.model.compiled.criteria import ScoreCriterion
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.conditions import Condition, Test, operand_values
from sync_worker.model.lookup.domains import DomainMatcher
from sync_worker.model.lookup.text import normalize_text
from sync_worker.model.scoring.columns import add_columns
from sync_worker.model.scoring.predicates import build_event_scope, compile_condition, find_required_columns
from sync_worker.sync.portal.catalog import Names

ANY_DAY: Final = datetime(2020, 1, 1, tzinfo=UTC)  # forms are no matter of time


def unmet(model: Model, found: Names) -> tuple[str, ...]:
    """Return the criteria of the score that ask for a form, event, property or option that the portal does not have.

    What is asked with `not` may always be so; a condition is out of reach only where no answer could make it hold.
    """
    return tuple(line.key for line in model.score_criteria if not _can_be_met(line, found))


def _can_be_met(line: ScoreCriterion, found: Names) -> bool:
    if found.events and line.event and line.event.startswith("custom:") and line.event not in found.events:
        return False
    conditions = (condition for condition in (line.when, line.where) if condition is not None)
    return all(_can_hold(condition, found, of_events=line.where is not None) for condition in conditions)


def _can_hold(condition: Condition, found: Names, *, of_events: bool) -> bool:
    parts = [_can_pass(subject, test, found, of_events=of_events) for subject, test in condition.tests.items()]
    parts += [_can_hold(part, found, of_events=of_events) for part in condition.all or ()]
    for alternatives in (condition.any, condition.first_known):
        if alternatives:
            parts.append(any(_can_hold(part, found, of_events=of_events) for part in alternatives))
    return all(parts)


def _can_pass(subject: str, test: Test, found: Names, *, of_events: bool) -> bool:
    if of_events:
        return subject != "form" or found.forms is None or _some_form_passes(test, found)
    definition = found.properties.get(subject)
    if definition is None:
        return set(test.operators) == {"is_unknown"}
    asked = [value for name in ("is", "in") if name in test.operators for value in operand_values(test.operators[name])]
    options = {normalize_text(option.value) for option in definition.options}
    return not (asked and options) or any(normalize_text(str(value)) in options for value in asked)


def _some_form_passes(test: Test, found: Names) -> bool:
    """Ask every form of the portal what the condition asks of the form of an event."""
    ids, names = list(found.forms or ()), list((found.forms or {}).values())
    forms = pl.DataFrame({"form_id": pl.Series(ids, dtype=pl.String), "form_name": pl.Series(names, dtype=pl.String)})
    condition, asked = Condition.model_validate({"form": test}), build_event_scope(ANY_DAY)
    domains: dict[str, DomainMatcher] = {}
    return bool(
        add_columns(forms, find_required_columns([condition], asked), domains, ANY_DAY)
        .select(compile_condition(condition, asked).any())
        .item()
    )
