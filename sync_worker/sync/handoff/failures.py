"""Errors that end a delivery and not its run: everything else of the run is done."""

from __future__ import annotations

from collections.abc import Callable

from sync_worker.errors import BadRequest, Forbidden, PortalBusy, RecordError, StateBusy, TransientError


def find_failure(deliver: Callable[[], str | None], *, advice: str = "") -> str | None:
    """Deliver messages; return why the rest of them waits, or None. `advice` is for an operator if HubSpot refuses the request.

    Raises PortalBusy or StateBusy if the run has lost its lease or the state.
    """
    try:
        return deliver()
    except (PortalBusy, StateBusy):
        raise
    except (Forbidden, BadRequest) as error:
        return f"{error} {advice}".rstrip()
    except (TransientError, RecordError) as error:
        return str(error)
