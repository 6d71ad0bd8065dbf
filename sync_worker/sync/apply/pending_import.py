"""The import that is under way, noted in the state before it is sent, so that a run that is stopped leaves no secret behind.

HubSpot goes on with an import when the run that began it is no more. The next run waits until HubSpot is done with it: else something
old might be written over something new.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from sync_worker.errors import Forbidden, NotFound, Unavailable
from sync_worker.hubspot.api.imports import Imports
from sync_worker.hubspot.api.polling import Poller
from sync_worker.hubspot.records.models import Import
from sync_worker.store import key_value
from sync_worker.store.database import Store
from sync_worker.timestamps import from_ms, to_ms

KEY: Final = "import"  # {name, id or None, at}
FORGOTTEN_AFTER: Final = timedelta(days=1)  # what HubSpot has not done by then holds nobody up
RUN_AGAIN: Final = "Run again later: the next run goes on waiting for it. `bulk_minutes` is how long a run waits."

log = structlog.get_logger()


def note(store: Store, name: str, number: str | None, now: datetime) -> None:
    """Note that an import of this name is about to begin, or has begun with this number."""
    with store.transaction() as tx:
        key_value.put(tx, KEY, {"name": name, "id": number, "at": to_ms(now)})


def forget(store: Store) -> None:
    """Note that no import is under way."""
    with store.transaction() as tx:
        key_value.put(tx, KEY, None)


def ended(imports: Imports, begun: Import, waiting: Poller) -> Import:
    """Wait for the end of an import; raises Unavailable where that takes too long."""
    if begun.is_finished:
        return begun
    if (found := imports.wait_until_finished(begun.id, waiting)) is None:
        said = f"HubSpot is not done with import {begun.id} after {waiting.timeout}."
        raise Unavailable(said, operation="wait for an import", hint=RUN_AGAIN)
    return found


def settle(imports: Imports, store: Store, waiting: Poller, now: datetime) -> None:
    """Wait for the import that an earlier run was stopped in, if there is one; what it wrote is found by reading.

    Raises:
        Unavailable: HubSpot is not done with it.
    """
    with store.transaction() as tx:
        noted: dict[str, Any] | None = key_value.get(tx, KEY)
    if noted is None:
        return
    if now < from_ms(noted["at"]) + FORGOTTEN_AFTER:
        log.info("import.awaited", name=noted["name"])
        _wait(imports, noted, waiting)
    forget(store)


def _wait(imports: Imports, noted: Mapping[str, Any], waiting: Poller) -> None:
    try:
        found = imports.get(noted["id"]) if noted["id"] else imports.find_by_name(noted["name"])
        if found is not None:
            ended(imports, found, waiting)
    except (Forbidden, NotFound) as error:
        # Who may not look can't wait either; HubSpot's search shows what it has written.
        log.warning("import.not_visible", reason=error.message)
