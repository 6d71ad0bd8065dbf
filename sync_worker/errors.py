"""The errors of the worker, grouped by their effect on a run.

    SyncWorkerError
    ├── FatalError               the run stops
    │   ├── ConfigurationError       a setting, an argument or the portal           exit 2
    │   │   ├── ClockSkewed              this machine's clock differs from HubSpot's
    │   │   └── MissingExtra             a library of an extra is not installed
    │   ├── ModelError               the model file, with file and line             exit 2
    │   ├── StateError               the state is damaged or not readable           exit 2
    │   ├── AccessDenied             HubSpot refused access                         exit 3
    │   │   ├── Unauthorized             the token
    │   │   └── Forbidden                a scope or the plan
    │   ├── BadRequest               HubSpot rejected a whole request               exit 3
    │   ├── UnsafePlan               the plan changes too much                      exit 5
    │   ├── StalePlan                a saved plan does not hold any longer          exit 5
    │   └── ReportRequired           the model has no recent score report           exit 5
    ├── TransientError           a later run may succeed                        exit 4
    │   ├── Unavailable              no response, or an invalid response
    │   │   ├── Unreachable              no connection, or no complete response
    │   │   └── RateLimited              the ten-second or the search limit
    │   ├── OversizedReply           a response that is too large to be read
    │   ├── UnexpectedValue          a response with a value that the state cannot hold
    │   ├── QuotaExceeded            the daily limit
    │   ├── StateBusy                the database does not respond, or another process locks it
    │   └── PortalBusy               another worker is running on the portal
    └── RecordError              one record failed; a caller that expects it skips it, else exit 3
        └── NotFound                 the record does not exist

Each error has a message, the operation that failed (`operation`) and advice for the operator (`hint`). The docstring of the
class is the default message.
"""

from __future__ import annotations

import sys
from enum import IntEnum
from pathlib import Path

from sync_worker import __version__


class ExitCode(IntEnum):
    """Exit codes of the program; docs: deploy/runbook.md."""

    DONE = 0
    SOME_REJECTED = 1
    USAGE = 2
    REFUSED = 3
    TRY_AGAIN = 4
    UNSAFE = 5
    CHANGES_WAIT = 6  # only of `plan --exit-code`
    BUG = 70  # EX_SOFTWARE of sysexits.h
    INTERRUPTED = 130  # Ctrl-C, or a stop of the service during a run


class SyncWorkerError(Exception):
    """The worker stopped."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str | None = None, *, operation: str | None = None, hint: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.operation = operation
        self.hint = hint
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return operation, message and hint as one paragraph."""
        text = f"{self.operation}: {self.message}" if self.operation else self.message
        return f"{text} {self.hint}" if self.hint else text


# The run stops.


class FatalError(SyncWorkerError):
    """The run cannot continue."""


class ConfigurationError(FatalError):
    """The configuration is invalid."""


class MissingExtra(ConfigurationError):
    """A library of an extra is not installed."""


def explain_extra(extra: str, *, prefix: str = sys.prefix) -> str:
    """Return how to install an extra into the environment at `prefix`.

    No index has the package: a package of this name there would be of others.
    """
    wheel = f"sync_worker-{__version__}-py3-none-any.whl[{extra}]"
    if "pipx" in Path(prefix).parts:  # pip would install into another environment
        return f"Install the extra `{extra}`: `pipx install --force '{wheel}'` with the file of the wheel and all extras that you use."
    return f"Install the extra `{extra}`: `pip install '.[{extra}]'` in a checkout, or `pip install '{wheel}'` with the file of the wheel."


class ClockSkewed(ConfigurationError):
    """The clock of this machine differs from HubSpot's."""


class ModelError(FatalError):
    """The model file cannot be used."""


class StateError(FatalError):
    """The state cannot be used."""


class AccessDenied(FatalError):
    """HubSpot refused access."""

    exit_code = ExitCode.REFUSED


class Unauthorized(AccessDenied):
    """HubSpot does not accept the token."""


class Forbidden(AccessDenied):
    """The token lacks a scope, or the portal's plan lacks the feature."""


class BadRequest(FatalError):
    """HubSpot rejected the request."""

    exit_code = ExitCode.REFUSED


class UnsafePlan(FatalError):
    """The plan would change too much."""

    exit_code = ExitCode.UNSAFE


class StalePlan(FatalError):
    """What the plan rests on has changed."""

    exit_code = ExitCode.UNSAFE


class ReportRequired(FatalError):
    """An approval needs a recent score report of the same model."""

    exit_code = ExitCode.UNSAFE


# A later run may succeed.


class TransientError(SyncWorkerError):
    """A later run may succeed."""

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
        self.retry_after = retry_after  # seconds; None if HubSpot did not send Retry-After


class Unreachable(Unavailable):
    """No connection to HubSpot, or no complete response."""


class OversizedReply(TransientError):
    """HubSpot's reply is too large."""


class UnexpectedValue(TransientError):
    """HubSpot returned a value of an unexpected type or size."""


class StateBusy(TransientError):
    """The state is not available at the moment."""


class RateLimited(Unavailable):
    """HubSpot's rate limit is exceeded."""


class QuotaExceeded(TransientError):
    """The daily limit of calls is used up."""


class PortalBusy(TransientError):
    """Another worker is running on this portal."""


# One record failed, the run continues. If no caller expects the error, HubSpot refused the call as a whole.


class RecordError(SyncWorkerError):
    """This record is skipped."""

    exit_code = ExitCode.REFUSED


class NotFound(RecordError):
    """The record does not exist."""
