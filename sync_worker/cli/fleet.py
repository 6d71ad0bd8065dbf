"""The fleet for the commands; it needs the extra `fleet`."""

from __future__ import annotations

from sync_worker.errors import MissingExtra, explain_extra

try:
    from sync_worker.fleet.fleet import Fleet, open_fleet
    from sync_worker.fleet.service import FleetService
except ModuleNotFoundError as error:  # pragma: no cover -- the tests run with every extra
    raise MissingExtra(f"The fleet is not installed ({error.name} is missing).", hint=explain_extra("fleet")) from error

__all__ = ["Fleet", "FleetService", "open_fleet"]
