"""Change the members of a list, and account for each contact by its id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sync_worker.batched import batched
from sync_worker.errors import BadRequest, ConfigurationError, Forbidden, NotFound
from sync_worker.hubspot.api.crm.write_session import WriteSession
from sync_worker.hubspot.client import HubSpot
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts
from sync_worker.store.writes import memberships, rejections, undo_log
from sync_worker.store.writes.audit_log import ACCEPTED
from sync_worker.store.writes.rejections import ADD, REMOVE, Rejection, list_part
from sync_worker.sync.plan.plan import ListChange
from sync_worker.timestamps import to_ms

MEMBERSHIP_BATCH_SIZE: Final = 1_000
RETRY_SECONDS: Final = 2.0
RECREATE_LIST_HINT: Final = "Run `sync-worker setup`; it recreates the list, and the next run fills it."
MISSING_ANSWER: Final = "the contact does not exist"
UNCONFIRMED_REASON: Final = "HubSpot reported success, but did not confirm the change."


@dataclass(slots=True)
class MemberOutcome:
    """The members that were added and removed, and the contacts that HubSpot did not add or remove, with the reason."""

    added: int
    removed: int
    rejected: dict[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Contacts to add to a list, or to remove from it."""

    change: str  # ADD or REMOVE
    ids: Sequence[int]

    @property
    def add(self) -> Sequence[int]:
        return self.ids if self.change == ADD else ()

    @property
    def remove(self) -> Sequence[int]:
        return self.ids if self.change == REMOVE else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMembers:
    """Changes the members of lists. `now`: the start of the run in milliseconds."""

    hubspot: HubSpot
    store: Store
    run_id: str
    now: int
    session: WriteSession
    clock: Callable[[], datetime]

    def apply(self, list_id: str, change: ListChange) -> Iterable[MemberOutcome]:
        """Add and remove members in batches; yield the outcome of each batch once it is saved.

        Raises:
            NotFound: the list does not exist.
        """
        for batch in _batches(change):
            with self.store.transaction() as tx:
                undo_log.save_members(tx, self.run_id, change.key, added=batch.add, removed=batch.remove, at=to_ms(self.clock()))
                memberships.save_pending(tx, change.key, batch.add)
            yield self._change_batch(list_id, change, batch)

    def _change_batch(self, list_id: str, change: ListChange, batch: _Batch) -> MemberOutcome:
        confirmed, missing, rejected = self._send(list_id, batch, batch.ids)
        if rest := self._find_unconfirmed(batch.ids, confirmed, missing, rejected):
            self.hubspot.pause(RETRY_SECONDS)
            again = self._send(list_id, batch, rest)
            confirmed, missing, rejected = confirmed | again[0], missing | again[1], rejected | again[2]
            rejected |= dict.fromkeys(self._find_unconfirmed(rest, confirmed, missing, rejected), UNCONFIRMED_REASON)
        reasons = {id_: f"list “{change.name}”: {reason}" for id_, reason in rejected.items()}
        part = list_part(change.key)
        with self.store.transaction() as tx:
            if batch.add:
                contacts.mark_deleted(tx, missing)
            added = sorted(confirmed) if batch.add else []
            memberships.save_changes(tx, change.key, added=added, removed=sorted(missing if batch.add else confirmed | missing))
            rejections.delete_part(tx, part, confirmed | missing)
            answers = dict.fromkeys(missing, MISSING_ANSWER) | {id_: f"rejected: {reason}" for id_, reason in rejected.items()}
            answers |= dict.fromkeys(confirmed, ACCEPTED)
            undo_log.save_member_answers(tx, self.run_id, change.key, answers, at=to_ms(self.clock()))
            rejections.save(tx, [Rejection(id_, part, batch.change, reason) for id_, reason in reasons.items()], at=self.now)
        return MemberOutcome(added=len(added), removed=len(confirmed | missing) if batch.remove else 0, rejected=reasons)

    def _send(self, list_id: str, batch: _Batch, ids: Sequence[int]) -> tuple[set[int], set[int], dict[int, str]]:
        """Send changes; return the confirmed contacts, those that do not exist, and the rejected ones with the reason."""
        part = _Batch(change=batch.change, ids=ids)
        result = self.hubspot.lists.change_members(list_id, add=part.add, remove=part.remove, session=self.session)
        confirmed = {*(result.added if part.add else result.removed)}.intersection(ids)
        missing = {*result.missing}.intersection(ids)
        if rest := self._find_unconfirmed(ids, confirmed, missing, result.rejected):
            # HubSpot omits contacts that were members already, or already were not.
            members = self._find_members(list_id, rest)
            confirmed |= set() if members is None else members.intersection(rest) if part.add else {*rest} - members
        return confirmed, missing, dict(result.rejected)

    def _find_members(self, list_id: str, ids: Sequence[int]) -> set[int] | None:
        try:
            return {*self.hubspot.lists.find_members(list_id, ids)}
        except (BadRequest, Forbidden, NotFound):
            return None

    def _find_unconfirmed(self, ids: Sequence[int], *known: Collection[int]) -> list[int]:
        return sorted({*ids}.difference(*known))


def build_missing_list_error(change: ListChange) -> ConfigurationError:
    """Return the error for a list that is no longer in the portal."""
    return ConfigurationError(f"The list “{change.name}” is no longer in the portal.", hint=RECREATE_LIST_HINT)


def _batches(change: ListChange) -> Iterable[_Batch]:
    yield from (_Batch(change=ADD, ids=batch) for batch in batched(change.add, MEMBERSHIP_BATCH_SIZE))
    yield from (_Batch(change=REMOVE, ids=batch) for batch in batched(change.remove, MEMBERSHIP_BATCH_SIZE))
