"""The import in flight, saved in the state before it is sent, so that the next run can wait for it.

HubSpot continues an import after the run that started it was killed. The next run waits until HubSpot has finished it: otherwise old
values could overwrite new ones.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from sync_worker.errors import Forbidden, NotFound, Unavailable
from sync_worker.hubspot.api.bulk.imports import Imports
from sync_worker.hubspot.api.bulk.polling import Poller
from sync_worker.hubspot.records.models import Import
from sync_worker.store.database import Store
from sync_worker.store.saved_state import pending_import
from sync_worker.store.saved_state.pending_import import PendingImport
from sync_worker.timestamps import from_ms, to_ms

PENDING_TTL: Final = timedelta(days=1)  # runs do not wait for an older import
RETRY_HINT: Final = "Run again later; the next run continues to wait. A run waits for `bulk_minutes`."

log = structlog.get_logger()


class ImportPending(Unavailable):
    """HubSpot has not finished an import in time."""


def save_pending(store: Store, name: str, import_id: str | None, now: datetime) -> None:
    """Save the import that is about to start, or has started with an id."""
    with store.transaction() as tx:
        pending_import.save(tx, PendingImport(name=name, import_id=import_id, started_at=to_ms(now)))


def clear_pending(store: Store) -> None:
    """Save that no import is in flight."""
    with store.transaction() as tx:
        pending_import.delete(tx)


def wait(imports: Imports, started_import: Import, poller: Poller) -> Import:
    """Wait until an import has finished. Raises ImportPending on timeout."""
    if started_import.is_finished:
        return started_import
    if (found := imports.wait_until_finished(started_import.id, poller)) is None:
        message = f"HubSpot has not finished import {started_import.id} after {poller.timeout}."
        raise ImportPending(message, operation="wait for an import", hint=RETRY_HINT)
    return found


def wait_for_previous(imports: Imports, store: Store, poller: Poller, now: datetime) -> None:
    """Wait for the import of an earlier run that was stopped, if there is one. The next read finds the values that it wrote.

    Raises:
        ImportPending: HubSpot has not finished it in time.
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
        # Without access, the run cannot wait; the next read finds the values that the import wrote.
        log.warning("import.not_visible", reason=error.message)
