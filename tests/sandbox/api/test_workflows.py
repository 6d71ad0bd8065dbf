"""Workflows: HubSpot's description of the automation API, version 4 (beta)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sync_worker.sandbox.base.portal_data import Tier
from tests.sandbox.portal_factories import PortalClient, make_portal, start_portal

FLOWS = "/automation/v4/flows"
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def served() -> PortalClient:
    """A portal with one list, which has the id 1."""
    served = start_portal(make_portal())
    served.post("/crm/v3/lists", {"name": "MQL", "objectTypeId": "0-1", "processingType": "MANUAL"})
    return served


def definition(**more: object) -> dict[str, Any]:
    """A workflow with a delay and a task for the members of list 1."""
    members = {"filterType": "IN_LIST", "listId": "1", "operator": "IN_LIST"}
    branch = {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": [members]}
    delay = {"actionTypeId": "0-1", "fields": {"delta": "1440", "time_unit": "MINUTES"}}
    task = {"actionTypeId": "0-3", "fields": {"task_type": "TODO", "subject": "Call"}}
    step = {"type": "SINGLE_CONNECTION", "actionTypeVersion": 0}
    return {
        "type": "CONTACT_FLOW",
        "objectTypeId": "0-1",
        "flowType": "WORKFLOW",
        "isEnabled": False,
        "name": "Call",
        "startActionId": "1",
        "actions": [
            {**step, **delay, "actionId": "1", "connection": {"edgeType": "STANDARD", "nextActionId": "2"}},
            {**step, **task, "actionId": "2"},
        ],
        "enrollmentCriteria": {
            "type": "LIST_BASED",
            "shouldReEnroll": False,
            "unEnrollObjectsNotMeetingCriteria": True,
            "reEnrollmentTriggersFilterBranches": [],
            "listFilterBranch": {"filterBranchType": "OR", "filterBranchOperator": "OR", "filterBranches": [branch], "filters": []},
        },
        **{name: [] for name in ("blockedDates", "dataSources", "suppressionListIds", "timeWindows")},
        "customProperties": {},
        "canEnrollFromSalesforce": False,
        **more,
    }


def test_a_workflow_is_created_read_replaced_and_deleted(served: PortalClient) -> None:
    created = served.post(FLOWS, definition())
    assert created.status_code == 201
    body = created.json()
    assert (body["isEnabled"], body["revisionId"], body["nextAvailableActionId"]) == (False, "1", "3")
    path = f"{FLOWS}/{body['id']}"
    assert served.put(path, {**body, "name": "Call them", "revisionId": "7"}).status_code == 400
    assert served.put(path, {**body, "name": "Call them"}).json()["revisionId"] == "2"
    assert served.get(path).json()["name"] == "Call them"
    assert served.delete(path).status_code == 204
    assert served.get(path).status_code == 404


def test_workflows_are_listed_without_their_definition_page_by_page(served: PortalClient) -> None:
    ids = [served.post(FLOWS, definition(name="Same name")).json()["id"] for _ in range(3)]
    first = served.get(FLOWS, limit=2).json()
    second = served.get(FLOWS, limit=2, after=first["paging"]["next"]["after"]).json()
    assert [row["id"] for row in (*first["results"], *second["results"])] == ids
    assert "actions" not in first["results"][0]
    assert "paging" not in second


def remove(name: str) -> Edit:
    return lambda body: body.pop(name)


def change(*path: str | int, to: object) -> Edit:
    def edit(body: dict[str, Any]) -> None:
        inner: Any = body
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = to

    return edit


INVALID: dict[str, tuple[Edit, str]] = {
    "no type": (remove("type"), "Some required fields were not set: [type]"),
    "no time windows": (remove("timeWindows"), "[timeWindows]"),
    "type of another object": (change("type", to="PLATFORM_FLOW"), 'Expected an object type other than "0-1" objectType but got "0-1"'),
    "unknown flow type": (change("flowType", to="FLOW"), "Invalid flowType"),
    "switch is no boolean": (change("isEnabled", to="no"), "isEnabled"),
    "actions are no list": (change("actions", to={}), "actions"),
    "action without a version": (change("actions", 1, "actionTypeVersion", to=None), "[actionTypeVersion]"),
    "unknown kind of action": (change("actions", 1, "type", to="STEP"), "Invalid action type"),
    "task without a subject": (change("actions", 1, "fields", to={"task_type": "TODO"}), "[subject]"),
    "delay in unknown units": (change("actions", 0, "fields", "time_unit", to="MONTHS"), "Invalid delay"),
    "two actions with one id": (change("actions", 1, "actionId", to="1"), "Duplicate actionId"),
    "unknown first action": (change("startActionId", to="9"), "Invalid request to flow creation"),
    "action that is not reached": (change("actions", 0, "connection", to=None), "Invalid request to flow creation"),
    "connection that is no object": (change("actions", 0, "connection", to="2"), "an object was expected"),
    "unknown enrollment": (change("enrollmentCriteria", "type", to="SOMETIMES"), "Invalid enrollment type"),
    "enrollment without re-enrollment": (change("enrollmentCriteria", "shouldReEnroll", to=None), "[shouldReEnroll]"),
    "root with filters": (change("enrollmentCriteria", "listFilterBranch", "filterBranches", to=[]), "root filter branch"),
    "unknown branch": (change("enrollmentCriteria", "listFilterBranch", "filterBranches", 0, "filterBranchType", to="XOR"), "XOR"),
    "missing list": (
        change("enrollmentCriteria", "listFilterBranch", "filterBranches", 0, "filters", 0, "listId", to="99"),
        "List does not exist with ID 99",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_workflow_is_rejected(served: PortalClient, name: str) -> None:
    edit, message = INVALID[name]
    body = definition()
    edit(body)
    reply = served.post(FLOWS, body)
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")
    assert message in reply.json()["message"]


@pytest.mark.parametrize(("tier", "scopes"), [("starter", None), ("professional", frozenset({"crm.lists.read"}))])
def test_workflows_need_the_scope_and_a_professional_plan(tier: Tier, scopes: frozenset[str] | None) -> None:
    served = start_portal(make_portal(), tier=tier, scopes=scopes)
    for reply in (served.get(FLOWS), served.post(FLOWS, definition())):
        assert (reply.status_code, reply.json()["category"]) == (403, "MISSING_SCOPES")
