"""The fleet as an operator sees it: entries are added, listed, paused, resumed and removed; their runs happen in `service`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sync_worker.errors import ConfigurationError
from sync_worker.fleet.database import FleetDatabase
from sync_worker.fleet.fleet_portal import FleetPortal, check_name
from sync_worker.fleet.fleet_status import FleetList, FleetStatus
from sync_worker.fleet.portal_settings import STATE_OPTION, TOKEN_OPTION, build_environment, build_portal_settings, read_overrides
from sync_worker.fleet.registry import Registry
from sync_worker.fleet.secret_reference import SecretReference
from sync_worker.settings import Settings
from sync_worker.worker import build_worker, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The commands of an operator."""

    settings: Settings
    database: FleetDatabase
    clock: Callable[[], datetime] = utc_now

    @property
    def registry(self) -> Registry:
        """Return the table of the portals."""
        return Registry(database=self.database)

    def add(
        self, name: str, *, token: str, model: str, settings_file: Path | None, state_url: str | None, priority: int, is_checked: bool
    ) -> FleetPortal:
        """Add a portal, and return its entry; with `is_checked`, its token, model and portal are checked first.

        Raises ConfigurationError or ModelError if the entry cannot work, AccessDenied if HubSpot does not accept the token.
        """
        entry = FleetPortal(
            name=check_name(name),
            token=str(SecretReference.parse(token, TOKEN_OPTION)),
            model=model,
            settings=read_overrides(settings_file),
            state_url=_check_state_url(state_url),
            priority=priority,
            next_run_at=self.clock(),
        )
        self.database.create_tables()
        if is_checked:
            entry = self._check(entry)
        self.registry.add(entry)
        if entry.state_url is None:
            self.database.create_state_schema(name)
        return entry

    def load_list(self) -> FleetList:
        """Return all entries; raises ConfigurationError if the database has no fleet."""
        self.database.require_tables()
        return FleetList(portals=self.registry.load_all())

    def status(self, names: Collection[str] = ()) -> FleetStatus:
        """Return the status of some portals, by default of all."""
        self.database.require_tables()
        return self.registry.load_status(self.clock(), names)

    def pause(self, names: Sequence[str], note: str) -> None:
        """Pause portals, by default all; active runs end first."""
        self.database.require_tables()
        self.registry.pause(names or self._all_names(), self.clock(), note)

    def resume(self, names: Sequence[str]) -> None:
        """Let portals run now, by default all; their failures are forgotten."""
        self.database.require_tables()
        self.registry.resume(names or self._all_names(), self.clock())

    def remove(self, name: str, *, drop_state: bool) -> FleetPortal:
        """Remove an entry and return it; its state stays unless `drop_state`."""
        self.database.require_tables()
        removed = self.registry.remove(name)
        if drop_state and removed.state_url is None:
            self.database.drop_state_schema(name)
        return removed

    def build_environment(self, name: str) -> Mapping[str, str]:
        """Return the environment variables with which any command runs on a portal of the fleet."""
        self.database.require_tables()
        return build_environment(build_portal_settings(self.settings, self.registry.load(name), self.database))

    def _all_names(self) -> list[str]:
        return [portal.name for portal in self.registry.load_all()]

    def _check(self, entry: FleetPortal) -> FleetPortal:
        with build_worker(build_portal_settings(self.settings, entry, self.database), clock=self.clock) as worker:
            _ = worker.outputs  # reads the model
            return replace(entry, portal_id=worker.hubspot.account.read_details().portal_id)


@contextmanager
def open_fleet(settings: Settings) -> Iterator[Fleet]:
    """Open the fleet of the settings; raises ConfigurationError if its URL is missing or wrong."""
    with closing(FleetDatabase.connect(settings.fleet_url)) as database:
        yield Fleet(settings=settings, database=database)


def _check_state_url(text: str | None) -> str | None:
    """Return a URL or a reference; raises ConfigurationError if it contains a password, which the table must not have."""
    if text is None or text.startswith(("env:", "file:", "command:")):
        return text
    user = text.partition("://")[2].rpartition("@")[0]
    if "://" not in text or ":" in user:
        raise ConfigurationError(
            f"{STATE_OPTION}: expected a database URL without a password, or a reference to one.", hint="Example: env:ACME_STATE_URL."
        )
    return text
