"""Merges two records into a new one; hubspot-api.md 3.7, the behavior since 2025-01-14."""

from __future__ import annotations

from sync_worker.sandbox.base.object_types import CONTACTS
from sync_worker.sandbox.crm.audit_log import ChangeSource
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.crm.record_writer import PropertyValues
from sync_worker.sandbox.crm.unique_values import SECONDARY_EMAILS_PROPERTY
from sync_worker.sandbox.properties.lifecycle import STAGE_PROPERTY, furthest_stage

MERGED_IDS_PROPERTY = "hs_merged_object_ids"
MERGED_VIDS_PROPERTY = "hs_calculated_merged_vids"
MAX_MERGES = 250
MERGE_SOURCE = ChangeSource("MERGE_OBJECTS")


def previous_ids(table: ObjectTable, row: int) -> list[str]:
    """Return the ids of the records that were merged into this one."""
    value = table.records.value(row, MERGED_IDS_PROPERTY)
    return value.split(";") if value else []


def merge_rows(portal: SandboxPortal, table: ObjectTable, primary: int, other: int) -> int:
    """Merge two rows and return the row of the new record.

    Values of the primary record win, except for the lifecycle stage: the furthest stage wins. Both old ids resolve to the new
    record and are neither listed nor archived.
    """
    records = table.records
    values = _combine_values(table, primary, other, now=portal.now_ms())
    for row in (primary, other):
        table.unique_values.remove_emails(row)
        records.deleted.add(row)
    survivor = table.writer.create_merged(values, MERGE_SOURCE)
    new = records.ids[survivor]
    for row in (primary, other):
        records.merged_into[records.ids[row]] = new
        if table.object_type is CONTACTS:
            _reassign_contact_data(portal, records.ids[row], new)
    if table.object_type is CONTACTS:
        portal.recalculate_counters(survivor)
    return survivor


def _combine_values(table: ObjectTable, primary: int, other: int, *, now: int) -> PropertyValues:
    records = table.records
    primary_values, other_values = records.values(primary), records.values(other)
    values: PropertyValues = {**other_values, **primary_values}
    both = (primary_values, other_values)
    old_ids = [*previous_ids(table, primary), *previous_ids(table, other), *(each["hs_object_id"] for each in both)]
    values[MERGED_IDS_PROPERTY] = ";".join(old_ids)
    values["createdate"] = (primary_values if records.created[primary] <= records.created[other] else other_values)["createdate"]
    if table.object_type is CONTACTS:
        known = filter(None, (each.get(MERGED_VIDS_PROPERTY) for each in both))
        values[MERGED_VIDS_PROPERTY] = ";".join([*known, *(f"{each['hs_object_id']}:{now}" for each in both)])
        values[SECONDARY_EMAILS_PROPERTY] = _combine_secondary_emails(primary_values, other_values, values.get("email"))
        stage = table.catalog.get(STAGE_PROPERTY)
        if stage is not None:
            furthest = furthest_stage(stage, *(each.get(STAGE_PROPERTY) for each in both))
            values[STAGE_PROPERTY] = furthest or values.get(STAGE_PROPERTY)
    return values


def _combine_secondary_emails(primary_values: dict[str, str], other_values: dict[str, str], email: str | None) -> str | None:
    found = [
        address
        for each in (primary_values, other_values)
        for address in (each.get("email"), *(each.get(SECONDARY_EMAILS_PROPERTY) or "").split(";"))
        if address
    ]
    return ";".join(address for address in dict.fromkeys(found) if address != email) or None


def _reassign_contact_data(portal: SandboxPortal, old_contact_id: int, new_contact_id: int) -> None:
    now = portal.now_ms()
    for item in portal.lists.find_by_member(old_contact_id):
        item.remove([old_contact_id])
        item.add([new_contact_id], now=now)
    portal.associations.reassign(old_contact_id, new_contact_id)
    portal.engagement.occurrences.reassign(str(old_contact_id), str(new_contact_id))
    portal.engagement.marketing_events.timeline.reassign(str(old_contact_id), str(new_contact_id))
