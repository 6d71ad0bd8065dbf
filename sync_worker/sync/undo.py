"""Put back what a run replaced, wherever nobody has changed it since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Contact
from sync_worker.store import differences, runs, undo_log
from sync_worker.store.database import Store
from sync_worker.sync.apply.apply import Applier
from sync_worker.sync.plan.plan import STAGE, ContactChange, ListChange
from sync_worker.sync.portal.crm_schema import Outputs
from sync_worker.sync.report import RunReport
from sync_worker.timestamps import from_ms

PAGE: Final = 100  # contacts that are looked at in one call


def reason(run: str) -> str:
    """Return why contacts are left alone after an undo."""
    return f"put back by `sync-worker undo {run}`; written again when something else is to be shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """The undoing of the run `run`. Without an applier it is only planned.

    Values are put back where HubSpot still shows what the run wrote. Lifecycle stages stay: HubSpot moves them forward only. What is
    put back stays so until the model wants something else, and lists and stages wait for a new approval: otherwise the next
    run would do it all again.
    """

    hubspot: HubSpot
    store: Store
    outputs: Outputs
    applier: Applier | None
    report: RunReport
    run: str
    at: int  # now, milliseconds

    def everything(self) -> None:
        """Put back values, then members of lists."""
        self._check()
        stages = 0
        for rows in self._pages():
            stages += sum(STAGE in after for _, after in rows.values())
            changes = list(self._changes(rows))
            for change in changes:
                self.report.plan.count(change)
            if self.applier:
                with self.store.transaction() as tx:
                    differences.suspend(tx, list(rows), reason=reason(self.run), at=self.at)
                self.applier.send(changes)
        moved = self._lists()
        if stages:
            self.report.notes.append(f"{stages:,} lifecycle stages stay as they are: HubSpot moves them forward only.")
        if moved or stages:
            if self.applier:
                with self.store.transaction() as tx:
                    runs.delete_approval(tx, self.outputs.model.hash)
            self.report.notes.append("Lists and stages wait for `sync-worker approve` again.")

    def _check(self) -> None:
        with self.store.transaction() as tx:
            row, last = runs.load(tx, self.run), runs.load_recent(tx)
        if row is None:
            known = "; ".join(f"{each.id} ({each.command}, {from_ms(each.started_at):%Y-%m-%d %H:%M} UTC)" for each in last)
            raise ConfigurationError(f"There is no run {self.run}.", hint=f"The last ones: {known}.")

    def _pages(self) -> Iterator[Mapping[int, tuple[dict[str, str], dict[str, str]]]]:
        after = 0
        while True:
            with self.store.transaction() as tx:
                rows = undo_log.load_values(tx, self.run, after=after, limit=PAGE)
            if not rows:
                return
            yield {row.contact_id: (orjson.loads(row.before), orjson.loads(row.after)) for row in rows}
            after = rows[-1].contact_id

    def _changes(self, rows: Mapping[int, tuple[dict[str, str], dict[str, str]]]) -> Iterator[ContactChange]:
        names = sorted({*self.outputs.names, *(name for _, after in rows.values() for name in after if name != STAGE)})
        for contact in self.hubspot.contacts.read(rows, names).items:
            if contact.id in rows:  # else merged into another, which has values of its own
                before, after = rows[contact.id]
                yield from self._change(contact, before, after)

    def _change(self, contact: Contact, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[ContactChange]:
        shown: dict[str, Any] = orjson.loads(self.outputs.shown(contact.properties))
        back = {
            name: (value, before[name])
            for name, value in after.items()
            if name != STAGE and shown.get(name, contact.properties.get(name) or "") == value != before[name]
        }
        if back:
            values = {name: value for name, (_, value) in back.items()}
            yield ContactChange(id=contact.id, properties=back, desired=self.outputs.shown({**contact.properties, **values}))

    def _lists(self) -> bool:
        with self.store.transaction() as tx:
            moves, ids = undo_log.load_members(tx, self.run), differences.load_list_ids(tx)
        if self.applier:
            self.applier.finish()
        for key, (added, removed) in moves.items():
            if key in ids:
                change = ListChange(key=key, name=self.outputs.lists.get(key, key), add=removed, remove=added)
                self.report.plan.count_list(change)
                if self.applier:
                    self.applier.change_list(ids[key], change)
        return bool(moves)
