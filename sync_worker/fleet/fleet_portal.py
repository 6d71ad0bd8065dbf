"""A portal of the fleet: its entry, and what its last run said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sync_worker.errors import ConfigurationError

NAME_PATTERN: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")  # part of the name of a schema


class RunKind(StrEnum):
    """What a run does. The names are those of the jobs of `serve`."""

    BACKFILL = "backfill"
    SYNC = "sync"
    REEVALUATION = "re-evaluation"
    RESCAN = "rescan"


class Lane(StrEnum):
    """A queue with places of its own, so that no long run takes the place of a short one."""

    SHORT = "short"
    LONG = "long"


class PortalCondition(StrEnum):
    """The state of a portal in one word."""

    PAUSED = "paused"
    RUNNING = "running"
    FAILING = "failing"
    NEW = "new"  # its first run is not done
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The last run, and the figures of the state after it. Without a run, everything is empty (None)."""

    kind: RunKind | None = None
    started_at: datetime | None = None
    started_on: str | None = None
    finished_at: datetime | None = None
    seconds: float | None = None
    exit_code: int | None = None
    error: str | None = None
    cause: str | None = None  # of the error, one of `service.failure_cause.CAUSES`
    done_at: datetime | None = None  # end of the last run that no error ended
    contacts: int | None = None
    mqls: int | None = None
    held_back: int | None = None
    read_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Failed runs since the last one that was done."""

    since: datetime | None = None
    fatal_since: datetime | None = None
    number: int = 0
    fatal_number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPortal:
    """One entry of the fleet."""

    name: str
    token: str
    model: str
    next_run_at: datetime
    next_run: RunKind = RunKind.BACKFILL
    rescan_not_before: datetime | None = None
    state_url: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    portal_id: int | None = None
    paused_at: datetime | None = None
    pause_reason: str | None = None
    last: LastRun = LastRun()
    failures: Failures = Failures()
    is_running: bool = False
    lane: Lane = Lane.LONG  # of the next run

    @property
    def condition(self) -> PortalCondition:
        """Return the state in one word."""
        if self.is_running:
            return PortalCondition.RUNNING
        if self.paused_at:
            return PortalCondition.PAUSED
        if self.failures.number:
            return PortalCondition.FAILING
        return PortalCondition.OK if self.last.done_at else PortalCondition.NEW

    def lag(self, now: datetime) -> timedelta | None:
        """Return how far the state is behind HubSpot; None before the first run."""
        return now - self.last.read_to if self.last.read_to else None


def check_name(name: str) -> str:
    """Return the name; raises ConfigurationError if it cannot be the name of a portal."""
    if not NAME_PATTERN.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is not a name for a portal.", hint="Use up to 40 lower-case letters, digits and hyphens, the first one a letter."
        )
    return name
