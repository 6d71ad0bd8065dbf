"""The settings of a portal: those of the process, then those of its entry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr, ValidationError

from sync_worker.errors import ConfigurationError
from sync_worker.fleet.database import FleetDatabase
from sync_worker.fleet.fleet_portal import FleetPortal
from sync_worker.fleet.secret_reference import SecretReference
from sync_worker.settings import FIELD_BY_VARIABLE, Settings, load_settings

#: Settings of the whole process, and those that an entry has a place of its own for.
NOT_IN_ENTRIES: Final = (
    "fleet_url",
    "state_url",
    "model",
    "log_level",
    "log_format",
    "http_host",
    "http_port",
    "ping_url",
    "give_up_after_minutes",
)
CHANNELS: Final = "hand_off_channels"
STATE_OPTION: Final = "--state-url"
TOKEN_OPTION: Final = "--token-from"  # noqa: S105 -- the name of an option


def read_overrides(file: Path | None) -> Mapping[str, Any]:
    """Return the settings of a file like worker.yaml as JSON values; channels are references, because their URLs contain keys.

    Raises ConfigurationError for an unknown or invalid one, and for one that an entry cannot have.
    """
    if file is None:
        return {}
    settings = load_settings({"SYNC_WORKER_CONFIG": str(file)})
    if wrong := [name for name in NOT_IN_ENTRIES if name in settings.model_fields_set]:
        raise ConfigurationError(
            f"{file}: {', '.join(wrong)} cannot differ by portal.",
            hint="Options of `fleet add` set the model and the state; the others belong to the worker processes.",
        )
    values = settings.model_dump(mode="json", include=settings.model_fields_set)
    if CHANNELS in values:
        texts = (channel.get_secret_value() for channel in settings.hand_off_channels)
        values[CHANNELS] = [str(SecretReference.parse(text, f"{file}: {CHANNELS}")) for text in texts]
    return values


def build_portal_settings(base: Settings, portal: FleetPortal, database: FleetDatabase) -> Settings:
    """Return the settings of the runs of a portal; `base` are those of this process.

    Raises ConfigurationError if this process cannot read a secret, or if a setting of the entry is invalid.
    """
    channels = {CHANNELS: [SecretReference.parse(text, CHANNELS).read() for text in portal.settings.get(CHANNELS, ())]}
    values = {
        **base.model_dump(exclude_unset=True),
        **portal.settings,
        **(channels if CHANNELS in portal.settings else {}),
        "access_token": SecretStr(SecretReference.parse(portal.token, TOKEN_OPTION).read()),
        "model": Path(portal.model),
        "state_url": find_state_url(portal, database),
    }
    try:
        return Settings(**values)
    except ValidationError as error:  # of a secret, or of an entry that an earlier version has saved
        problems = [(str((*problem["loc"], "settings")[0]), str(problem["msg"])) for problem in error.errors(include_input=False)]
        texts = sorted(f"{FIELD_BY_VARIABLE.get(name, name)}: {text.removeprefix('Value error, ')}" for name, text in problems)
        raise ConfigurationError(
            f"Portal {portal.name}: {'; '.join(texts)}.", hint="Correct its secret, or remove the entry and add it again."
        ) from None


def find_state_url(portal: FleetPortal, database: FleetDatabase) -> str:
    """Return the URL of a portal's state; raises ConfigurationError if this process cannot read it."""
    if portal.state_url is None:
        return database.state_url(portal.name)
    is_url = "://" in portal.state_url and not portal.state_url.startswith("command:")
    return portal.state_url if is_url else SecretReference.parse(portal.state_url, STATE_OPTION).read()


def build_environment(settings: Settings) -> Mapping[str, str]:
    """Return the environment variables that give another process these settings."""
    names = {name: variable for variable, name in FIELD_BY_VARIABLE.items()}
    values = settings.model_dump(include=settings.model_fields_set, exclude={"ping_url"}, exclude_none=True)
    return {names[name]: _format_variable(value) for name, value in values.items()}


def _format_variable(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(map(_format_variable, value)) if isinstance(value, tuple) else str(value)
