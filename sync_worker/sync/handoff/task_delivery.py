"""Deliver new MQLs to sales: one HubSpot task for each, exactly once.

A task has a key in its notes. Each try is saved before it is sent. After a try without a known result, the tasks of the contact are
read and searched for the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.errors import BadRequest, Forbidden, PortalBusy, RecordError, StateBusy, SyncWorkerError, TransientError
from sync_worker.hubspot.api.crm.tasks import BATCH_SIZE, NewTask
from sync_worker.hubspot.api.owners import Owner
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import AccountDetails, Contact
from sync_worker.store.database import Store
from sync_worker.store.writes import hand_offs
from sync_worker.store.writes.hand_offs import TASK, WaitingHandOff
from sync_worker.sync.handoff.mql_message import NAME_PROPERTIES, MqlMessage
from sync_worker.timestamps import from_ms, to_ms

OWNER: Final = "hubspot_owner_id"
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

    def deliver(self, store: Store, notes: list[str]) -> None:
        """Send all messages that wait. Messages for the operator are added to `notes`."""
        with store.transaction() as tx:
            rows = hand_offs.load_waiting(tx, TASK, limit=BATCH_SIZE)
        if rows:
            try:
                self._deliver_all(store, rows, notes)
            except (PortalBusy, StateBusy):
                raise
            except (Forbidden, BadRequest, TransientError, RecordError) as error:  # everything else of the run is done
                with store.transaction() as tx:
                    hand_offs.save_reason(tx, TASK, str(error))

    def _deliver_all(self, store: Store, rows: Sequence[WaitingHandOff], notes: list[str]) -> None:
        account, owners = self.hubspot.account.read_details(), self._load_owners(notes)
        unassigned = 0
        while rows:
            unassigned += self._deliver_batch(store, rows, account, owners)
            with store.transaction() as tx:
                rows = hand_offs.load_waiting(tx, TASK, limit=BATCH_SIZE, after=(rows[-1].since, rows[-1].contact_id))
        if unassigned:
            hint = "Set SYNC_WORKER_HAND_OFF_OWNER to an active user." if not owners.default else ""
            notes.append(f"Tasks without an owner: {unassigned:,}. The owner of the contact is missing or has left. {hint}".rstrip())

    def _deliver_batch(self, store: Store, rows: Sequence[WaitingHandOff], account: AccountDetails, owners: _TaskOwners) -> int:
        """Create the tasks of up to 100 MQLs, without those that exist already; return how many have no owner."""
        tried = {row.key: row.contact_id for row in rows if row.tried_at is not None}
        found = self.hubspot.tasks.find(tried) if tried else {}
        self._save_sent(store, rows, found)
        ready = [row for row in rows if row.key not in found and self._is_settled(row)]
        read = self.hubspot.contacts.read([row.contact_id for row in ready], (*NAME_PROPERTIES, OWNER)).items if ready else ()
        contacts = {contact.id: contact for contact in read}
        tasks = {row: self._build_task(row, contacts[row.contact_id], account, owners) for row in ready if row.contact_id in contacts}
        self._create(store, tasks)
        return sum(task.owner_id is None for task in tasks.values())

    def _is_settled(self, row: WaitingHandOff) -> bool:
        return row.tried_at is None or self.clock() - from_ms(row.tried_at) >= SETTLE_TIME

    def _create(self, store: Store, tasks: Mapping[WaitingHandOff, NewTask]) -> None:
        if not tasks:
            return
        rows = [*tasks]
        with store.transaction() as tx:
            hand_offs.save_try(tx, rows, TASK, at=to_ms(self.clock()))
        try:
            created = self.hubspot.tasks.create([*tasks.values()])
        except BadRequest as error:
            # HubSpot refuses a hundred tasks for an invalid one.
            self._save_failure(store, rows, error if len(rows) == 1 else None)
            if len(rows) > 1:
                for row, task in tasks.items():
                    self._create(store, {row: task})
        except Forbidden as error:
            self._save_failure(store, rows, error)
            raise
        else:
            self._save_sent(store, rows, created)

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

    def _save_failure(self, store: Store, rows: Sequence[WaitingHandOff], error: SyncWorkerError | None) -> None:
        with store.transaction() as tx:
            hand_offs.save_failure(tx, rows, TASK, str(error) if error else None)

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
