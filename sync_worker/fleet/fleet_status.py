"""The fleet for `list`, `status` and the metrics: for people, JSON for programs, or figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sync_worker.errors import ExitCode
from sync_worker.fleet.fleet_portal import FleetPortal, Lane, PortalCondition
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
class FleetWorker:
    """A worker process that was seen lately."""

    place: str  # host and process
    version: str
    short_runs: int  # at a time
    long_runs: int
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStatus:
    """What the portals of a fleet do at one moment."""

    portals: Sequence[FleetPortal]
    workers: Sequence[FleetWorker]
    queued: Mapping[Lane, int]  # runs that wait for a place
    now: datetime
    exit_code: ExitCode = ExitCode.DONE

    def count(self) -> Counter[PortalCondition]:
        """Return the number of portals by condition."""
        return Counter(portal.condition for portal in self.portals)

    def find_oldest_waits(self) -> Mapping[Lane, float]:
        """Return for how many seconds a run has been due at most, by lane."""
        waits = dict.fromkeys(Lane, 0.0)
        for portal in self.portals:
            if not portal.paused_at and not portal.is_running:
                waits[portal.lane] = max(waits[portal.lane], (self.now - portal.next_run_at).total_seconds())
        return waits

    @property
    def max_lag(self) -> float:
        """Return for how many seconds the last portal is behind HubSpot, without the paused ones."""
        lags = [lag.total_seconds() for portal in self.portals if not portal.paused_at and (lag := portal.lag(self.now))]
        return max(lags, default=0.0)

    def as_json(self) -> dict[str, Any]:
        """Return the status for `--json`."""
        counts, waits = self.count(), self.find_oldest_waits()
        return {
            "portals": [_status_json(portal, self.now) for portal in self.portals],
            "counts": {condition.value: counts[condition] for condition in PortalCondition},
            "queued": {lane.value: self.queued[lane] for lane in Lane},
            "oldest_wait_seconds": {lane.value: round(waits[lane], 1) for lane in Lane},
            "workers": [
                {**asdict(worker), "started_at": to_iso(worker.started_at), "seen_at": to_iso(worker.seen_at)} for worker in self.workers
            ],
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
            "cause": last.cause,
        },
        "last_done": to_iso(last.done_at),
        "failures_in_a_row": portal.failures.number,
        "contacts": last.contacts,
        "mqls": last.mqls,
        "held_back": last.held_back,
        "lag_seconds": None if lag is None else round(lag.total_seconds(), 1),
    }
