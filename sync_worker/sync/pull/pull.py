"""The reads of a run: events, companies, contacts and list members."""

from __future__ import annotations

from dataclasses import dataclass

from sync_worker.concurrency import Pollable, interleave
from sync_worker.sync.pull import contacts, events
from sync_worker.sync.pull.companies import read_companies
from sync_worker.sync.pull.contacts import ContactIdBatches
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.event_reserve import EventReserve
from sync_worker.sync.pull.exports import ExportReader
from sync_worker.sync.pull.list_members import read_list_members


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """All reads of one run. With an export reader, contacts and companies are read in bulk."""

    context: PullContext
    export_reader: ExportReader | None = None

    def events(self, hidden_kinds: frozenset[str], *, all_companies: bool) -> Pollable[None]:
        """Read the events that the model uses, and companies, each from the end of its last read."""
        context, kinds = self.context, self._visible_kinds(hidden_kinds)
        budgets = context.hubspot.budgets
        companies = read_companies(context, self.export_reader, read_all=all_companies)
        with EventReserve(burst=budgets.burst, monotonic=budgets.monotonic) as reserve:
            for _ in interleave(*events.event_streams(context, kinds), companies):
                reserve.update(sum(context.counts[kind] for kind in kinds))
                yield ()

    def page_view_history(self, hidden_kinds: frozenset[str]) -> None:
        """Read the page views from before HubSpot identified the new contacts."""
        events.read_page_view_history(self.context, self._visible_kinds(hidden_kinds))

    def can_resume(self) -> bool:
        """Return whether reading the changes is enough; otherwise all contacts must be scanned."""
        return contacts.can_resume(self.context)

    def recent_contacts(self) -> None:
        """Read the contacts that changed since the cursor."""
        contacts.read_changed_contacts(self.context)

    def all_contacts(self, *, interleave_writes: bool = False) -> ContactIdBatches:
        """Scan all contacts; yield the ids of saved contacts."""
        return contacts.scan_contacts(self.context, self.export_reader, interleave_writes=interleave_writes)

    def list_members(self) -> None:
        """Read the members of the worker's lists."""
        read_list_members(self.context)

    def _visible_kinds(self, hidden_kinds: frozenset[str]) -> list[str]:
        return sorted(self.context.row_mapper.crm_schema.model.event_kinds - hidden_kinds)
