"""Two records become a new one; hubspot-api.md 3.7, as it is since 2025-01-14."""

from __future__ import annotations

from sync_worker.sandbox.base.object_types import CONTACTS
from sync_worker.sandbox.crm.audit_log import Source
from sync_worker.sandbox.crm.lifecycle import STAGE, furthest
from sync_worker.sandbox.crm.object_store import Table
from sync_worker.sandbox.crm.portal import Portal
from sync_worker.sandbox.crm.record_writer import Values
from sync_worker.sandbox.crm.unique_values import SECONDARY

MERGED = "hs_merged_object_ids"
MERGED_VIDS = "hs_calculated_merged_vids"
MOST_MERGES = 250
MERGE = Source("MERGE_OBJECTS")


def merged_ids(table: Table, row: int) -> list[str]:
    """Return the ids that a record has had before."""
    held = table.records.value(row, MERGED)
    return held.split(";") if held else []


def merge(portal: Portal, table: Table, primary: int, other: int) -> int:
    """Merge two rows and return the row of the new record.

    The values of the primary one win, the furthest lifecycle stage wins always. The old ids lead to the new record; they are
    neither listed nor in the archive.
    """
    records = table.records
    values = _merged_values(table, primary, other, now=portal.now_ms())
    for row in (primary, other):
        table.identities.remove(row)
        records.gone.add(row)
    survivor = table.editor.restore(values, MERGE)
    new = records.ids[survivor]
    for row in (primary, other):
        records.merged[records.ids[row]] = new
        if table.kind is CONTACTS:
            _move(portal, records.ids[row], new)
    if table.kind is CONTACTS:
        portal.recount(survivor)
    return survivor


def _merged_values(table: Table, primary: int, other: int, *, now: int) -> Values:
    records = table.records
    mine, theirs = records.values(primary), records.values(other)
    values: Values = {**theirs, **mine}
    old = [*merged_ids(table, primary), *merged_ids(table, other), mine["hs_object_id"], theirs["hs_object_id"]]
    values[MERGED] = ";".join(old)
    values["createdate"] = (mine if records.created[primary] <= records.created[other] else theirs)["createdate"]
    if table.kind is CONTACTS:
        known = filter(None, (mine.get(MERGED_VIDS), theirs.get(MERGED_VIDS)))
        values[MERGED_VIDS] = ";".join([*known, *(f"{one['hs_object_id']}:{now}" for one in (mine, theirs))])
        values[SECONDARY] = _addresses(mine, theirs, values.get("email"))
        stage = table.catalog.get(STAGE)
        if stage is not None:
            values[STAGE] = furthest(stage, mine.get(STAGE), theirs.get(STAGE)) or values.get(STAGE)
    return values


def _addresses(mine: dict[str, str], theirs: dict[str, str], email: str | None) -> str | None:
    found = [address for one in (mine, theirs) for address in (one.get("email"), *(one.get(SECONDARY) or "").split(";")) if address]
    return ";".join(address for address in dict.fromkeys(found) if address != email) or None


def _move(portal: Portal, old: int, new: int) -> None:
    now = portal.now_ms()
    for item in portal.lists.of_record(old):
        item.remove([old])
        item.add([new], now=now)
    portal.associations.move(old, new)
    portal.engagement.occurrences.give(str(old), str(new))
    portal.engagement.marketing_events.timeline.give(str(old), str(new))
