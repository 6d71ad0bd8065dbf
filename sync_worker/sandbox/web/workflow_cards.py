"""The workflows of the portal in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from sync_worker.sandbox.automation.workflows import StoredWorkflow
from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.responses import Json
from sync_worker.sandbox.crm.lists import RecordList
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.web.formatting import ValueFormatter

ACTION_LABELS = {
    "0-4": "Send an email",
    "0-5": "Set a property",
    "0-8": "Send a notification by email",
    "0-9": "Send a notification in the app",
}
MINUTES_OF_UNIT = {"MINUTES": 1, "HOURS": 60, "DAYS": 24 * 60, "WEEKS": 7 * 24 * 60}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowCard:
    """A workflow: the lists whose members it enrolls, its actions, and the notes of its author."""

    name: str
    is_enabled: bool
    lists: tuple[RecordList, ...]
    actions: tuple[str, ...]
    notes: tuple[str, ...]
    created: str


def describe_workflows(portal: SandboxPortal, formatter: ValueFormatter) -> Iterator[WorkflowCard]:
    """Yield the workflows, in order of their creation."""
    for workflow in portal.workflows:
        yield WorkflowCard(
            name=workflow.name or f"Workflow {workflow.id}",
            is_enabled=workflow.is_enabled,
            lists=tuple(_find_lists(portal, (workflow.body.get("enrollmentCriteria") or {}).get("listFilterBranch") or {})),
            actions=tuple(_describe_action(action) for action in workflow.body["actions"]),
            notes=tuple(_split_notes(workflow)),
            created=formatter.format_time(workflow.created),
        )


def _find_lists(portal: SandboxPortal, branch: Json) -> Iterator[RecordList]:
    for condition in branch.get("filters") or ():
        found = portal.lists.get(parse_id(condition.get("listId"))) if condition.get("filterType") == "IN_LIST" else None
        if found is not None:
            yield found
    for nested in branch.get("filterBranches") or ():
        yield from _find_lists(portal, nested)


def _describe_action(action: Json) -> str:
    kind, fields = action.get("actionTypeId"), action.get("fields") or {}
    if kind == "0-1":
        days, rest = divmod(int(fields["delta"]) * MINUTES_OF_UNIT[fields["time_unit"]], 24 * 60)
        return f"Wait {fields['delta']} {fields['time_unit'].lower()}" if rest else f"Wait {days} day{'' if days == 1 else 's'}"
    if kind == "0-3":
        notes = unescape(re.sub(r"<[^>]+>", "", str(fields.get("body") or "")))
        return f"Create a task: “{fields['subject']}” {notes}".rstrip()
    return ACTION_LABELS.get(str(kind)) or f"{action['type']} {kind or ''}".rstrip()


def _split_notes(workflow: StoredWorkflow) -> list[str]:
    """Return the description, one line per numbered step."""
    return [part.strip() for part in re.split(r"(?:^|(?<=\s))\d+\. ", str(workflow.body.get("description") or "")) if part.strip()]
