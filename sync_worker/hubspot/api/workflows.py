"""Automation API (beta): find the workflows of contacts, and create workflows that are switched off. Nothing here switches one on.

Source: HubSpot's description of `/automation/v4/flows`, and its reference of actions and enrollment triggers. Only what these show is sent:
enrollment of the members of a list, a delay and a task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import msgspec

from sync_worker.errors import Unavailable
from sync_worker.hubspot.api.lists import CONTACT_OBJECT_TYPE_ID
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.field_parsers import parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.records.field_types import RecordId, convert
from sync_worker.hubspot.records.models import ResultPage
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.transport import Transport

PATH: Final = "/automation/v4/flows"  # the dated paths are beta
PAGE_SIZE: Final = 100
DELAY: Final = "0-1"
CREATE_TASK: Final = "0-3"
TASK_OF_ENROLLED_CONTACT: Final = 10  # the association type in HubSpot's example of a task action


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow of contacts."""

    id: str
    name: str
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class DelayAction:
    """Wait a number of days."""

    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAction:
    """Create a task on the contact's record. It has no owner, because HubSpot does not document how an action names one."""

    subject: str
    notes: str


WorkflowAction = DelayAction | TaskAction


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorkflow:
    """A workflow to create: it enrolls the members of a list, and unenrolls contacts that leave the list."""

    name: str
    description: str
    list_id: str
    actions: Sequence[WorkflowAction]


class Workflows:
    """The workflows of contacts."""

    def __init__(self, transport: Transport, rows: RowParser) -> None:
        self._transport = transport
        self._rows = rows

    def check_access(self) -> None:
        """Raise Forbidden if the token may not use workflows, or the portal has none."""
        self._read_page(None, limit=1)

    def list_all(self) -> tuple[Workflow, ...]:
        """Return all workflows of contacts."""
        return tuple(workflow for page in follow_pages(self._read_page, operation="read the workflows") for workflow in page.items)

    def create_off(self, new: NewWorkflow) -> Workflow:
        """Create a workflow that is switched off. If the reply is lost, the workflow is looked up by its name.

        A repeated call would create a second one, because HubSpot allows equal names.

        Raises:
            Forbidden: the token or the plan does not allow it.
            InvalidRequest: HubSpot does not accept the workflow.
        """
        try:
            data = self._transport.create(PATH, _serialize(new))
        except Unavailable:
            found = next((each for each in self.list_all() if each.name == new.name), None)
            if found is None:
                raise
            return found
        with translate_parse_errors("create a workflow"):
            return _parse_workflow(data)

    def _read_page(self, after: str | None, *, limit: int = PAGE_SIZE) -> ResultPage[Workflow, str]:
        data = self._transport.get(PATH, [("limit", str(limit)), *([("after", after)] if after else [])])
        operation = "read the workflows"
        with translate_parse_errors(operation):
            contact_rows = [row for row in data["results"] if row.get("objectTypeId", CONTACT_OBJECT_TYPE_ID) == CONTACT_OBJECT_TYPE_ID]
            workflows, unreadable = self._rows.parse(contact_rows, _parse_workflow, operation=operation)
            return ResultPage(items=workflows, next=parse_next_cursor(data.get("paging")), unreadable=unreadable)


class _WorkflowRow(msgspec.Struct, rename="camel"):
    id: RecordId
    is_enabled: bool
    name: str | None = None


def _parse_workflow(row: object) -> Workflow:
    data = convert(row, _WorkflowRow)
    return Workflow(id=str(data.id), name=data.name or "", is_enabled=data.is_enabled)


def _serialize(new: NewWorkflow) -> JsonObject:
    return {
        "type": "CONTACT_FLOW",
        "objectTypeId": CONTACT_OBJECT_TYPE_ID,
        "flowType": "WORKFLOW",
        "isEnabled": False,
        "name": new.name,
        "description": new.description,
        "enrollmentCriteria": _enroll_members(new.list_id),
        "startActionId": "1",
        "actions": [_serialize_action(action, number, len(new.actions)) for number, action in enumerate(new.actions, start=1)],
        # HubSpot's description requires the rest, although HubSpot fills it in.
        "canEnrollFromSalesforce": False,
        "suppressionListIds": [],
        "timeWindows": [],
        "blockedDates": [],
        "customProperties": {},
        "dataSources": [],
    }


def _enroll_members(list_id: str) -> JsonObject:
    members = {"filterType": "IN_LIST", "listId": list_id, "operator": "IN_LIST"}
    branch = {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": [members]}
    return {
        "type": "LIST_BASED",
        "shouldReEnroll": False,
        "unEnrollObjectsNotMeetingCriteria": True,
        "reEnrollmentTriggersFilterBranches": [],
        "listFilterBranch": {"filterBranchType": "OR", "filterBranchOperator": "OR", "filterBranches": [branch], "filters": []},
    }


def _serialize_action(action: WorkflowAction, number: int, count: int) -> JsonObject:
    following = {"connection": {"edgeType": "STANDARD", "nextActionId": str(number + 1)}} if number < count else {}
    kind, fields = _action_fields(action)
    return {
        "type": "SINGLE_CONNECTION",
        "actionId": str(number),
        "actionTypeId": kind,
        "actionTypeVersion": 0,
        "fields": fields,
        **following,
    }


def _action_fields(action: WorkflowAction) -> tuple[str, JsonObject]:
    """Return the type of an action and its fields, which are texts in HubSpot's reference, numbers and booleans included."""
    if isinstance(action, DelayAction):
        return DELAY, {"delta": str(action.days * 24 * 60), "time_unit": "MINUTES"}
    target = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TASK_OF_ENROLLED_CONTACT}
    return CREATE_TASK, {
        "task_type": "TODO",
        "subject": action.subject,
        "body": f"<p>{escape(action.notes)}</p>",
        "priority": "HIGH",
        "associations": [{"target": target, "value": {"type": "ENROLLED_OBJECT"}}],
        "use_explicit_associations": "true",
    }
