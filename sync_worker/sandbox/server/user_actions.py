"""Changes by other users and by HubSpot itself, for tests and demos; `admin.py` serves them under /sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sync_worker.sandbox.api.crm.objects import reject_duplicate_email
from sync_worker.sandbox.api.error_responses import invalid_values_error
from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.responses import not_found_error, validation_error
from sync_worker.sandbox.crm.audit_log import CRM_UI_SOURCE
from sync_worker.sandbox.crm.merge import merge_rows
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.crm.record_writer import InvalidValuesError, PropertyValues
from sync_worker.sandbox.events.event_timeline import EventTimeline, RowKey
from sync_worker.sandbox.events.portal_events import EMAIL_EVENT_KEY, OCCURRENCE_KEY, SUBMISSION_KEY
from sync_worker.sandbox.properties.validation_rules import parse_rule

ActionBody = dict[str, Any]
UserAction = Callable[[SandboxPortal, ActionBody], ActionBody]


def create_contact(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Create a contact: {properties}."""
    table = portal.contacts
    values = _validate_properties(table, body.get("properties", {}))
    reject_duplicate_email(table, values)
    return _serialize_contact(portal, table.writer.create(values, CRM_UI_SOURCE))


def edit_contact(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Update properties as a user in HubSpot: {id, properties}."""
    table, row = portal.contacts, _require_row(portal, body.get("id"))
    values = _validate_properties(table, body.get("properties", {}), row)
    reject_duplicate_email(table, values, row)
    table.writer.update(row, values, CRM_UI_SOURCE)
    return _serialize_contact(portal, row)


def archive_contact(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Archive a contact: {id}."""
    row = _require_row(portal, body.get("id"))
    portal.contacts.writer.archive(row)
    portal.lists.remove_from_all(portal.contacts.records.ids[row])
    return {"id": str(portal.contacts.records.ids[row]), "archived": True}


def restore_contact(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Restore an archived contact: {id}. It keeps its id and its timestamps."""
    row = portal.contacts.records.find_row(parse_id(body.get("id")))
    if row is None or row not in portal.contacts.records.archived:
        raise not_found_error()
    reject_duplicate_email(portal.contacts, portal.contacts.records.values(row), row)
    portal.contacts.writer.restore(row)
    return _serialize_contact(portal, row)


def gdpr_delete_contact(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Delete a contact permanently: {id}."""
    row = _require_row(portal, body.get("id"))
    portal.lists.remove_from_all(portal.contacts.records.ids[row])
    portal.contacts.writer.delete_permanently(row)
    return {"id": str(portal.contacts.records.ids[row])}


def merge_contacts(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Merge two contacts: {primaryObjectId, objectIdToMerge}."""
    primary, other = _require_row(portal, body.get("primaryObjectId")), _require_row(portal, body.get("objectIdToMerge"))
    if primary == other:
        raise validation_error("Cannot merge a record with itself.")
    return _serialize_contact(portal, merge_rows(portal, portal.contacts, primary, other))


def archive_property(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Archive a contact property: {name}."""
    name = str(body.get("name"))
    if name not in portal.catalog():
        raise not_found_error()
    portal.catalog().archive(name, now=portal.now_ms())
    return {"name": name, "archived": True}


def replace_validation_rules(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Replace the validation rules of contacts: {rules: [{propertyName, ruleType, ruleArguments, when}]}."""
    rules = tuple(parse_rule(item) for item in body["rules"])
    portal.contacts.writer.rules.replace(rules)
    return {"rules": len(rules)}


def add_email_event(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Add an email event (v1) and update the counters: a row of email_events.jsonl; `visibleAfter` (seconds) delays it."""
    return _add_event(portal, portal.engagement.email_events, EMAIL_EVENT_KEY, {**body, "portalId": portal.id})


def edit_email_event(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Change an email event later, as HubSpot does: {id, filteredEvent}, {id, obsoletedBy: {id, created}}."""
    fixed = sorted({"created", "type", "recipient"} & body.keys())
    if fixed:
        raise validation_error(f"The fields {', '.join(fixed)} of an event do not change.")
    event = portal.engagement.email_events.find(str(body["id"]))
    if event is None:
        raise not_found_error()
    contact_row = _find_contact_row(portal, EMAIL_EVENT_KEY, event)
    previous = {} if contact_row is None else portal.compute_counters(contact_row)
    portal.engagement.email_events.edit(str(body["id"]), body)
    return _recalculate_contact(portal, contact_row, previous=previous)


def add_event_occurrence(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Add an event occurrence and update the counters: a row of events.jsonl; `visibleAfter` (seconds) delays it."""
    return _add_event(portal, portal.engagement.occurrences, OCCURRENCE_KEY, body)


def add_submission(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Add a form submission and update the counters: a row of submissions.jsonl; `visibleAfter` (seconds) delays it."""
    return _add_event(portal, portal.engagement.submissions, SUBMISSION_KEY, body)


def save_participation(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Create or update a participation in a marketing event: a row of participations.jsonl."""
    portal.engagement.marketing_events.save_participation(body)
    return {}


def change_subscription(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Set the status of an address for a subscription type: {email, subscription, status}. The contact counts as changed."""
    row = portal.set_subscription(str(body["email"]), str(body["subscription"]), str(body["status"]), CRM_UI_SOURCE)
    return {} if row is None else _serialize_contact(portal, row)


def advance_clock(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Advance the clock of the portal: {seconds}."""
    portal.clock.advance(float(body["seconds"]))
    return {"now": portal.clock().isoformat()}


USER_ACTIONS: dict[str, UserAction] = {
    "contacts": create_contact,
    "contacts/edit": edit_contact,
    "contacts/archive": archive_contact,
    "contacts/restore": restore_contact,
    "contacts/forget": gdpr_delete_contact,
    "contacts/merge": merge_contacts,
    "properties/delete": archive_property,
    "validation-rules": replace_validation_rules,
    "email-events": add_email_event,
    "email-events/edit": edit_email_event,
    "events": add_event_occurrence,
    "submissions": add_submission,
    "participations": save_participation,
    "subscriptions": change_subscription,
    "clock": advance_clock,
}


def _add_event(portal: SandboxPortal, timeline: EventTimeline, key: RowKey, body: ActionBody) -> ActionBody:
    delay_s, row = float(body.get("visibleAfter", 0)), {name: value for name, value in body.items() if name != "visibleAfter"}
    key.timestamp(row)  # an invalid row is an error now, not when it becomes visible

    def add() -> ActionBody:
        timeline.add(row)
        return _recalculate_contact(portal, _find_contact_row(portal, key, row))

    if not delay_s:
        return add()
    portal.scheduled_tasks.add(portal.now_ms() + int(delay_s * 1000), add)
    return {}


def _find_contact_row(portal: SandboxPortal, key: RowKey, row: ActionBody) -> int | None:
    contact_key = key.contact_key(row)
    if key is OCCURRENCE_KEY:
        return portal.contacts.records.find_surviving_row(parse_id(contact_key))
    return portal.contacts.unique_values.find_row("email", contact_key)


def _validate_properties(table: ObjectTable, properties: ActionBody, row: int | None = None) -> PropertyValues:
    try:
        return table.writer.validate(properties, row=row)
    except InvalidValuesError as error:
        raise invalid_values_error(error.problems) from None


def _require_row(portal: SandboxPortal, contact_id: object) -> int:
    row = portal.contacts.records.find_surviving_row(parse_id(contact_id))
    if row is None:
        raise not_found_error()
    return row


def _serialize_contact(portal: SandboxPortal, row: int) -> ActionBody:
    return {"id": str(portal.contacts.records.ids[row]), "properties": portal.contacts.records.values(row)}


def _recalculate_contact(portal: SandboxPortal, row: int | None, *, previous: Mapping[str, str] | None = None) -> ActionBody:
    if row is None:
        return {}
    portal.recalculate_counters(row, previous=previous)
    return _serialize_contact(portal, row)
