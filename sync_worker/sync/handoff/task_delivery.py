"""Deliver new MQLs to sales: one HubSpot task for each, exactly once.

A task has a key in its notes. Each try is saved before it is sent. After a try without a known result, the tasks of the contact are
read and searched for the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.batched import batched
from sync_worker.errors import BadRequest, Forbidden
from sync_worker.hubspot.api.crm.tasks import BATCH_SIZE, NewTask
from sync_worker.hubspot.api.owners import Owner
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import AccountDetails, Contact
from sync_worker.store.database import Store
from sync_worker.store.writes import hand_offs
from sync_worker.store.writes.hand_offs import TASK, WaitingHandOff
from sync_worker.sync.handoff.failures import find_failure
from sync_worker.sync.handoff.mql_contacts import read_contacts
from sync_worker.sync.handoff.mql_message import NAME_PROPERTIES, MqlMessage
from sync_worker.sync.handoff.refusals import Refusals
from sync_worker.timestamps import from_ms, to_ms

OWNER: Final = "hubspot_owner_id"
ADVICE: Final = "`sync-worker check` tests the access to tasks and owners; no message is lost."
SETTLE_TIME: Final = timedelta(minutes=1)  # a request that was interrupted may still create its tasks, and HubSpot may show them late


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDelivery:
    """Creates the tasks of new MQLs that HubSpot has acknowledged on the list.

    A task belongs to the owner of the contact; without an active one, to `default_owner` (email or id).
    """

    hubspot: HubSpot
    message: MqlMessage
    default_owner: str | None
    clock: Callable[[], datetime]

    @property
    def channel_id(self) -> str:
        """Return the channel of tasks."""
        return TASK

    def deliver(self, store: Store, notes: list[str]) -> bool:
        """Create the tasks that wait; return whether HubSpot accepts tasks. Messages for the operator are added to `notes`."""
        now = to_ms(self.clock())
        with store.transaction() as tx:
            rows = hand_offs.load_waiting(tx, TASK, now=now, limit=BATCH_SIZE)
        if not rows:
            return True
        refusals = Refusals(store=store, channel=TASK, at=now)
        if reason := find_failure(lambda: self._deliver_all(store, rows, notes, refusals), advice=ADVICE):
            with store.transaction() as tx:
                hand_offs.save_reason(tx, TASK, reason)
        return reason is None

    def _deliver_all(self, store: Store, rows: Sequence[WaitingHandOff], notes: list[str], refusals: Refusals) -> None:
        account, owners = self.hubspot.account.read_details(), self._load_owners(notes)
        unassigned = 0
        while rows:
            unassigned += self._deliver_batch(store, rows, account, owners, refusals)
            with store.transaction() as tx:
                last = (rows[-1].since, rows[-1].contact_id)
                rows = hand_offs.load_waiting(tx, TASK, now=refusals.at, limit=BATCH_SIZE, after=last)
        if unassigned:
            hint = "Set SYNC_WORKER_HAND_OFF_OWNER to an active user." if not owners.default else ""
            notes.append(f"Tasks without an owner: {unassigned:,}. The owner of the contact is missing or has left. {hint}".rstrip())

    def _deliver_batch(
        self, store: Store, rows: Sequence[WaitingHandOff], account: AccountDetails, owners: _TaskOwners, refusals: Refusals
    ) -> int:
        """Create the tasks of up to 100 MQLs, without those that exist already; return how many have no owner."""
        tried = {row.key: row.contact_id for row in rows if row.tried_at is not None}
        found = self.hubspot.tasks.find(tried) if tried else {}
        self._save_sent(store, rows, found)
        ready = [row for row in rows if row.key not in found and self._is_settled(row)]
        contacts = read_contacts(self.hubspot, store, ready, (*NAME_PROPERTIES, OWNER))
        tasks = {row: self._build_task(row, contact, account, owners) for row, contact in contacts.items()}
        self._create(store, tasks, refusals)
        return sum(task.owner_id is None for task in tasks.values())

    def _is_settled(self, row: WaitingHandOff) -> bool:
        return row.tried_at is None or self.clock() - from_ms(row.tried_at) >= SETTLE_TIME

    def _create(self, store: Store, tasks: Mapping[WaitingHandOff, NewTask], refusals: Refusals) -> None:
        """Create up to 100 tasks. HubSpot refuses all of them for an invalid one, so they are halved until it is alone.

        Raises BadRequest if it refuses several in a row, one by one: the cause concerns all of them.
        """
        if not tasks:
            return
        rows = [*tasks]
        with store.transaction() as tx:
            hand_offs.save_try(tx, rows, TASK, at=to_ms(self.clock()))
        try:
            created = self.hubspot.tasks.create([*tasks.values()])
        except (BadRequest, Forbidden) as error:
            with store.transaction() as tx:
                hand_offs.save_failure(tx, rows, TASK, None)  # none was created
            if isinstance(error, Forbidden) or (len(rows) == 1 and not refusals.save(rows[0], str(error))):
                raise
            if len(rows) > 1:
                for half in batched(rows, -(-len(rows) // 2)):
                    self._create(store, {row: tasks[row] for row in half}, refusals)
        else:
            self._save_sent(store, rows, created)
            refusals.clear(rows)

    def _build_task(self, row: WaitingHandOff, contact: Contact, account: AccountDetails, owners: _TaskOwners) -> NewTask:
        return NewTask(
            key=row.key,
            contact_id=contact.id,
            subject=self.message.subject(row, contact),
            body=self.message.body(row, contact, account),
            due=to_ms(self.clock()),
            owner_id=owners.choose(contact.properties.get(OWNER)),
        )

    def _save_sent(self, store: Store, rows: Sequence[WaitingHandOff], ids: Mapping[str, str]) -> None:
        with store.transaction() as tx:
            hand_offs.save_sent(tx, {row: ids[row.key] for row in rows if row.key in ids}, TASK, at=to_ms(self.clock()))

    def _load_owners(self, notes: list[str]) -> _TaskOwners:
        active = self.hubspot.owners.list_active()
        default = find_owner(active, self.default_owner) if self.default_owner else None
        if self.default_owner and default is None:
            notes.append(
                f"SYNC_WORKER_HAND_OFF_OWNER: no active user of the portal has the email or owner id {self.default_owner}."
                " Tasks of contacts without an active owner have no owner."
            )
        return _TaskOwners(ids=frozenset(owner.id for owner in active), default=default.id if default else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TaskOwners:
    """The ids of the active owners, and the one of contacts without an active owner."""

    ids: frozenset[str]
    default: str | None

    def choose(self, owner_id: str | None) -> str | None:
        return owner_id if owner_id in self.ids else self.default


def find_owner(owners: Sequence[Owner], email_or_id: str) -> Owner | None:
    """Return the owner with an email or an id."""
    return next((owner for owner in owners if email_or_id.strip().lower() in (owner.id, owner.email)), None)
