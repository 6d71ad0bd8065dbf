"""Contacts: a full scan of all of them, or those that changed since the cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Connection

from sync_worker.batched import batched
from sync_worker.errors import StateError
from sync_worker.hubspot.records.models import Contact
from sync_worker.intervals import Interval
from sync_worker.model.compiled.facts import SUBSCRIPTIONS
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.facts import coverage
from sync_worker.store.facts import feedback as feedback_store
from sync_worker.store.facts import subscriptions as subscription_store
from sync_worker.store.saved_state import scan_state
from sync_worker.sync.pull.activity import page_view_history
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.exports import ExportReader
from sync_worker.sync.pull.records.cursors import last_full_scan
from sync_worker.sync.pull.records.full_scan import CONTACT_STREAM, FullScan
from sync_worker.sync.pull.records.incremental import IncrementalReader
from sync_worker.sync.pull.records.subscriptions import fetch_subscriptions
from sync_worker.timestamps import from_ms, to_ms

ID_BATCH_SIZE: Final = 1_000  # contacts that are requested by id in one batch

log = structlog.get_logger()


def can_resume(context: PullContext) -> bool:
    """Return whether every property that the model uses has been read, so that reading the changes is enough.

    Properties that the model no longer uses are not read with the changes, so their values are unknown from now on.
    """
    return context.transact(partial(_check_read_properties, requested=_properties_to_read(context)))


def _check_read_properties(tx: Connection, requested: Sequence[str]) -> bool:
    known = scan_state.load_read_properties(tx)
    if scan_state.load_cursor(tx, CONTACT_STREAM) is None or not set(requested) <= set(known):
        return False
    if tuple(requested) != known:
        scan_state.save_read_properties(tx, requested)
        scan_state.abandon_full_scan(tx)
    return True


def read_changed_contacts(context: PullContext) -> bool:
    """Read the contacts that changed since the cursor, less an overlap; return whether a backlog is left to the next run."""
    # These contacts exist. An interrupted full scan that has passed their ids must not mark them as deleted.
    cursor, scan = context.load_cursor(CONTACT_STREAM), context.transact(scan_state.load_full_scan)
    if cursor is None or scan is None:
        raise StateError("The state has no finished full scan of the contacts.", hint="Run `sync-worker backfill`.")
    reader = IncrementalReader(
        contacts=context.hubspot.contacts,
        store=context.store,
        properties=context.row_mapper.contact_properties,
        clock=context.clock,
        overlap=context.overlap,
        save=partial(_save, context, scan_id=scan.number, before_save=page_view_history.enqueue, only_changed=True),
        read_by_id=partial(read_selected_contacts, context),
        max_pages=context.max_backlog_pages,
    )
    progress = reader.read(from_ms(cursor))
    if not progress.is_complete:
        log.warning("contacts.search_incomplete", next="the next run reads the same changes again")
    context.transact(lambda tx: scan_state.save_cursor(tx, CONTACT_STREAM, to_ms(progress.cursor)))
    return progress.has_backlog


def read_selected_contacts(context: PullContext, ids: Sequence[int]) -> None:
    """Read some contacts by id, which is strongly consistent. Those that HubSpot does not have are marked as deleted."""
    for some in batched(ids, ID_BATCH_SIZE):
        found = context.hubspot.contacts.read(some, context.row_mapper.contact_properties)
        _save(context, found.items, scan_id=0, before_save=page_view_history.enqueue)
        gone = [*found.missing, *found.merged_into]
        context.transact(partial(contact_store.mark_deleted, ids=gone))


def read_changes_since_scan(context: PullContext) -> None:
    """Read what changed since a full scan started that was interrupted: contacts that it read before may be out of date."""
    started_at = context.load_cursor(CONTACT_STREAM)
    if started_at is not None and from_ms(started_at) < context.now - context.overlap:
        read_changed_contacts(context)


def scan_contacts(
    context: PullContext, export_reader: ExportReader | None, on_saved: Callable[[Sequence[int]], None], *, interleave_writes: bool
) -> None:
    """Scan all contacts, or resume an interrupted scan; mark contacts that no longer exist as deleted.

    `on_saved` gets the ids of saved contacts in the thread that owns the store. With `interleave_writes`, the scan leaves room in the
    burst budget for one write of each contact.
    """
    is_first = context.load_cursor(CONTACT_STREAM) is None
    # In the first scan every contact is new, and all events are read anyway.
    before_save = _nothing if is_first else page_view_history.enqueue
    FullScan(
        context=context,
        requested_properties=_properties_to_read(context),
        save=partial(_save, context, before_save=before_save, on_saved=on_saved),
        export_reader=export_reader,
        interleave_writes=interleave_writes,
    ).read()
    context.transact(partial(_finish_scan, read_properties=_properties_to_read(context)))


def _finish_scan(tx: Connection, read_properties: Sequence[str]) -> None:
    scan_state.save_read_properties(tx, read_properties)
    if (started_at := last_full_scan(tx)) is not None:
        scan_state.save_cursor(tx, CONTACT_STREAM, started_at)


def _properties_to_read(context: PullContext) -> list[str]:
    company = [f"company.{name}" for name in context.row_mapper.company_properties]
    subscriptions = [SUBSCRIPTIONS] if context.reads_subscriptions else []
    return [*context.row_mapper.contact_properties, *company, *subscriptions]


def _save(
    context: PullContext,
    contacts: Sequence[Contact],
    *,
    scan_id: int,
    intervals: Iterable[Interval] = (),
    before_save: Callable[[Connection, Sequence[int]], None],
    on_saved: Callable[[Sequence[int]], None] = lambda _: None,
    only_changed: bool = False,
) -> None:
    readable = [contact for contact in contacts if contact.is_readable]
    rows, ids = context.row_mapper.contact_rows(readable), [contact.id for contact in readable]
    answers, model = context.row_mapper.feedback_answers(readable), context.row_mapper.crm_schema.model.hash
    subscriptions = fetch_subscriptions(context, rows, only_changed=only_changed)

    def write(tx: Connection) -> None:
        before_save(tx, ids)
        if subscriptions:  # before the contacts, so that only those that are in the state already are marked as due
            subscription_store.save(tx, subscriptions)
            context.counts[SUBSCRIPTIONS] += len(subscriptions)
        contact_store.save(tx, rows, scan_id=scan_id)
        feedback_store.save(tx, answers, model=model, at=context.now_ms)
        if len(readable) < len(contacts):  # the others exist, so they keep their last known values
            contact_store.mark_seen(tx, [contact.id for contact in contacts], scan_id=scan_id)
        coverage.add_intervals(tx, CONTACT_STREAM, intervals)
        on_saved(ids)

    context.save(CONTACT_STREAM, len(rows), write)


def _nothing(_tx: Connection, _ids: Sequence[int]) -> None:
    return
