"""Every error of the worker, grouped by what it means for the run.

    SyncWorkerError
    ├── FatalError               nothing can be done in this run
    │   ├── ConfigurationError       a setting or the way it was called             exit 2
    │   ├── ModelError               the model file, with file and line             exit 2
    │   ├── StateError               the state file is not ours, or damaged         exit 2
    │   ├── AccessDenied             HubSpot says no                                exit 3
    │   │   ├── Unauthorized             the token
    │   │   └── Forbidden                a scope or the plan
    │   ├── BadRequest               HubSpot did not accept a request as a whole    exit 3
    │   └── UnsafePlan               the plan changes too much                      exit 5
    ├── TransientError           it may work later                              exit 4
    │   ├── Unavailable              no answer, or an answer that makes no sense
    │   │   └── RateLimited              the burst or the search limit
    │   ├── QuotaExceeded            the daily limit
    │   ├── StateBusy                the database does not answer, or another process holds it
    │   └── PortalBusy               another worker holds the portal
    └── RecordError              this record cannot, the others can            exit 1
        ├── NotFound                 no such record
        └── RecordRejected           HubSpot refused its values

Each error says what was being done (`operation`) and what the operator can do (`hint`). The message of an error that is
raised without one is its docstring.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    SOME_REJECTED = 1
    USAGE = 2
    REFUSED = 3
    TRY_AGAIN = 4
    UNSAFE = 5


class SyncWorkerError(Exception):
    """The worker could not go on."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str | None = None, *, operation: str | None = None, hint: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.operation = operation
        self.hint = hint
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return one paragraph for a person: what was done, what went wrong, the way out."""
        said = f"{self.operation}: {self.message}" if self.operation else self.message
        return f"{said} {self.hint}" if self.hint else said


# Stop: nothing can be done in this run.


class FatalError(SyncWorkerError):
    """The run cannot go on."""


class ConfigurationError(FatalError):
    """The settings do not fit."""


class ModelError(FatalError):
    """The model file cannot be used."""


class StateError(FatalError):
    """The state cannot be used."""


class AccessDenied(FatalError):
    """HubSpot refused."""

    exit_code = ExitCode.REFUSED


class Unauthorized(AccessDenied):
    """HubSpot does not accept the token."""


class Forbidden(AccessDenied):
    """The token lacks a scope, or the portal's plan lacks the feature."""


class BadRequest(FatalError):
    """HubSpot did not accept the request."""

    exit_code = ExitCode.REFUSED


class UnsafePlan(FatalError):
    """The plan would change too much."""

    exit_code = ExitCode.UNSAFE


# Try again: it may work later.


class TransientError(SyncWorkerError):
    """It may work later."""

    exit_code = ExitCode.TRY_AGAIN


class Unavailable(TransientError):
    """HubSpot cannot be reached."""

    def __init__(
        self,
        message: str | None = None,
        *,
        operation: str | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, operation=operation, hint=hint)
        self.retry_after = retry_after  # seconds, where HubSpot named them


class StateBusy(TransientError):
    """The state cannot be reached now."""


class RateLimited(Unavailable):
    """HubSpot asks for a slower pace."""


class QuotaExceeded(TransientError):
    """The daily limit of calls is used up."""


class PortalBusy(TransientError):
    """Another worker is at work on this portal."""


# Skip: this record cannot, the others can.


class RecordError(SyncWorkerError):
    """This record is left out."""

    exit_code = ExitCode.SOME_REJECTED


class NotFound(RecordError):
    """There is no such record."""


class RecordRejected(RecordError):
    """HubSpot refused the values of this record."""
