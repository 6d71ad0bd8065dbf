"""The reads of a run: events, companies, contacts and list members."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from sync_worker.concurrency import StreamThreads
from sync_worker.model.compiled.facts import COUNTER_PROPERTIES
from sync_worker.store.saved_state import forgotten_contacts, scan_state
from sync_worker.sync.pull.activity import events
from sync_worker.sync.pull.activity.event_budget_share import EventReserve
from sync_worker.sync.pull.activity.event_repair import reread
from sync_worker.sync.pull.activity.reconciliation import Reconciliation
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.exports import ExportReader
from sync_worker.sync.pull.records import contacts
from sync_worker.sync.pull.records.companies import read_companies, read_selected_companies
from sync_worker.sync.pull.records.list_members import read_list_members, read_selected_members

RESERVE_SECONDS: Final = 0.05  # seconds between two updates of the reserve for events


@dataclass(frozen=True, slots=True, kw_only=True)
class FullRead:
    """A full read that is in progress: contacts, events and companies at once."""

    threads: StreamThreads
    events: Future[None]

    @property
    def has_all_events(self) -> bool:
        """Whether all events and companies are saved."""
        return self.events.done()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """All reads of one run. With an export reader, contacts and companies are read in bulk."""

    context: PullContext
    export_reader: ExportReader | None = None

    @contextmanager
    def start_full_read(
        self, hidden_kinds: frozenset[str], on_saved: Callable[[Sequence[int]], None], *, interleave_writes: bool
    ) -> Iterator[FullRead]:
        """Start to read all contacts, the events that the model uses, and all companies; `on_saved` gets the ids of saved contacts.

        The caller runs the calls of the threads until the read has finished.
        """
        scan = partial(contacts.scan_contacts, self.context, self.export_reader, on_saved, interleave_writes=interleave_writes)
        with self.context.threads as threads:
            threads.start("contacts", scan)
            yield FullRead(threads=threads, events=threads.start("events", partial(self._read_events, hidden_kinds, is_full=True)))

    def events(self, hidden_kinds: frozenset[str]) -> None:
        """Read the events that the model uses, and the companies that changed, each from the end of its last read."""
        with self.context.threads as threads:
            threads.start("events", partial(self._read_events, hidden_kinds, is_full=False))
            for _ in threads.run_calls():
                pass

    def page_view_history(self, hidden_kinds: frozenset[str]) -> None:
        """Read the page views from before HubSpot identified the new contacts."""
        events.read_page_view_history(self.context, self._visible_kinds(hidden_kinds))

    def reconcile(self, hidden_kinds: frozenset[str]) -> None:
        """Compare HubSpot's totals with the events in the state, if that is due, and read again what differs."""
        context = self.context
        if not context.transact(scan_state.is_reconciliation_due):
            return
        # A state that deletes old events cannot agree with totals.
        for kind in self._visible_kinds(hidden_kinds) if context.keeps_all_events else ():
            if kind in COUNTER_PROPERTIES and (differing := Reconciliation(context=context, kind=kind, reread=reread).execute()):
                context.notes.append(
                    f"Contacts whose HubSpot counter {COUNTER_PROPERTIES[kind][0]} differs from the events that HubSpot shows: "
                    f"{differing:,}. The events count."
                )
        context.transact(partial(scan_state.save_reconciliation_due, due=False))

    def can_resume(self) -> bool:
        """Return whether reading the changes is enough; otherwise all contacts must be scanned."""
        return contacts.can_resume(self.context)

    def recent_contacts(self) -> bool:
        """Read the contacts that changed since the cursor; return whether a backlog is left to the next run."""
        return contacts.read_changed_contacts(self.context)

    def changes_since_scan(self) -> None:
        """Read the contacts that changed since the full scan started, if it was interrupted for longer than the overlap."""
        contacts.read_changes_since_scan(self.context)

    def contacts_by_id(self, ids: Sequence[int], *, list_members: bool) -> None:
        """Read some contacts by id, with their companies, and with `list_members` whether they are in the worker's lists."""
        contacts.read_selected_contacts(self.context, ids)
        read_selected_companies(self.context, ids)
        if list_members:
            read_selected_members(self.context, ids)

    def contacts_to_read_again(self) -> None:
        """Read the contacts that `forget` has deleted from the state, and that still exist."""
        if ids := self.context.transact(forgotten_contacts.load):
            contacts.read_selected_contacts(self.context, ids)
            self.context.transact(forgotten_contacts.clear)

    def list_members(self) -> None:
        """Read the members of the worker's lists."""
        read_list_members(self.context)

    def _read_events(self, hidden_kinds: frozenset[str], *, is_full: bool) -> None:
        context, kinds = self.context, self._visible_kinds(hidden_kinds)
        budgets = context.hubspot.budgets
        with EventReserve(burst=budgets.burst, monotonic=budgets.monotonic) as reserve:
            companies = partial(read_companies, context, self.export_reader, read_all=is_full)
            reads = [*events.read_events(context, kinds, is_full=is_full), context.threads.start("companies", companies)]
            while wait(reads, RESERVE_SECONDS).not_done:
                reserve.update(sum(context.counts[kind] for kind in kinds))
        for read in reads:
            read.result()

    def _visible_kinds(self, hidden_kinds: frozenset[str]) -> list[str]:
        return sorted(self.context.row_mapper.crm_schema.inputs.event_kinds - hidden_kinds)
