"""Write one batch of contact changes; the lifecycle stage is re-read just before it is moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sync_worker.hubspot.api.crm.contacts import Contacts
from sync_worker.hubspot.api.crm.write_session import WriteSession
from sync_worker.hubspot.records.models import BatchWriteResult, Contact, ContactUpdate, WriteAck
from sync_worker.sync.plan.plan import STAGE_PROPERTY, ContactChange


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactBatchResult:
    """The result of a batch. `kept_stages`: contacts that a user has moved to another stage in the meantime → that stage."""

    result: BatchWriteResult
    kept_stages: Mapping[int, str] = field(default_factory=dict)


def write_batch(contacts: Contacts, changes: Sequence[ContactChange], session: WriteSession) -> ContactBatchResult:
    """Write up to 100 changes. The batches of a run share a session.

    Some portals let the API move a stage backward. So a contact that sales has moved since the last read keeps its stage. One request
    remains between this check and the write.
    """
    kept = _find_stage_conflicts(contacts, [change for change in changes if change.new_stage])
    updates = [
        _update_without_stage(change) if change.id in kept else ContactUpdate(id=change.id, properties=change.values) for change in changes
    ]
    written = contacts.write([update for update in updates if update.properties], session)
    # Contacts without any other change are not written.
    skipped = {
        update.id: WriteAck(properties={}, updated_at=kept[update.id].updated_at)
        for update in updates
        if not update.properties and update.id in kept
    }
    stages = {id_: contact.properties[STAGE_PROPERTY] or "" for id_, contact in kept.items()}
    return ContactBatchResult(result=replace(written, acknowledged={**written.acknowledged, **skipped}), kept_stages=stages)


def _find_stage_conflicts(contacts: Contacts, changes: Sequence[ContactChange]) -> dict[int, Contact]:
    if not changes:
        return {}
    expected = {change.id: change.properties[STAGE_PROPERTY][0] for change in changes}
    found = [contact for contact in contacts.read(expected, (STAGE_PROPERTY,)).items if contact.id in expected]
    return {contact.id: contact for contact in found if contact.properties.get(STAGE_PROPERTY) not in (None, "", expected[contact.id])}


def _update_without_stage(change: ContactChange) -> ContactUpdate:
    return ContactUpdate(id=change.id, properties={name: value for name, value in change.values.items() if name != STAGE_PROPERTY})
