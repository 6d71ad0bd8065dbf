"""Put back what a run replaced, wherever nobody has changed it since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Contact
from sync_worker.store import memberships, rejections, runs, undo_log
from sync_worker.store.database import Store
from sync_worker.sync.apply.apply import Applier
from sync_worker.sync.plan.plan import STAGE_PROPERTY, ContactChange, ListChange
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.sync.report import RunReport
from sync_worker.timestamps import from_ms

PAGE_SIZE: Final = 100  # contacts that are looked at in one call


def undo_skip_reason(run_id: str) -> str:
    """Return why contacts are left alone after an undo."""
    return f"put back by `sync-worker undo {run_id}`; written again when something else is to be shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """The undoing of the run `run`. Without an applier it is only planned.

    Values are put back where HubSpot still shows what the run wrote. Lifecycle stages stay: HubSpot moves them forward only. What is
    put back stays so until the model wants something else, and lists and stages wait for a new approval: otherwise the next
    run would do it all again.
    """

    hubspot: HubSpot
    store: Store
    crm_schema: CrmSchema
    applier: Applier | None
    report: RunReport
    run_id: str
    now_ms: int  # now, milliseconds

    def execute(self) -> None:
        """Put back values, then members of lists."""
        self._check_run_exists()
        stages = 0
        for rows in self._value_pages():
            stages += sum(STAGE_PROPERTY in after for _, after in rows.values())
            changes = list(self._contact_changes(rows))
            for change in changes:
                self.report.plan.add_contact_change(change)
            if self.applier:
                with self.store.transaction() as tx:
                    rejections.suspend(tx, list(rows), reason=undo_skip_reason(self.run_id), at=self.now_ms)
                self.applier.send(changes)
        moved = self._undo_lists()
        if stages:
            self.report.notes.append(f"{stages:,} lifecycle stages stay as they are: HubSpot moves them forward only.")
        if moved or stages:
            if self.applier:
                with self.store.transaction() as tx:
                    runs.delete_approval(tx, self.crm_schema.model.hash)
            self.report.notes.append("Lists and stages wait for `sync-worker approve` again.")

    def _check_run_exists(self) -> None:
        with self.store.transaction() as tx:
            row, last = runs.load(tx, self.run_id), runs.load_recent(tx)
        if row is None:
            known = "; ".join(f"{each.id} ({each.command}, {from_ms(each.started_at):%Y-%m-%d %H:%M} UTC)" for each in last)
            raise ConfigurationError(f"There is no run {self.run_id}.", hint=f"The last ones: {known}.")

    def _value_pages(self) -> Iterator[Mapping[int, tuple[dict[str, str], dict[str, str]]]]:
        after = 0
        while True:
            with self.store.transaction() as tx:
                rows = undo_log.load_values(tx, self.run_id, after=after, limit=PAGE_SIZE)
            if not rows:
                return
            yield {row.contact_id: (orjson.loads(row.before), orjson.loads(row.after)) for row in rows}
            after = rows[-1].contact_id

    def _contact_changes(self, rows: Mapping[int, tuple[dict[str, str], dict[str, str]]]) -> Iterator[ContactChange]:
        names = sorted({*self.crm_schema.property_names, *(name for _, after in rows.values() for name in after if name != STAGE_PROPERTY)})
        for contact in self.hubspot.contacts.read(rows, names).items:
            if contact.id in rows:  # else merged into another, which has values of its own
                before, after = rows[contact.id]
                yield from self._contact_change(contact, before, after)

    def _contact_change(self, contact: Contact, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[ContactChange]:
        shown: dict[str, Any] = orjson.loads(self.crm_schema.observed_json(contact.properties))
        back = {
            name: (value, before[name])
            for name, value in after.items()
            if name != STAGE_PROPERTY and shown.get(name, contact.properties.get(name) or "") == value != before[name]
        }
        if back:
            values = {name: value for name, (_, value) in back.items()}
            yield ContactChange(id=contact.id, properties=back, desired=self.crm_schema.observed_json({**contact.properties, **values}))

    def _undo_lists(self) -> bool:
        with self.store.transaction() as tx:
            moves, ids = undo_log.load_members(tx, self.run_id), memberships.load_list_ids(tx)
        if self.applier:
            self.applier.finish()
        for key, (added, removed) in moves.items():
            if key in ids:
                change = ListChange(key=key, name=self.crm_schema.list_names.get(key, key), add=removed, remove=added)
                self.report.plan.add_list_change(change)
                if self.applier:
                    self.applier.apply_list_change(ids[key], change)
        return bool(moves)
