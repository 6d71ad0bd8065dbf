"""Erasure of contacts: deletes all their data from the state. `Store.vacuum` then removes it from the free pages of the file."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import orjson
from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from sync_worker.store.facts.emails import has_any_email, select_emails
from sync_worker.store.schema import (
    contact_emails,
    contacts,
    counter_checks,
    deal_contacts,
    events,
    feedback,
    former_emails,
    hand_offs,
    history_reads,
    memberships,
    merges,
    mql_admissions,
    mql_starts,
    property_values,
    rejections,
    repairs,
    runs,
    shadow_verdicts,
    stage_dates,
    subscriptions,
    undo_members,
    undo_values,
    verdicts,
)

CONTACT_TABLES = (
    contact_emails,
    former_emails,
    merges,
    repairs,
    counter_checks,
    subscriptions,
    deal_contacts,
    stage_dates,
    verdicts,
    shadow_verdicts,
    mql_admissions,
    mql_starts,
    hand_offs,
    feedback,
    memberships,
    rejections,
    undo_values,
    undo_members,
)


def find_merged_ids(tx: Connection, contact_id: int) -> list[int]:
    """Return a contact and the deleted contacts that share an email with it, because they were merged into it."""
    emails = tx.execute(select_emails([contact_id])).scalars().all()
    merged = tx.execute(select(contacts.c.id).where(contacts.c.gone, has_any_email(emails))).scalars()
    return sorted({contact_id, *merged})


def purge(tx: Connection, ids: Collection[int], emails: Collection[str] = ()) -> int:
    """Delete contacts with all their data, and the events of emails; return the number of deleted events.

    Events of an email that another contact also has are kept.
    """
    by_email = and_(
        or_(events.c.email.in_(select_emails(ids)), events.c.email.in_(emails)),
        events.c.email.not_in(select_emails(ids, exclude=True)),
        events.c.contact_id.is_(None),
    )
    deleted = tx.execute(delete(events).where(or_(events.c.contact_id.in_(ids), by_email))).rowcount
    for table in CONTACT_TABLES:
        tx.execute(delete(table).where(table.c.contact_id.in_(ids)))
    for table in (property_values, history_reads):
        tx.execute(delete(table).where(table.c.object_type == "contact", table.c.record_id.in_(ids)))
    tx.execute(delete(contacts).where(contacts.c.id.in_(ids)))
    _redact_reports(tx, {str(id_) for id_ in ids})
    return deleted


def find_deleted_ids(tx: Connection, *, after: int, limit: int) -> Sequence[int]:
    """Return the next contacts, in order of id, that are deleted in HubSpot and still in the state."""
    query = select(contacts.c.id).where(contacts.c.gone, contacts.c.id > after).order_by(contacts.c.id).limit(limit)
    return tx.execute(query).scalars().all()


def _redact_reports(tx: Connection, ids: Collection[str]) -> None:
    names: list[ColumnElement[bool]] = [runs.c.report.contains(f'"id":"{id_}"', autoescape=True) for id_ in sorted(ids)]
    for start in range(0, len(names), 100):
        for run in tx.execute(select(runs.c.id, runs.c.report).where(or_(*names[start : start + 100]))).all():
            report = orjson.loads(run.report)
            report["plan"]["samples"] = _exclude_ids(report["plan"]["samples"], ids)
            report["rejected"] = _exclude_ids(report["rejected"], ids)
            tx.execute(update(runs).where(runs.c.id == run.id).values(report=orjson.dumps(report).decode()))


def _exclude_ids(rows: Sequence[dict[str, str]], ids: Collection[str]) -> list[dict[str, str]]:
    return [row for row in rows if row["id"] not in ids]
