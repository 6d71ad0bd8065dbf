"""A portal folder as a history: evaluate it, compare models on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from sync_worker.errors import ConfigurationError, MissingExtra, explain_extra
from sync_worker.hubspot.api.event_occurrences import parse_occurrence
from sync_worker.hubspot.records.row_parser import PARSE_ERRORS
from sync_worker.insight.as_of import as_of
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.loader import load
from sync_worker.model.compiled.model import Model
from sync_worker.model.diff import describe_changes
from sync_worker.model.file.schema import CUSTOM_PREFIX
from sync_worker.reports.model_comparison import ModelComparison, compare, comparison_table
from sync_worker.sync.evaluate.folder_history import build_folder_history
from sync_worker.sync.evaluate.offline import evaluate_history
from sync_worker.sync.evaluate.portal_folder import PortalFolder
from sync_worker.sync.evaluate.verdict_json import build_contact_verdicts

try:
    from sync_worker.sandbox import folder
    from sync_worker.sandbox.base.errors import SandboxError
    from sync_worker.sandbox.base.object_types import COMPANIES, CONTACTS, DEALS, ObjectType
    from sync_worker.sandbox.base.portal_data import PortalData, Row
    from sync_worker.sandbox.crm.column_loader import complete_properties
    from sync_worker.sandbox.properties.computed_values import add_computed_values
except ModuleNotFoundError as error:  # pragma: no cover -- the tests run with every extra
    raise MissingExtra(f"The sandbox is not installed ({error.name} is missing).", hint=explain_extra("sandbox")) from error


@contextmanager
def translate_sandbox_errors() -> Iterator[None]:
    """Turn an error of the sandbox, which has its own errors, into one with an exit code."""
    try:
        yield
    except SandboxError as error:
        raise ConfigurationError(error.message, hint=error.hint) from error


@translate_sandbox_errors()
def evaluate_folder(path: Path, *, at: datetime | None, model_file: Path) -> dict[str, Any]:
    """Evaluate a portal folder as of a time; default: the `now` of the folder.

    `frozen` names the properties of the model that have no history in the folder: an earlier evaluation uses their current values.
    `warnings` has a sentence for a time after the data.

    Raises:
        ConfigurationError: the folder cannot be read, or no contact of it is known as of the time.
    """
    model = load(model_file)
    history = read_history(path, [model])
    known = find_known(history, at)
    chunks = evaluate_history(known, model)
    verdicts = [verdict.as_json() for chunk in chunks for verdict in build_contact_verdicts(chunk)]
    return {
        "model": model.hash,
        "at": known.now.isoformat(),
        "frozen": known.select_frozen(model),
        "warnings": list_warnings(history, known.now),
        "verdicts": verdicts,
    }


def find_known(history: PortalHistory, at: datetime | None) -> PortalHistory:
    """Return what was known at a time; default: `now`. Raises ConfigurationError if no contact existed then."""
    known = as_of(history, at or history.now, keep_undated=True)
    first = history.contacts["created_at"].min()
    if known.contacts.is_empty() and isinstance(first, datetime) and first > known.now:
        created = f"the first one was created on {first:%Y-%m-%d}"
        raise ConfigurationError(f"No contact is known as of {known.now:%Y-%m-%d}: {created}.", hint="Use a later time.")
    return known


def list_warnings(history: PortalHistory, at: datetime) -> list[str]:
    """Return a sentence for values that cannot be read, and one if a time is after the data: decay is then known, and activity is not."""
    unreadable = list(history.gaps.describe(()))
    if at <= history.now:
        return unreadable
    end = f"The data ends on {history.now:%Y-%m-%d}: what happened between then and {at:%Y-%m-%d} is not known and does not count."
    return [end, *unreadable]


@translate_sandbox_errors()
def compare_models_on_folder(path: Path, old: Path, new: Path) -> ModelComparison:
    """Compare the verdicts of two models on a portal folder, as of its `now`."""
    models = load(old), load(new)
    history = read_history(path, models)
    known = as_of(history, history.now)
    comparison = compare(describe_changes(*models), *(comparison_table(evaluate_history(known, model)) for model in models))
    emails = known.contacts.filter(pl.col("contact_id").is_in(comparison.sample_ids), pl.col("email").is_not_null())
    return replace(comparison, emails=dict(emails.select("contact_id", "email").iter_rows()))


@translate_sandbox_errors()
def read_history(path: Path, models: Sequence[Model]) -> PortalHistory:
    """Return the history of a portal folder with what the models use, for questions about the past."""
    data = folder.read(path)
    return build_folder_history(_read_folder(path, data), models, data.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderColumns:
    """What a portal folder has: properties with a value (of companies: `company.<name>`), HubSpot's types, kinds of custom events."""

    names: frozenset[str]
    types: Mapping[str, str]
    custom_kinds: frozenset[str]


@translate_sandbox_errors()
def find_columns(path: Path) -> FolderColumns:
    """Return the properties and custom events of a portal folder."""
    data = folder.read(path)
    names = {name for row in data.contacts for name, value in row["properties"].items() if value}
    names |= {f"company.{name}" for row in data.companies for name, value in row["properties"].items() if value}
    prefixes = {COMPANIES.name: "company."}
    types = {f"{prefixes.get(row['objectType'], '')}{row['name']}": str(row.get("type", "")) for row in data.properties}
    events = {row["eventType"]: row for row in data.events}
    kinds = set[str]()
    for row in events.values():
        with suppress(*PARSE_ERRORS):  # counted when the events are read
            kinds.add(parse_occurrence(row).kind)
    return FolderColumns(
        names=frozenset(names), types=types, custom_kinds=frozenset(kind for kind in kinds if kind.startswith(CUSTOM_PREFIX))
    )


def _read_folder(path: Path, data: PortalData) -> PortalFolder:
    """Return the records of a portal with the properties that HubSpot would return, without its counters."""

    def complete(object_type: ObjectType, rows: Iterable[Row]) -> Iterator[Row]:
        for row in add_computed_values(object_type, rows):
            row["properties"] = complete_properties(object_type, row, default_ms=0)[0]
            yield row

    return PortalFolder(
        contacts=complete(CONTACTS, data.contacts),
        companies=complete(COMPANIES, data.companies),
        email_events=folder.read_chunks(path, "email_events"),
        events=folder.read_chunks(path, "events"),
        forms=data.forms,
        submissions=data.submissions,
        marketing_events=data.marketing_events,
        participations=data.participations,
        subscriptions=data.subscriptions,
        shows_occurrences=data.tier == "enterprise",
        deals=add_computed_values(DEALS, data.deals),
        property_history=data.property_history,
    )
