"""Settings from the environment and config/worker.yaml, as one frozen object."""

# ruff: noqa: ARG003 -- pydantic-settings passes its sources by name

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping
from datetime import time, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from sync_worker.base_url import validate_base_url
from sync_worker.errors import ConfigurationError

NEW_FILE: Final = "`sync-worker init DIR` writes a file with every setting."
DEFAULT_BASE_URL: Final = "https://api.hubapi.com"


class Settings(BaseSettings):
    """Every setting with its default; docs/operations.md describes them. The environment overrides the file."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)

    access_token: SecretStr | None = Field(None, validation_alias="HUBSPOT_ACCESS_TOKEN")
    base_url: str = Field(DEFAULT_BASE_URL, validation_alias="HUBSPOT_BASE_URL")
    api_version: Literal["v3", "2026-09"] = Field("2026-09", validation_alias="HUBSPOT_API_VERSION")
    state_url: str = Field("sqlite:///sync_worker.db", validation_alias="SYNC_WORKER_STATE_URL")
    fleet_url: str | None = Field(None, validation_alias="SYNC_WORKER_FLEET_URL")  # PostgreSQL: the portals of `fleet`
    model: Path = Field(Path("config/model.yaml"), validation_alias="SYNC_WORKER_MODEL")
    shadow: Path | None = Field(None, validation_alias="SYNC_WORKER_SHADOW")  # a second model, evaluated for comparison only

    property_prefix: str = Field("lead", pattern=r"^[a-z][a-z0-9_]{0,39}$", validation_alias="SYNC_WORKER_PROPERTY_PREFIX")
    requests_in_flight: int = Field(16, ge=1, le=64, validation_alias="SYNC_WORKER_REQUESTS_IN_FLIGHT")
    reserve: float = Field(0.0, ge=0, le=0.9, validation_alias="SYNC_WORKER_RESERVE")  # share of the rate limits, for other integrations
    overlap_minutes: int = Field(10, ge=0, le=1440, validation_alias="SYNC_WORKER_OVERLAP_MINUTES")
    late_hours: int = Field(72, ge=0, le=720, validation_alias="SYNC_WORKER_LATE_HOURS")
    sync_every_minutes: int | None = Field(None, ge=1, le=1440, validation_alias="SYNC_WORKER_SYNC_EVERY_MINUTES")  # None: adaptive
    max_daily_share: float = Field(0.1, ge=0.001, le=1, validation_alias="SYNC_WORKER_MAX_DAILY_SHARE")  # of the daily limit, for cycles
    reevaluate_at: time = Field(time(2, 0), validation_alias="SYNC_WORKER_REEVALUATE_AT")  # portal time
    rescan_every_days: int = Field(7, ge=1, le=90, validation_alias="SYNC_WORKER_RESCAN_EVERY_DAYS")

    max_changed_share: float = Field(0.5, gt=0, le=1, validation_alias="SYNC_WORKER_MAX_CHANGED_SHARE")
    max_new_mqls_share: float = Field(0.1, gt=0, le=1, validation_alias="SYNC_WORKER_MAX_NEW_MQLS_SHARE")
    max_new_mqls: int | None = Field(None, ge=0, validation_alias="SYNC_WORKER_MAX_NEW_MQLS")
    judged_from_contacts: int = Field(200, ge=1, validation_alias="SYNC_WORKER_JUDGED_FROM_CONTACTS")
    author: str | None = Field(None, validation_alias="SYNC_WORKER_AUTHOR")  # of approvals, notes and reviews
    max_report_age_days: int = Field(7, ge=1, le=365, validation_alias="SYNC_WORKER_MAX_REPORT_AGE_DAYS")
    hand_off_tasks: bool = Field(False, validation_alias="SYNC_WORKER_HAND_OFF_TASKS")  # a HubSpot task for each new MQL
    hand_off_owner: str | None = Field(None, validation_alias="SYNC_WORKER_HAND_OFF_OWNER")  # email or id, if the contact has no owner
    hand_off_names: bool = Field(True, validation_alias="SYNC_WORKER_HAND_OFF_NAMES")  # in messages to sales
    hand_off_channels: tuple[SecretStr, ...] = Field((), validation_alias="SYNC_WORKER_HAND_OFF_CHANNELS")  # URLs; they contain keys
    hand_off_digest: Literal["immediately", "daily"] = Field("immediately", validation_alias="SYNC_WORKER_HAND_OFF_DIGEST")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", validation_alias="SYNC_WORKER_LOG_LEVEL")
    log_format: Literal["auto", "text", "json"] = Field("auto", validation_alias="SYNC_WORKER_LOG_FORMAT")
    http_host: str = Field("127.0.0.1", validation_alias="SYNC_WORKER_HTTP_HOST")
    http_port: int = Field(9736, ge=0, le=65535, validation_alias="SYNC_WORKER_HTTP_PORT")  # of the service; 0: none
    ui_hosts: tuple[str, ...] | None = Field(
        None, validation_alias="SYNC_WORKER_UI_HOSTS"
    )  # names under which other machines open the console
    ping_url: SecretStr | None = Field(None, validation_alias="SYNC_WORKER_PING_URL")  # of a dead man's switch; it contains a key
    give_up_after_minutes: int = Field(15, ge=0, le=1440, validation_alias="SYNC_WORKER_GIVE_UP_AFTER_MINUTES")  # of the service
    lease_minutes: int = Field(10, ge=2, le=1440, validation_alias="SYNC_WORKER_LEASE_MINUTES")
    keep_events_days: int | None = Field(None, ge=30, validation_alias="SYNC_WORKER_KEEP_EVENTS_DAYS")
    keep_undo_days: int = Field(30, ge=0, le=3650, validation_alias="SYNC_WORKER_KEEP_UNDO_DAYS")
    keep_audit_days: int = Field(400, ge=0, le=3650, validation_alias="SYNC_WORKER_KEEP_AUDIT_DAYS")
    keep_runs_days: int = Field(7, ge=1, le=3650, validation_alias="SYNC_WORKER_KEEP_RUNS_DAYS")  # that wrote nothing
    max_reply_megabytes: int = Field(32, ge=1, le=1024, validation_alias="SYNC_WORKER_MAX_REPLY_MEGABYTES")  # decompressed
    reply_seconds: int = Field(120, ge=5, le=600, validation_alias="SYNC_WORKER_REPLY_SECONDS")
    bulk_minutes: int = Field(60, ge=1, le=1440, validation_alias="SYNC_WORKER_BULK_MINUTES")

    @field_validator("base_url")
    @classmethod
    def _validate_base_url(cls, url: str) -> str:
        return validate_base_url(url)

    @field_validator("access_token")
    @classmethod
    def _validate_access_token(cls, token: SecretStr | None) -> SecretStr | None:
        text = token.get_secret_value().strip() if token else ""
        if any(character.isspace() for character in text):
            raise ValueError("the token contains spaces or line breaks; copy it again")
        return SecretStr(text) if text else None

    @field_validator("ui_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, hosts: object) -> object:
        names = hosts.replace(",", " ").split() if isinstance(hosts, str) else hosts
        if names is not None and not (isinstance(names, list | tuple) and all(_is_host_name(name) for name in names)):
            raise ValueError("expected host names such as console.example.com, separated by commas, without scheme and port")
        return names

    @field_validator("ping_url")
    @classmethod
    def _validate_ping_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url and not _is_web_address(url.get_secret_value()):
            raise ValueError("expected a URL such as https://hc-ping.com/<key>")
        return url

    @field_validator("hand_off_owner", mode="before")
    @classmethod
    def _read_owner_id(cls, owner: object) -> object:
        return str(owner) if type(owner) is int else owner  # an id needs no quotes in the file

    @field_validator("hand_off_channels", mode="before")
    @classmethod
    def _split_channels(cls, urls: object) -> object:
        # A comma or a space may be a part of a URL; in front of the next scheme, it separates two.
        return [url for url in re.split(r"[\s,]+(?=[a-z][a-z0-9]*://)", urls.strip(", \n")) if url] if isinstance(urls, str) else urls

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only the values that `load_settings` passes."""
        return (init_settings,)

    @property
    def fixed_cycle(self) -> timedelta | None:
        """Return the interval between cycles that the operator has set."""
        return None if self.sync_every_minutes is None else timedelta(minutes=self.sync_every_minutes)

    @property
    def log_level_number(self) -> int:
        """Return the level of the module `logging`."""
        return logging.getLevelNamesMapping()[self.log_level.upper()]

    @property
    def token(self) -> str:
        """Return the token; raises ConfigurationError if it is not set."""
        if self.access_token is None:
            raise ConfigurationError(
                "HUBSPOT_ACCESS_TOKEN is not set.",
                hint="Set it to the token of a service key or private app. `sync-worker sandbox` prints the token of its portal.",
            )
        return self.access_token.get_secret_value()


def _is_host_name(name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(r"[\w.-]+", name, re.ASCII) is not None


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port  # raises ValueError for text or a number that is too large
    except ValueError:
        return False
    return all("!" <= character <= "~" for character in url) and parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0


FIELD_BY_VARIABLE: Final[Mapping[str, str]] = {str(field.validation_alias): name for name, field in Settings.model_fields.items()}


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process.

    Raises ConfigurationError for an unknown or invalid setting, with its location and the closest valid name.
    """
    environment = os.environ if environment is None else environment
    path = Path(environment.get("SYNC_WORKER_CONFIG", "config/worker.yaml"))
    if "SYNC_WORKER_CONFIG" in environment and not path.exists():
        raise ConfigurationError(f"SYNC_WORKER_CONFIG: the file {path} does not exist.", hint="Correct the path or unset the variable.")
    from_file = _read_file(path) if path.exists() else {}
    from_environment = {name: environment[alias] for alias, name in FIELD_BY_VARIABLE.items() if environment.get(alias)}
    _reject_unknown(environment)
    try:
        return Settings(**{**from_file, **from_environment})
    except ValidationError as error:
        raise ConfigurationError(" ".join(_format_errors(error, path, from_environment)), hint="See config/example.env.") from None


def _reject_unknown(environment: Mapping[str, str]) -> None:
    known = {*FIELD_BY_VARIABLE, "SYNC_WORKER_CONFIG"}
    for name in sorted(environment):
        # Other programs may use HUBSPOT_ variables, so only names similar to ours are errors there.
        if name not in known and (name.startswith("SYNC_WORKER_") or (name.startswith("HUBSPOT_") and _is_similar(name, known))):
            raise ConfigurationError(f"Environment: {name} is not a setting.{_suggest(name, known)}", hint="See config/example.env.")


def _is_similar(name: str, known: Iterable[str]) -> bool:
    return bool(get_close_matches(name, list(known), 1, 0.85))


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{path}:{line}: not YAML: {error.problem}.", hint="Correct the line.") from error
    except RecursionError:
        raise ConfigurationError(f"{path}: nested too deeply.", hint=NEW_FILE) from None
    except (YAMLError, OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}.", hint="Correct or remove the file.") from error
    if content is None:
        return {}
    if not isinstance(content, CommentedMap):
        raise ConfigurationError(f"{path}:1: expected one `name: value` per line.", hint=NEW_FILE)
    names = set(FIELD_BY_VARIABLE.values()) - {"access_token"}
    for key in content:
        line = content.lc.key(key)[0] + 1
        if key == "access_token":
            raise ConfigurationError(f"{path}:{line}: the token must not be in a file.", hint="Set HUBSPOT_ACCESS_TOKEN instead.")
        if key not in names:
            raise ConfigurationError(f"{path}:{line}: {key} is not a setting.{_suggest(str(key), names)}", hint=NEW_FILE)
    return dict(content)


def _format_errors(error: ValidationError, path: Path, from_environment: Mapping[str, str]) -> Iterable[str]:
    aliases = {name: alias for alias, name in FIELD_BY_VARIABLE.items()}
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else "settings"
        name = FIELD_BY_VARIABLE.get(name, name)
        location = aliases.get(name, name) if name in from_environment else f"{path}: {name}"
        # Only values with an expectation are quoted: tokens and URLs may be secret.
        expected = _describe_values(Settings.model_fields[name]) if name in Settings.model_fields else None
        message = f"expected {expected}, not {problem['input']!r}" if expected else problem["msg"].removeprefix("Value error, ")
        yield f"{location}: {message}."


def _describe_values(field: FieldInfo) -> str | None:
    """Return the valid values of a number, a time, a choice or a name in words."""
    kinds = [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not type(None)]
    if {*kinds} <= {int, float}:
        return f"{'a whole number' if int in kinds else 'a number'}{_describe_limits(field)}"
    if kinds == [time]:
        return "a time such as 02:00"
    if all(isinstance(kind, str) for kind in kinds):
        return " or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
    return (
        "up to 40 lower-case letters, digits and _, the first one a letter" if any(hasattr(m, "pattern") for m in field.metadata) else None
    )


def _describe_limits(field: FieldInfo) -> str:
    limits = {name: getattr(each, name) for each in field.metadata for name in ("ge", "gt", "le") if hasattr(each, name)}
    low = f" above {limits['gt']:g}" if "gt" in limits else f" of at least {limits['ge']:g}" if "ge" in limits else ""
    if "le" not in limits:
        return low
    return f"{low} and at most {limits['le']:g}" if "gt" in limits else f" from {limits['ge']:g} to {limits['le']:g}"


def _suggest(name: str, known: Iterable[str]) -> str:
    matches = get_close_matches(name, list(known), 1, 0.6)
    return f" Did you mean {matches[0]}?" if matches else ""
