"""Saves events together with the state that marks them as read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import chain

from sqlalchemy import Connection

from sync_worker.hubspot.records.models import Event
from sync_worker.store.facts import events as event_store
from sync_worker.store.facts import repairs
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.item_errors import ItemErrors
from sync_worker.sync.pull.row_mapper import event_row
from sync_worker.sync.reader.keyed_stream import Stream, StreamBatch


def read_per_item(
    context: PullContext, stream: Stream[Event], items: Collection[object], save: Callable[[StreamBatch[Event]], None]
) -> None:
    """Read the events of each item, and save them page by page."""
    with context.open_batches(stream, hubspot_streams.unit_intervals(items), max_batches=1) as reads:
        for batch in chain.from_iterable(reads):
            save(batch)


def save_errors(context: PullContext, errors: ItemErrors) -> None:
    """Save which items could not be read; raise the error if no item could."""
    errors.raise_if_general()
    context.transact(errors.save)


def save_nothing(_: Connection) -> None:
    """Save no state: the item has more pages."""
    return


def save_events(
    context: PullContext,
    kind: str,
    events: Sequence[Event],
    save_state: Callable[[Connection], None] = save_nothing,
    *,
    is_late: Callable[[int], bool] = lambda _at: False,
) -> None:
    """Save events and the state that marks them as read in one transaction; `is_late` returns whether a time was read before.

    Events that the retention would delete are left out: a page of submissions or attendances may contain them again and again.
    """
    cutoff = context.event_cutoff(kind) or 0
    rows = [row for event in events if not event.obsoleted_by and (row := event_row(event)).at >= cutoff]
    replaced = [event.id for event in events if event.obsoleted_by]
    late = [row for row in rows if is_late(row.at)]

    def write(tx: Connection) -> None:
        event_store.save(tx, [row for row in rows if not is_late(row.at)] if late else rows)
        changed = event_store.save_late(tx, late)
        if replaced:
            changed |= event_store.delete_by_id(tx, kind, replaced)
        repairs.add(tx, changed)
        save_state(tx)

    context.save(kind, len(events), write)
