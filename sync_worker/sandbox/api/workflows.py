"""Endpoints of workflows (automation API, version 4, beta). The sandbox does not execute them."""

from __future__ import annotations

from itertools import islice

from starlette.responses import Response

from sync_worker.sandbox.automation.workflow_validation import validate_workflow
from sync_worker.sandbox.automation.workflows import StoredWorkflow
from sync_worker.sandbox.base.ids import parse_id
from sync_worker.sandbox.base.responses import Json, JsonResponse, NoContentResponse, not_found_error, validation_error
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.request.auth_tokens import scopes_error
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall

SCOPES = ("automation",)
MAX_PAGE_SIZE = 100


def list_workflows(call: ApiCall) -> Response:
    """Return a page of workflows, without their definitions."""
    _require_plan(call)
    limit, after = (
        call.integer_param("limit", MAX_PAGE_SIZE, maximum=MAX_PAGE_SIZE),
        call.integer_param("after", 0, maximum=10**18, minimum=0),
    )
    page = list(islice((each for each in call.portal.workflows if each.id > after), limit + 1))
    body: Json = {"results": [_serialize_row(each) for each in page[:limit]]}
    if len(page) > limit:
        cursor = str(page[limit - 1].id)
        body["paging"] = {"next": {"after": cursor, "link": f"{call.base_url}{call.url_path}?after={cursor}"}}
    return JsonResponse(body)


def create_workflow(call: ApiCall) -> Response:
    """Create a workflow. Names need not be unique."""
    _require_plan(call)
    body = _read_definition(call)
    return JsonResponse(_serialize(call.portal.workflows.create(body, now=call.portal.now_ms())), status_code=201)


def read_workflow(call: ApiCall) -> Response:
    """Return a workflow with its definition."""
    _require_plan(call)
    return JsonResponse(_serialize(_require_workflow(call)))


def update_workflow(call: ApiCall) -> Response:
    """Replace the definition of a workflow; the revision must be the current one."""
    _require_plan(call)
    workflow, body = _require_workflow(call), _read_definition(call)
    if str(body.get("revisionId")) != str(workflow.revision):
        raise validation_error(f"The revision {body.get('revisionId')} is not the current one.")
    workflow.replace(body, now=call.portal.now_ms())
    return JsonResponse(_serialize(workflow))


def delete_workflow(call: ApiCall) -> Response:
    """Delete a workflow; it cannot be restored."""
    _require_plan(call)
    call.portal.workflows.delete(_require_workflow(call).id)
    return NoContentResponse()


def _require_plan(call: ApiCall) -> None:
    """Reject a call of a portal without workflows; what HubSpot answers is not known, but such a portal cannot grant the scope."""
    if call.tier == "starter":
        raise scopes_error(list(SCOPES))


def _require_workflow(call: ApiCall) -> StoredWorkflow:
    text = call.path_variables["flowId"]
    workflow = call.portal.workflows.get(parse_id(text))
    if workflow is None:
        raise not_found_error(f"Flow {text} does not exist.", "OBJECT_NOT_FOUND")
    return workflow


def _read_definition(call: ApiCall) -> Json:
    body = call.json_object()
    validate_workflow(body, list_exists=lambda list_id: call.portal.lists.get(parse_id(list_id)) is not None)
    return body


def _serialize_row(workflow: StoredWorkflow) -> Json:
    body = workflow.body
    return {
        "id": str(workflow.id),
        "isEnabled": workflow.is_enabled,
        "flowType": body["flowType"],
        "objectTypeId": body["objectTypeId"],
        "revisionId": str(workflow.revision),
        "createdAt": format_iso(workflow.created),
        "updatedAt": format_iso(workflow.updated),
        **({"name": workflow.name} if workflow.name else {}),
    }


def _serialize(workflow: StoredWorkflow) -> Json:
    numbers = [int(action["actionId"]) for action in workflow.body["actions"] if str(action["actionId"]).isdecimal()]
    following = str(max(numbers, default=0) + 1)
    return {**workflow.body, **_serialize_row(workflow), "nextAvailableActionId": following, "crmObjectCreationStatus": "COMPLETE"}


ENDPOINTS = (
    Endpoint(api="workflows", method="GET", path_suffix="/flows", handler=list_workflows, scopes=SCOPES),
    Endpoint(api="workflows", method="POST", path_suffix="/flows", handler=create_workflow, scopes=SCOPES),
    Endpoint(api="workflows", method="GET", path_suffix="/flows/{flowId}", handler=read_workflow, scopes=SCOPES),
    Endpoint(api="workflows", method="PUT", path_suffix="/flows/{flowId}", handler=update_workflow, scopes=SCOPES),
    Endpoint(api="workflows", method="DELETE", path_suffix="/flows/{flowId}", handler=delete_workflow, scopes=SCOPES),
)
