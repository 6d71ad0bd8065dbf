"""Data for the commands that ask whether a model is any good: from a portal folder, or from the state."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sync_worker.errors import ConfigurationError, MissingExtra, explain_extra
from sync_worker.model.compiled.loader import load
from sync_worker.model.file.units import parse_duration
from sync_worker.settings import Settings

try:
    from sync_worker.insight.backtest import Backtest, run_backtest
    from sync_worker.insight.cohort import build_cohort
    from sync_worker.insight.suggest.portal_survey import build_survey, find_specs
    from sync_worker.insight.suggest.suggest import Suggester
    from sync_worker.insight.suggest.suggestion import Suggestion
    from sync_worker.insight.threshold import ThresholdAdvice, advise_threshold
except ModuleNotFoundError as error:  # pragma: no cover -- the tests run with every extra
    raise MissingExtra(f"The analysis of models is not installed ({error.name} is missing).", hint=explain_extra("insight")) from error

from sync_worker.cli.commands.execution import with_worker
from sync_worker.cli.model_files import load_models
from sync_worker.cli.portal_folder import FolderColumns, find_columns, read_history
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.schema import CUSTOM_PREFIX

_CAPACITY: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/\s*(day|week|month))?")
_PER_WEEK: Final = {"day": 7.0, "week": 1.0, "month": 12 / 52}


def suggest_model(portal: Path | None, model_file: Path, *, at: datetime | None, horizon: timedelta, criteria: int) -> Suggestion:
    """Suggest a model; default for `at`: the last instant whose horizon is over."""
    if criteria < 1:
        raise ConfigurationError(f"--criteria: {criteria} is not a number of criteria.", hint="Example: --criteria 8.")
    model = load(model_file)
    columns = _model_columns(model) if portal is None else find_columns(portal)
    specs = find_specs(columns.names, model, columns.types)
    history = _load_history(portal, [model], build_survey(specs, columns.custom_kinds))
    cohort = build_cohort(history, at or history.outcomes_end - horizon, horizon)
    text = model_file.read_text(encoding="utf-8-sig")
    return Suggester(cohort=cohort, model=model, text=text, specs=specs, custom_kinds=columns.custom_kinds, criteria=criteria).suggest()


def find_shadow(settings: Settings) -> Path:
    """Return the file of the shadow model; raises ConfigurationError if none is set."""
    if settings.shadow is None:
        raise ConfigurationError(
            "--shadow: no shadow model is set.", hint="Set `shadow: FILE` in worker.yaml or SYNC_WORKER_SHADOW, or use --model twice."
        )
    return settings.shadow


def backtest_models(
    portal: Path | None, model_files: Sequence[Path], dates: Sequence[datetime], horizon: timedelta, *, with_live: bool = False
) -> Backtest:
    """Backtest models; default for `dates`: the last one whose horizon is over.

    `with_live`: also compare the verdicts that the model and the shadow model gave as time went by, which the state has.
    """
    models = load_models(model_files)
    history = _load_history(portal, list(models.values()))
    result = run_backtest(history, models, list(dates) or [history.outcomes_end - horizon], horizon)
    if portal is not None or not with_live:
        return result
    return replace(result, live=with_worker(lambda worker: worker.compare_live(history, horizon)))


def find_threshold(
    portal: Path | None, model_file: Path, *, at: datetime | None, horizon: timedelta, capacity: str | None, precision: float | None
) -> ThresholdAdvice:
    """Find the threshold for a capacity or a precision."""
    if (capacity is None) == (precision is None):
        raise ConfigurationError("Expected either --capacity or --precision.", hint="Example: --capacity 40/week, or --precision 0.3.")
    if precision is not None and not 0 < precision < 1:
        raise ConfigurationError(f"--precision: {precision:g} is not between 0 and 1.", hint="Example: --precision 0.3.")
    weekly = None if capacity is None else parse_capacity(capacity)
    model = load(model_file)
    history = _load_history(portal, [model])
    return advise_threshold(history, model, at=at or history.outcomes_end - horizon, horizon=horizon, precision=precision, weekly=weekly)


def _load_history(portal: Path | None, models: Sequence[Model], survey: Model | None = None) -> PortalHistory:
    """Return the history of a portal folder, or of the portal in the state, with what the models and the survey use."""
    if portal is None:
        return with_worker(lambda worker: worker.load_past(models, survey))
    history = read_history(portal, [*models, survey] if survey else models)
    if history.contacts.is_empty():
        raise ConfigurationError(f"The portal folder {portal} has no contacts.", hint="Use another folder.")
    return history


def _model_columns(model: Model) -> FolderColumns:
    """Return what the state has: the properties and kinds of event that the model uses."""
    names = {*model.contact_properties, *(f"company.{name}" for name in model.company_properties)}
    kinds = frozenset(kind for kind in model.event_kinds if kind.startswith(CUSTOM_PREFIX))
    return FolderColumns(names=frozenset(names), types={}, custom_kinds=kinds)


def parse_capacity(text: str) -> float:
    """Return the contacts per week: `40/week`, `8/day`, `160/month`; a number alone is per week.

    Raises:
        ConfigurationError: the text has none of these forms.
    """
    found = _CAPACITY.fullmatch(text.strip().lower())
    if found is None or not float(found[1]):
        raise ConfigurationError(f"--capacity: {text!r} is not a number of contacts per week.", hint="Example: --capacity 40/week.")
    return float(found[1]) * _PER_WEEK[found[2] or "week"]


def parse_horizon(text: str) -> timedelta:
    """Return a horizon: `90d`, or a duration as in model files; raises ConfigurationError."""
    days = re.fullmatch(r"(\d+)\s*d", text.strip().lower())
    try:
        horizon = parse_duration(f"{days[1]} days" if days else text)
    except ValueError as error:
        raise ConfigurationError(f"--horizon: {text!r} is not a duration.", hint="Example: --horizon 90d.") from error
    if horizon < timedelta(days=1):
        raise ConfigurationError(f"--horizon: {text!r} is shorter than a day.", hint="Example: --horizon 90d.")
    return horizon
