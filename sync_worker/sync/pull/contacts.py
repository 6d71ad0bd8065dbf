"""Contacts: a full scan of all of them, or those that changed since the cursor."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import TypeAlias

from sqlalchemy import Connection

from sync_worker.errors import StateError
from sync_worker.hubspot.records.models import Contact
from sync_worker.intervals import Interval
from sync_worker.store import contacts as contact_store
from sync_worker.store import coverage, scan_state
from sync_worker.sync.pull import page_view_history
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.cursors import last_full_scan
from sync_worker.sync.pull.exports import ExportReader
from sync_worker.sync.pull.full_scan import CONTACT_STREAM, FullScan
from sync_worker.sync.pull.incremental import IncrementalReader
from sync_worker.timestamps import from_ms, to_ms

ContactIdBatches: TypeAlias = Generator[Sequence[int], None, None]  # the ids of saved contacts


def can_resume(context: PullContext) -> bool:
    """Return whether every property that the model uses has been read, so that reading the changes is enough.

    Properties that the model no longer uses are not read with the changes, so their values are unknown from now on.
    """
    requested = _properties_to_read(context)
    with context.store.transaction() as tx:
        known = scan_state.load_read_properties(tx)
        if scan_state.load_cursor(tx, CONTACT_STREAM) is None or not set(requested) <= set(known):
            return False
        if tuple(requested) != known:
            scan_state.save_read_properties(tx, requested)
            scan_state.abandon_full_scan(tx)
        return True


def read_changed_contacts(context: PullContext) -> None:
    """Read the contacts that changed since the cursor, less an overlap."""
    with context.store.transaction() as tx:
        cursor = scan_state.load_cursor(tx, CONTACT_STREAM)
        # These contacts exist. An interrupted full scan that has passed their ids must not mark them as deleted.
        scan = scan_state.load_full_scan(tx)
    if cursor is None or scan is None:
        raise StateError("The state has no finished full scan of the contacts.", hint="Run `sync-worker backfill`.")
    changes = IncrementalReader(
        contacts=context.hubspot.contacts,
        store=context.store,
        properties=context.row_mapper.contact_properties,
        clock=context.clock,
        overlap=context.overlap,
        save=partial(_save, context, scan_id=scan.number, before_save=page_view_history.enqueue),
    )
    read_to = changes.read(from_ms(cursor))
    with context.store.transaction() as tx:
        scan_state.save_cursor(tx, CONTACT_STREAM, to_ms(max(read_to, context.now)))


def scan_contacts(context: PullContext, export_reader: ExportReader | None, *, interleave_writes: bool) -> ContactIdBatches:
    """Scan all contacts, or resume an interrupted scan; mark contacts that no longer exist as deleted; yield the ids of saved contacts.

    With `interleave_writes`, the scan leaves room in the burst budget for one write of each contact. Nothing is yielded when the scan
    has started, and while it waits for HubSpot: the caller can do other work then.
    """
    is_first = context.load_cursor(CONTACT_STREAM) is None
    # In the first scan every contact is new, and all events have just been read.
    save = partial(_save, context) if is_first else partial(_save, context, before_save=page_view_history.enqueue)
    yield from FullScan(
        hubspot=context.hubspot,
        store=context.store,
        properties=context.row_mapper.contact_properties,
        requested_properties=_properties_to_read(context),
        now=context.now,
        readers=context.readers,
        save=save,
        expect=partial(context.progress.expect, CONTACT_STREAM),
        export_reader=export_reader,
        interleave_writes=interleave_writes,
    ).read()
    with context.store.transaction() as tx:
        scan_state.save_read_properties(tx, _properties_to_read(context))
        if (started_at := last_full_scan(tx)) is not None:
            scan_state.save_cursor(tx, CONTACT_STREAM, started_at)


def _properties_to_read(context: PullContext) -> list[str]:
    company = [f"company.{name}" for name in context.row_mapper.company_properties]
    return [*context.row_mapper.contact_properties, *company]


def _save(
    context: PullContext,
    rows: Sequence[Contact],
    *,
    scan_id: int,
    intervals: Iterable[Interval] = (),
    before_save: Callable[[Connection, Sequence[int]], None] = lambda _tx, _ids: None,
) -> None:
    with context.store.transaction() as tx:
        before_save(tx, [row.id for row in rows])
        contact_store.save(tx, context.row_mapper.contact_rows(rows), scan_id=scan_id)
        coverage.add_intervals(tx, CONTACT_STREAM, intervals)
    context.count(CONTACT_STREAM, len(rows))
