"""The email subscriptions of the contacts that a run reads. HubSpot shows them by address, in batches of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sync_worker.batched import batched
from sync_worker.concurrency import map_prefetch
from sync_worker.hubspot.api.subscriptions import BATCH_SIZE
from sync_worker.hubspot.records.models import EmailSubscriptions
from sync_worker.store.facts import subscriptions as subscription_store
from sync_worker.store.facts.contacts import ContactRow
from sync_worker.store.facts.subscriptions import SubscriptionRow
from sync_worker.sync.pull.context import PullContext

MAX_WORKERS: Final = 50  # threads that send the batches of one page of contacts


def fetch_subscriptions(context: PullContext, contacts: Sequence[ContactRow], *, only_changed: bool) -> list[SubscriptionRow]:
    """Return the subscriptions of contacts, with `only_changed` of those that changed since they were read last.

    None are read if the model does not use them, or if the portal hides them. A change of a status that is no change of the contact is
    found by the next full scan.
    """
    if not context.reads_subscriptions or not contacts:
        return []
    current = context.transact(lambda tx: subscription_store.find_current_ids(tx, contacts)) if only_changed else ()
    changed = [row for row in contacts if row.id not in current]
    found = _read_statuses(context, {row.email for row in changed if row.email and "@" in row.email})
    return [subscription_row(row.id, row.email, found.get(row.email or "")) for row in changed]


def subscription_row(contact_id: int, email: str | None, found: EmailSubscriptions | None) -> SubscriptionRow:
    """Return the row of a contact; without `found`, HubSpot shows no statuses of its address."""
    if found is None:
        return SubscriptionRow(contact_id, email)
    return SubscriptionRow(contact_id, email, _join(found.subscribed_to), _join(found.unsubscribed_from))


def _read_statuses(context: PullContext, emails: Collection[str]) -> dict[str, EmailSubscriptions]:
    workers = context.hubspot.budgets.burst.concurrency(minimum=context.readers, maximum=MAX_WORKERS)
    replies = map_prefetch(batched(sorted(emails), BATCH_SIZE), context.hubspot.subscriptions.read_statuses, workers=workers)
    return {each.email: each for reply in replies for each in reply}


def _join(names: Sequence[str]) -> str:
    return "".join((";", *(f"{name};" for name in names)))
