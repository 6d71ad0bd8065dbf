"""Undo of a run: restores the values and list members that it replaced, except where they have changed since."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import Connection

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Contact
from sync_worker.store import model_revisions, runs
from sync_worker.store.database import Store
from sync_worker.store.model_revisions import ModelRevision
from sync_worker.store.writes import memberships, rejections, undo_log
from sync_worker.sync.apply.apply import Applier
from sync_worker.sync.plan.plan import STAGE_PROPERTY, ContactChange, ListChange
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.run_report import RunReport
from sync_worker.timestamps import from_ms

PAGE_SIZE: Final = 100  # contacts per batch read


def undo_skip_reason(run_id: str) -> str:
    """Return the reason for which later runs skip the restored contacts."""
    return f"restored by `sync-worker undo {run_id}`; written again when its desired values change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """The undo of the run `run_id`. Without an applier, it only plans.

    A value is restored if HubSpot still shows the value of that run. Lifecycle stages stay, because HubSpot moves them forward only.
    Restored values stay until the model produces different ones, and lists and stages need a new approval; otherwise the next run
    would repeat the changes.
    """

    hubspot: HubSpot
    store: Store
    crm_schema: CrmSchema
    applier: Applier | None
    report: RunReport
    run_id: str
    now_ms: int  # now, milliseconds

    def execute(self) -> None:
        """Restore values, then list members."""
        self._check_run_exists()
        stages = 0
        for rows in self._value_pages():
            stages += sum(STAGE_PROPERTY in after for _, after in rows.values())
            changes = list(self._contact_changes(rows))
            for change in changes:
                self.report.plan.add_contact_change(change)
            if self.applier:
                self._suspend(rows, {change.id for change in changes})
                self.applier.send(changes)
        moved = self._undo_lists()
        if stages:
            self.report.notes.append(f"Lifecycle stages not restored: {stages:,}. HubSpot moves stages forward only.")
        if moved or stages:
            if self.applier:
                with self.store.transaction() as tx:
                    self._withdraw_approval(tx)
            self.report.notes.append("Lists and stages need a new `sync-worker approve`.")

    def _suspend(self, ids: Collection[int], changed: Collection[int]) -> None:
        left_alone = [id_ for id_ in ids if id_ not in changed]
        with self.store.transaction() as tx:
            rejections.suspend(tx, [*changed], reason=undo_skip_reason(self.run_id), at=self.now_ms)
            rejections.suspend(tx, left_alone, reason=rejections.LEFT_ALONE, at=self.now_ms)

    def _withdraw_approval(self, tx: Connection) -> None:
        model = self.crm_schema.model.hash
        if model_revisions.load_approval(tx, model):
            note = f"undo of run {self.run_id}"
            model_revisions.append(tx, ModelRevision(at=self.now_ms, kind="withdrawal", model=model, author="sync-worker", note=note))

    def _check_run_exists(self) -> None:
        with self.store.transaction() as tx:
            row, last = runs.load(tx, self.run_id), runs.load_recent(tx)
        if row is None:
            useful = (each for each in last if each.done or each.command != "undo")  # this undo is the last run itself
            known = "; ".join(f"{each.id} ({each.command}, {from_ms(each.started_at):%Y-%m-%d %H:%M} UTC)" for each in useful)
            raise ConfigurationError(f"Run {self.run_id} does not exist.", hint=f"The last runs: {known}.")

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
            if contact.id in rows:  # a merged contact comes back under another id, with its own values
                before, after = rows[contact.id]
                yield from self._contact_change(contact, before, after)

    def _contact_change(self, contact: Contact, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[ContactChange]:
        observed: dict[str, str] = orjson.loads(self.crm_schema.observed_json(contact.properties))
        restored = {
            name: (value, before[name])
            for name, value in after.items()
            if name != STAGE_PROPERTY and observed.get(name, contact.properties.get(name) or "") == value != before[name]
        }
        if restored:
            values = {name: value for name, (_, value) in restored.items()}
            yield ContactChange(id=contact.id, properties=restored, desired=self.crm_schema.observed_json({**contact.properties, **values}))

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
