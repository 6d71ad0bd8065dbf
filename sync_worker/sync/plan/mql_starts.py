"""The start of each MQL: since when it is one, and the reasons of that moment, which later evaluations do not change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from sync_worker.store import model_revisions
from sync_worker.store.database import Store
from sync_worker.store.writes import hand_offs, mql_starts
from sync_worker.store.writes.mql_starts import MqlStart, NewMql
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.timestamps import to_ms

BEFORE_RECORDING = ""  # the model of starts that are older than their record


@dataclass(frozen=True, slots=True, kw_only=True)
class MqlStarts:
    """Records the starts of MQLs in a run. Before the approval of the model, no contact becomes an MQL and none ceases to be one.

    With `only_ids`, only these contacts become MQLs; the others do in a later run, with its time and its reasons.
    """

    crm_schema: CrmSchema
    now: datetime
    approved: bool
    channels: Sequence[str] = ()  # of the messages about new MQLs
    hand_off: Literal["new", "all", "none"] = "new"  # which MQLs are handed off to sales
    only_ids: frozenset[int] | None = None

    def update(self, store: Store) -> None:
        """Record the new MQLs, and delete the starts of contacts that are no MQLs any longer; if one qualifies again, it is new.

        Must be called after the daily quota has deferred contacts, and before the plan is made.
        """
        with store.transaction() as tx:
            self._remove_unapproved(tx)
            if self.approved:
                mql_starts.remove(tx, mql_starts.find_lapsed(tx))
            started = self._record(tx)
            self._add_hand_offs(tx, started)

    def _add_hand_offs(self, tx: Connection, started: Collection[int]) -> None:
        # In the transaction that makes the contacts MQLs, so that no message is lost or written twice.
        if self.hand_off != "none" and self.approved:
            for channel in self.channels:
                hand_offs.add(tx, None if self.hand_off == "all" else started, channel)

    def _remove_unapproved(self, tx: Connection) -> None:
        # An approval that was refused or withdrawn leaves starts behind.
        models = mql_starts.load_models(tx) - {BEFORE_RECORDING} - model_revisions.load_approved_models(tx)
        if models:
            desired = mql_starts.load_of_models(tx, models)
            mql_starts.remove(tx, [*desired], {id_: self.crm_schema.start_mql(text, "", "") for id_, text in desired.items()})

    def _record(self, tx: Connection) -> list[int]:
        """Record the starts of new MQLs; return those that become MQLs now."""
        started = {mql: start for mql in mql_starts.load_new_mqls(tx, only_ids=self.only_ids) if (start := self._start(mql))}
        desired = {mql.contact_id: self.crm_schema.start_mql(mql.desired, *start.texts) for mql, start in started.items()}
        mql_starts.save(tx, [*started.values()], desired)
        return [start.contact_id for start in started.values() if start.model != BEFORE_RECORDING]

    def _start(self, mql: NewMql) -> MqlStart | None:
        since, reasons = self.crm_schema.observed_start(mql.observed)
        if since.isdecimal():  # HubSpot knows the contact as an MQL: the state is new, or an approval of the past was withdrawn
            return MqlStart(mql.contact_id, BEFORE_RECORDING, int(since), reasons)
        if not self.approved:
            return None
        return MqlStart(mql.contact_id, self.crm_schema.model.hash, to_ms(self.now), self.crm_schema.describe_mql(mql.desired))
