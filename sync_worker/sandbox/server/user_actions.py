"""What other people and HubSpot itself do to a portal while a client works on it; for tests and demos."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sync_worker.sandbox.api.objects import checked, refuse_known_email
from sync_worker.sandbox.base.ids import id_of
from sync_worker.sandbox.base.responses import invalid, not_found
from sync_worker.sandbox.crm.audit_log import CRM_UI
from sync_worker.sandbox.crm.engagement import EMAIL_EVENTS, OCCURRENCES, SUBMISSIONS
from sync_worker.sandbox.crm.merge import merge
from sync_worker.sandbox.crm.portal import Portal

Json = dict[str, Any]
Mutation = Callable[[Portal, Json], Json]


def create_contact(portal: Portal, body: Json) -> Json:
    """Add a contact: {properties}."""
    table = portal.contacts
    values = checked(table, body.get("properties", {}))
    refuse_known_email(table, values)
    return _shown(portal, table.editor.create(values, CRM_UI))


def edit_contact(portal: Portal, body: Json) -> Json:
    """Write properties as a user of HubSpot does: {id, properties}."""
    table, row = portal.contacts, _row(portal, body.get("id"))
    values = checked(table, body.get("properties", {}), row)
    refuse_known_email(table, values, row)
    table.editor.update(row, values, CRM_UI)
    return _shown(portal, row)


def archive_contact(portal: Portal, body: Json) -> Json:
    """Archive a contact: {id}."""
    row = _row(portal, body.get("id"))
    portal.contacts.editor.archive(row)
    portal.lists.forget(portal.contacts.records.ids[row])
    return {"id": str(portal.contacts.records.ids[row]), "archived": True}


def forget_contact(portal: Portal, body: Json) -> Json:
    """Delete a contact for good: {id}."""
    row = _row(portal, body.get("id"))
    portal.lists.forget(portal.contacts.records.ids[row])
    portal.contacts.editor.forget(row)
    return {"id": str(portal.contacts.records.ids[row])}


def merge_contacts(portal: Portal, body: Json) -> Json:
    """Merge two contacts: {primaryObjectId, objectIdToMerge}."""
    primary, other = _row(portal, body.get("primaryObjectId")), _row(portal, body.get("objectIdToMerge"))
    if primary == other:
        raise invalid("Cannot merge a record with itself.")
    return _shown(portal, merge(portal, portal.contacts, primary, other))


def delete_property(portal: Portal, body: Json) -> Json:
    """Archive a contact property: {name}."""
    name = str(body.get("name"))
    if name not in portal.catalog():
        raise not_found()
    portal.catalog().archive(name, now=portal.now_ms())
    return {"name": name, "archived": True}


def add_email_event(portal: Portal, body: Json) -> Json:
    """Add an e-mail event (v1) and count it: a row of email_events.jsonl."""
    portal.engagement.email_events.add(body)
    return _counted(portal, portal.contacts.identities.find("email", EMAIL_EVENTS.who(body)))


def add_occurrence(portal: Portal, body: Json) -> Json:
    """Add an event occurrence and count it: a row of events.jsonl."""
    portal.engagement.occurrences.add(body)
    return _counted(portal, portal.contacts.records.survivor(id_of(OCCURRENCES.who(body))))


def add_submission(portal: Portal, body: Json) -> Json:
    """Add a form submission and count it: a row of submissions.jsonl."""
    portal.engagement.submissions.add(body)
    return _counted(portal, portal.contacts.identities.find("email", SUBMISSIONS.who(body)))


def take_part(portal: Portal, body: Json) -> Json:
    """Let somebody take part in a marketing event, or otherwise than before: a row of participations.jsonl."""
    portal.engagement.marketing_events.take_part(body)
    return {}


def advance_clock(portal: Portal, body: Json) -> Json:
    """Wind the clock of the portal forward: {seconds}."""
    portal.clock.advance(float(body["seconds"]))
    return {"now": portal.clock().isoformat()}


MUTATIONS: dict[str, Mutation] = {
    "contacts": create_contact,
    "contacts/edit": edit_contact,
    "contacts/archive": archive_contact,
    "contacts/forget": forget_contact,
    "contacts/merge": merge_contacts,
    "properties/delete": delete_property,
    "email-events": add_email_event,
    "events": add_occurrence,
    "submissions": add_submission,
    "participations": take_part,
    "clock": advance_clock,
}


def _row(portal: Portal, contact_id: object) -> int:
    row = portal.contacts.records.survivor(id_of(contact_id))
    if row is None:
        raise not_found()
    return row


def _shown(portal: Portal, row: int) -> Json:
    return {"id": str(portal.contacts.records.ids[row]), "properties": portal.contacts.records.values(row)}


def _counted(portal: Portal, row: int | None) -> Json:
    if row is None:
        return {}
    portal.recount(row)
    return _shown(portal, row)
