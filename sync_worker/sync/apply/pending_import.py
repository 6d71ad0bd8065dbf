"""The import that is under way, noted in the state before it is sent, so that a run that is stopped leaves no secret behind.

HubSpot goes on with an import when the run that began it is no more. The next run waits until HubSpot is done with it: else something
old might be written over something new.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from sync_worker.errors import Forbidden, NotFound, Unavailable
from sync_worker.hubspot.api.imports import Imports
from sync_worker.hubspot.api.polling import Poller
from sync_worker.hubspot.records.models import Import
from sync_worker.store import pending_import
from sync_worker.store.database import Store
from sync_worker.store.pending_import import PendingImport
from sync_worker.timestamps import from_ms, to_ms

PENDING_TTL: Final = timedelta(days=1)  # what HubSpot has not done by then holds nobody up
RETRY_HINT: Final = "Run again later: the next run goes on waiting for it. `bulk_minutes` is how long a run waits."

log = structlog.get_logger()


def save_pending(store: Store, name: str, import_id: str | None, now: datetime) -> None:
    """Note that an import of this name is about to begin, or has begun with this number."""
    with store.transaction() as tx:
        pending_import.save(tx, PendingImport(name=name, import_id=import_id, started_at=to_ms(now)))


def clear_pending(store: Store) -> None:
    """Note that no import is under way."""
    with store.transaction() as tx:
        pending_import.delete(tx)


def wait(imports: Imports, started_import: Import, poller: Poller) -> Import:
    """Wait for the end of an import; raises Unavailable where that takes too long."""
    if started_import.is_finished:
        return started_import
    if (found := imports.wait_until_finished(started_import.id, poller)) is None:
        said = f"HubSpot is not done with import {started_import.id} after {poller.timeout}."
        raise Unavailable(said, operation="wait for an import", hint=RETRY_HINT)
    return found


def wait_for_previous(imports: Imports, store: Store, poller: Poller, now: datetime) -> None:
    """Wait for the import that an earlier run was stopped in, if there is one; what it wrote is found by reading.

    Raises:
        Unavailable: HubSpot is not done with it.
    """
    with store.transaction() as tx:
        noted = pending_import.load(tx)
    if noted is None:
        return
    if now < from_ms(noted.started_at) + PENDING_TTL:
        log.info("import.awaited", name=noted.name)
        _wait_for_saved(imports, noted, poller)
    clear_pending(store)


def _wait_for_saved(imports: Imports, pending: PendingImport, poller: Poller) -> None:
    try:
        found = imports.get(pending.import_id) if pending.import_id else imports.find_by_name(pending.name)
        if found is not None:
            wait(imports, found, poller)
    except (Forbidden, NotFound) as error:
        # Who may not look can't wait either; HubSpot's search shows what it has written.
        log.warning("import.not_visible", reason=error.message)
