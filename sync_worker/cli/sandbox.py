"""Serve the sandbox: a HubSpot portal on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast, get_args

from pydantic import TypeAdapter, ValidationError

from sync_worker.cli.portal_folder import translate_sandbox_errors
from sync_worker.errors import ConfigurationError, MissingExtra, explain_extra

try:
    from sync_worker.sandbox import folder, generator
    from sync_worker.sandbox.base.portal_data import PortalData, Tier
    from sync_worker.sandbox.server import server
except ModuleNotFoundError as error:  # pragma: no cover -- the tests run with every extra
    raise MissingExtra(f"The sandbox is not installed ({error.name} is missing).", hint=explain_extra("sandbox")) from error

TIERS: Final = get_args(Tier)


@translate_sandbox_errors()
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
