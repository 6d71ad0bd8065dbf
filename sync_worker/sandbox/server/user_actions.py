"""Changes by other users and by HubSpot itself, for tests and demos; `admin.py` serves them under /sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sync_worker.sandbox.api.error_responses import invalid_values_error
from sync_worker.sandbox.api.objects import reject_duplicate_email
from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.responses import not_found_error, validation_error
from sync_worker.sandbox.crm.audit_log import CRM_UI_SOURCE
from sync_worker.sandbox.crm.merge import merge_rows
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.crm.record_writer import InvalidValuesError, PropertyValues
from sync_worker.sandbox.events.engagement import EMAIL_EVENT_KEY, OCCURRENCE_KEY, SUBMISSION_KEY
from sync_worker.sandbox.properties.validation_rules import REQUIRED, RULE_TYPES, ValidationRule

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
    rules = tuple(_parse_rule(item) for item in body["rules"])
    portal.contacts.writer.rules.replace(rules)
    return {"rules": len(rules)}


def add_email_event(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Add an email event (v1) and update the counters: a row of email_events.jsonl."""
    portal.engagement.email_events.add(body)
    return _recalculate_contact(portal, portal.contacts.unique_values.find_row("email", EMAIL_EVENT_KEY.contact_key(body)))


def add_event_occurrence(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Add an event occurrence and update the counters: a row of events.jsonl."""
    portal.engagement.occurrences.add(body)
    return _recalculate_contact(portal, portal.contacts.records.find_surviving_row(parse_id(OCCURRENCE_KEY.contact_key(body))))


def add_submission(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Add a form submission and update the counters: a row of submissions.jsonl."""
    portal.engagement.submissions.add(body)
    return _recalculate_contact(portal, portal.contacts.unique_values.find_row("email", SUBMISSION_KEY.contact_key(body)))


def save_participation(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Create or update a participation in a marketing event: a row of participations.jsonl."""
    portal.engagement.marketing_events.save_participation(body)
    return {}


def advance_clock(portal: SandboxPortal, body: ActionBody) -> ActionBody:
    """Advance the clock of the portal: {seconds}."""
    portal.clock.advance(float(body["seconds"]))
    return {"now": portal.clock().isoformat()}


USER_ACTIONS: dict[str, UserAction] = {
    "contacts": create_contact,
    "contacts/edit": edit_contact,
    "contacts/archive": archive_contact,
    "contacts/forget": gdpr_delete_contact,
    "contacts/merge": merge_contacts,
    "properties/delete": archive_property,
    "validation-rules": replace_validation_rules,
    "email-events": add_email_event,
    "events": add_event_occurrence,
    "submissions": add_submission,
    "participations": save_participation,
    "clock": advance_clock,
}


def _validate_properties(table: ObjectTable, properties: ActionBody, row: int | None = None) -> PropertyValues:
    try:
        return table.writer.validate(properties, row=row)
    except InvalidValuesError as error:
        raise invalid_values_error(error.problems) from None


def _parse_rule(item: ActionBody) -> ValidationRule:
    rule_type, arguments = item["ruleType"], tuple(map(str, item.get("ruleArguments") or ()))
    if rule_type not in RULE_TYPES:
        raise validation_error(f"ruleType {rule_type} does not exist; the types are {', '.join(RULE_TYPES)}.")
    if len(arguments) != (0 if rule_type == REQUIRED else 1):
        raise validation_error(f"ruleArguments of {rule_type}: {list(arguments)} is not valid.")
    when = {name: tuple(map(str, values)) for name, values in (item.get("when") or {}).items()}
    return ValidationRule(property_name=str(item["propertyName"]), rule_type=rule_type, arguments=arguments, when=when)


def _require_row(portal: SandboxPortal, contact_id: object) -> int:
    row = portal.contacts.records.find_surviving_row(parse_id(contact_id))
    if row is None:
        raise not_found_error()
    return row


def _serialize_contact(portal: SandboxPortal, row: int) -> ActionBody:
    return {"id": str(portal.contacts.records.ids[row]), "properties": portal.contacts.records.values(row)}


def _recalculate_contact(portal: SandboxPortal, row: int | None) -> ActionBody:
    if row is None:
        return {}
    portal.recalculate_counters(row)
    return _serialize_contact(portal, row)
