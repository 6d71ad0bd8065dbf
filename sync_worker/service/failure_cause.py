"""Why a cycle failed, as one of a few words: the label of the metric that the alerts use. deploy/runbook.md has a section for each."""

from __future__ import annotations

from typing import Final

from sync_worker.errors import (
    AccessDenied,
    BadRequest,
    ClockSkewed,
    ConfigurationError,
    ModelError,
    PortalBusy,
    QuotaExceeded,
    StateBusy,
    StateError,
    SyncWorkerError,
    Unauthorized,
    UnsafePlan,
)
from sync_worker.resource_errors import ResourceExhausted
from sync_worker.service.degraded_state import ServiceCrashed
from sync_worker.sync.apply.pending_import import ImportPending

# The first class that fits decides, so a class is before its parents.
_CAUSES: Final[tuple[tuple[type[SyncWorkerError], str], ...]] = (
    (Unauthorized, "token"),
    (AccessDenied, "scope"),
    (UnsafePlan, "plan_refused"),
    (ClockSkewed, "clock"),
    (ModelError, "model"),
    (ConfigurationError, "missing_object"),
    (BadRequest, "missing_object"),
    (QuotaExceeded, "daily_limit"),
    (PortalBusy, "other_worker"),
    (StateBusy, "database"),
    (StateError, "state"),
    (ResourceExhausted, "resources"),
    (ImportPending, "import_pending"),
    (ServiceCrashed, "bug"),
)
HUBSPOT: Final = "hubspot"  # no reply, or an invalid one
CAUSES: Final = tuple(dict.fromkeys([*(cause for _, cause in _CAUSES), HUBSPOT]))


def find_cause(error: SyncWorkerError) -> str:
    """Return the cause of an error that ended a cycle."""
    return next((cause for kind, cause in _CAUSES if isinstance(error, kind)), HUBSPOT)
