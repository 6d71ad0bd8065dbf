"""The fleet for `list` and `status`, as text for people or JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync_worker.errors import ExitCode
from sync_worker.fleet.fleet_portal import FleetPortal, PortalCondition
from sync_worker.timestamps import to_iso


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetList:
    """The entries of a fleet."""

    portals: Sequence[FleetPortal]
    exit_code: ExitCode = ExitCode.DONE

    def as_json(self) -> dict[str, Any]:
        """Return the entries for `--json`."""
        return {"portals": [_entry_json(portal) for portal in self.portals]}


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStatus:
    """What the portals of a fleet do at one moment."""

    portals: Sequence[FleetPortal]
    now: datetime
    exit_code: ExitCode = ExitCode.DONE

    def count(self) -> Counter[PortalCondition]:
        """Return the number of portals by condition."""
        return Counter(portal.condition for portal in self.portals)

    def as_json(self) -> dict[str, Any]:
        """Return the status for `--json`."""
        counts = self.count()
        return {
            "portals": [_status_json(portal, self.now) for portal in self.portals],
            "counts": {condition.value: counts[condition] for condition in PortalCondition},
        }


def _entry_json(portal: FleetPortal) -> dict[str, Any]:
    return {
        "name": portal.name,
        "portal": portal.portal_id,
        "token_from": portal.token,
        "model": portal.model,
        "state_url": portal.state_url,
        "settings": dict(portal.settings),
        "priority": portal.priority,
        "paused_since": to_iso(portal.paused_at),
        "pause_reason": portal.pause_reason,
    }


def _status_json(portal: FleetPortal, now: datetime) -> dict[str, Any]:
    last, lag = portal.last, portal.lag(now)
    return {
        "name": portal.name,
        "portal": portal.portal_id,
        "condition": portal.condition.value,
        "paused_since": to_iso(portal.paused_at),
        "pause_reason": portal.pause_reason,
        "next_run": {"kind": portal.next_run.value, "at": portal.next_run_at.isoformat(), "lane": portal.lane.value},
        "last_run": {
            "kind": last.kind.value if last.kind else None,
            "started_at": to_iso(last.started_at),
            "started_on": last.started_on,
            "finished_at": to_iso(last.finished_at),
            "seconds": last.seconds,
            "exit_code": last.exit_code,
            "error": last.error,
        },
        "last_done": to_iso(last.done_at),
        "failures_in_a_row": portal.failures.number,
        "contacts": last.contacts,
        "mqls": last.mqls,
        "held_back": last.held_back,
        "lag_seconds": None if lag is None else round(lag.total_seconds(), 1),
    }
