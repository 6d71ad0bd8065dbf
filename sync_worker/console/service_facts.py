"""What the console shows of the running service; only its process knows these facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRun:
    """When a job of the service runs next."""

    job: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """The service at this moment. `problems` are the sentences of `/readyz`; `next_runs` is sorted by time."""

    problems: Sequence[str] = ()
    is_running: bool = False  # a run is active
    next_runs: Sequence[NextRun] = ()
