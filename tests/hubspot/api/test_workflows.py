from __future__ import annotations

import pytest

from sync_worker.errors import BadRequest, Unavailable
from sync_worker.hubspot.api.workflows import DelayAction, NewWorkflow, TaskAction
from sync_worker.hubspot.client import HubSpot
from tests.hubspot.fakes import FakeServer, error_body, html_response, json_response, next_page_body

FLOWS = "/automation/v4/flows"
NEW = NewWorkflow(
    name="Draft", description="Finish it.", list_id="9", actions=(DelayAction(2), TaskAction(subject="Call", notes="Why: <reasons> & more"))
)


def row(id_: str, name: str | None = "Draft", *, on: bool = False, object_type: str = "0-1") -> dict[str, object]:
    named = {} if name is None else {"name": name}
    return {"id": id_, "isEnabled": on, "flowType": "WORKFLOW", "objectTypeId": object_type, "revisionId": "1", **named}


def test_a_new_workflow_is_off_and_enrolls_the_members_of_a_list(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", FLOWS, json_response(row("7"), 201))

    created = hubspot.workflows.create_off(NEW)

    assert (created.id, created.is_enabled) == ("7", False)
    (body,) = server.bodies
    assert (body["isEnabled"], body["type"], body["objectTypeId"], body["startActionId"]) == (False, "CONTACT_FLOW", "0-1", "1")
    (branch,) = body["enrollmentCriteria"]["listFilterBranch"]["filterBranches"]
    assert branch["filters"] == [{"filterType": "IN_LIST", "listId": "9", "operator": "IN_LIST"}]
    wait, task = body["actions"]
    assert (wait["fields"], wait["connection"]["nextActionId"]) == ({"delta": "2880", "time_unit": "MINUTES"}, task["actionId"])
    assert "connection" not in task
    assert task["fields"]["body"] == "<p>Why: &lt;reasons&gt; &amp; more</p>"


def test_a_workflow_whose_reply_was_lost_is_found_and_not_created_again(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", FLOWS, html_response(504))
    server.respond("GET", FLOWS, json_response({"results": [row("7", "Other"), row("8")]}))

    assert hubspot.workflows.create_off(NEW).id == "8"
    assert [body["name"] for body in server.bodies if body] == ["Draft"]


def test_a_workflow_that_was_not_created_is_an_error(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "POST", FLOWS, html_response(504), json_response(error_body("Invalid request to flow creation", "VALIDATION_ERROR"), 400)
    )
    server.respond("GET", FLOWS, json_response({"results": []}))

    with pytest.raises(Unavailable):
        hubspot.workflows.create_off(NEW)
    with pytest.raises(BadRequest, match="Invalid request to flow creation"):
        hubspot.workflows.create_off(NEW)


def test_all_pages_of_workflows_are_read_and_those_of_other_objects_left_out(hubspot: HubSpot, server: FakeServer) -> None:
    first = {"results": [row("1", on=True), row("2", object_type="0-3")], **next_page_body("1")}
    server.respond("GET", FLOWS, json_response(first), json_response({"results": [row("3", None)]}))

    assert [(each.id, each.name, each.is_enabled) for each in hubspot.workflows.list_all()] == [("1", "Draft", True), ("3", "", False)]
