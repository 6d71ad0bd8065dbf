"""Commands that need no HubSpot: serve the sandbox, evaluate a portal folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast, get_args

from pydantic import TypeAdapter, ValidationError

from sync_worker.errors import ConfigurationError
from sync_worker.model.compiled.loader import load
from sync_worker.model.diff import describe_changes
from sync_worker.reports.model_comparison import ModelComparison, compare, comparison_table
from sync_worker.sync.evaluate import offline

try:
    from sync_worker.sandbox import counters, folder, generator
    from sync_worker.sandbox.base.errors import SandboxError
    from sync_worker.sandbox.base.object_types import COMPANIES, CONTACTS, ObjectType
    from sync_worker.sandbox.base.portal_data import PortalData, Row, Tier
    from sync_worker.sandbox.base.timestamps import to_ms
    from sync_worker.sandbox.crm.column_loader import complete_properties
    from sync_worker.sandbox.properties.computed_values import add_computed_values
    from sync_worker.sandbox.server import server
except ModuleNotFoundError as error:  # pragma: no cover -- the tests run with every extra
    raise ConfigurationError(
        f"The sandbox is not installed ({error.name} is missing).",
        hint="Install the extra `sandbox`: `pip install 'sync-worker[sandbox]'`, or `pip install '.[sandbox]'` in a checkout.",
    ) from error

TIERS: Final = get_args(Tier)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn an error of the sandbox, which has its own errors, into one with an exit code."""
    try:
        yield
    except SandboxError as error:
        raise ConfigurationError(error.message, hint=error.hint) from error


@_translate_errors()
def serve_sandbox(
    *,
    port: int,
    contacts: int,
    seed: int,
    path: Path | None,
    tier: str | None,
    latency_ms: float,
    rate: int | None,
    faults: Path | None,
    switches: Sequence[str],
) -> None:
    """Serve a portal until interrupted; the times of a portal folder are shifted so that its `now` is the present."""
    if tier is not None and tier not in TIERS:
        raise ConfigurationError(f"--tier: {tier!r} must be one of {', '.join(TIERS)}.")
    now = datetime.now(UTC)
    data = _generate_portal(contacts, seed, now) if path is None else _read_shifted_folder(path, now)
    if tier is not None:
        data = replace(data, tier=cast("Tier", tier))
    options = server.SandboxConfig(latency_ms=latency_ms, rate=rate, seed=seed, faults=faults, switches=_parse_switches(switches))
    server.serve(data, options, port=port)


@_translate_errors()
def evaluate_folder(path: Path, *, at: datetime | None, model_file: Path) -> dict[str, Any]:
    """Evaluate a portal folder as of a time; default: the `now` of the folder.

    `frozen` names the properties of the model that have no history in the folder: an earlier evaluation uses their current values.
    """
    model, data = load(model_file), folder.read(path)
    at = at or data.now
    snapshot = folder.take_snapshot(data, at)
    counter_values = counters.compute_counters(snapshot)
    verdicts = offline.evaluate_folder_json(_read_folder(snapshot, counter_values), model, at)
    names = {"contacts": model.contact_properties, "companies": model.company_properties}
    frozen = folder.find_frozen(data, names, counter_values) if at < data.now else []
    return {"model": model.hash, "at": at.isoformat(), "frozen": frozen, "verdicts": verdicts}


@_translate_errors()
def compare_models_on_folder(path: Path, old: Path, new: Path) -> ModelComparison:
    """Compare the verdicts of two models on a portal folder, as of its `now`."""
    models, data = (load(old), load(new)), folder.read(path)
    snapshot = folder.take_snapshot(data, data.now)
    counter_values = counters.compute_counters(snapshot)
    tables = [comparison_table(offline.evaluate_folder(_read_folder(snapshot, counter_values), model, data.now)) for model in models]
    comparison = compare(describe_changes(*models), *tables)
    sample_ids = set(comparison.sample_ids)
    emails = ((int(row["id"]), row["properties"].get("email")) for row in data.contacts)
    return replace(comparison, emails={id_: email for id_, email in emails if email and id_ in sample_ids})


def _read_folder(data: PortalData, counter_values: Mapping[str, Mapping[str, str]]) -> offline.PortalFolder:
    """Return the records of a portal with the properties that HubSpot would return; `counter_values` are calculated ones by contact."""
    now = to_ms(data.now)

    def complete(object_type: ObjectType, rows: Iterable[Row]) -> Iterator[Row]:
        for row in add_computed_values(object_type, rows):
            stamped = {**row, "properties": {**row["properties"], **counter_values.get(row["id"], {})}} if object_type is CONTACTS else row
            yield {**row, "properties": complete_properties(object_type, stamped, default_ms=now)[0]}

    return offline.PortalFolder(
        contacts=complete(CONTACTS, data.contacts),
        companies=complete(COMPANIES, data.companies),
        email_events=data.email_events,
        events=data.events,
        forms=data.forms,
        submissions=data.submissions,
        marketing_events=data.marketing_events,
        participations=data.participations,
        subscriptions=data.subscriptions,
        shows_occurrences=data.tier == "enterprise",
    )


def _parse_switches(assignments: Sequence[str]) -> server.Switches:
    texts = dict(setting.partition("=")[::2] for setting in assignments)
    names = [field.name for field in fields(server.Switches)]
    for name in texts:
        if name not in names:
            raise ConfigurationError(f"--switch: {name!r} does not exist.", hint=f"The switches are {', '.join(names)}.")
    # Python values in lower case: true, 207, applied.
    values = {name: {"true": True, "false": False}.get(text, int(text) if text.isdecimal() else text) for name, text in texts.items()}
    try:
        return TypeAdapter(server.Switches).validate_python(values)
    except ValidationError as error:
        problems = "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors(include_url=False))
        raise ConfigurationError(f"--switch: {problems}.", hint="Example: --switch dated_batch_status=207.") from error


def _generate_portal(contacts: int, seed: int, now: datetime) -> PortalData:
    # Each start gets a new portal id, so that the state of an earlier portal is not used for this one.
    return replace(generator.generate(contacts=contacts, seed=seed, now=now), portal_id=int(now.timestamp()))


def _read_shifted_folder(path: Path, now: datetime) -> PortalData:
    data = folder.read(path)
    return folder.shift_times(folder.take_snapshot(data, data.now), now - data.now)
