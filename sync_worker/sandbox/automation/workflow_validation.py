"""Validates the definition of a workflow by HubSpot's description of the automation API and its reference of actions.

The messages about a missing or wrong `type` and about unreachable actions are HubSpot's; the others are in the style of its API.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from sync_worker.sandbox.base.object_types import CONTACTS
from sync_worker.sandbox.base.responses import ApiError, Json, validation_error

REQUIRED_LISTS: Final = ("actions", "blockedDates", "dataSources", "suppressionListIds", "timeWindows")
REQUIRED_FIELDS: Final = ("type", "objectTypeId", "flowType", "isEnabled", "canEnrollFromSalesforce", "customProperties", *REQUIRED_LISTS)
FLOW_TYPES: Final = ("CONTACT_FLOW", "PLATFORM_FLOW")
BRANCH_ACTIONS: Final = ("STATIC_BRANCH", "LIST_BRANCH", "AB_TEST_BRANCH")
ACTION_TYPES: Final = ("SINGLE_CONNECTION", "CUSTOM_CODE", "WEBHOOK", *BRANCH_ACTIONS)
ACTION_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {  # action type id → its required fields
    "0-1": ("delta", "time_unit"),
    "0-3": ("task_type", "subject"),
    "0-4": ("content_id",),
    "0-5": ("property_name", "value"),
    "0-8": ("user_ids", "subject", "body"),
    "0-9": ("user_ids", "subject", "body"),
}
TIME_UNITS: Final = ("MINUTES", "HOURS", "DAYS", "WEEKS")
ENROLLMENT_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "LIST_BASED": ("listFilterBranch", "reEnrollmentTriggersFilterBranches", "shouldReEnroll", "unEnrollObjectsNotMeetingCriteria"),
    "EVENT_BASED": ("eventFilterBranches", "listMembershipFilterBranches", "shouldReEnroll"),
    "MANUAL": ("shouldReEnroll",),
}
BRANCH_FIELDS: Final = ("filterBranchType", "filterBranchOperator", "filterBranches", "filters")
BRANCH_TYPES: Final = ("OR", "AND", "NOT_ALL", "NOT_ANY", "RESTRICTED", "UNIFIED_EVENTS", "ASSOCIATION")


def validate_workflow(body: Json, *, list_exists: Callable[[str], bool]) -> None:
    """Reject an invalid definition.

    Raises:
        ApiError: 400.
    """
    _require(body, REQUIRED_FIELDS)
    _validate_type(body)
    if body["flowType"] not in ("WORKFLOW", "ACTION_SET", "UNKNOWN"):
        raise validation_error(f"Invalid flowType: {body['flowType']}")
    if not isinstance(body["isEnabled"], bool):
        raise validation_error("Invalid input JSON on line 1, column 1: Cannot deserialize value of field `isEnabled`")
    for name in REQUIRED_LISTS:
        if not isinstance(body[name], list):
            raise validation_error(f"Invalid input JSON on line 1, column 1: Cannot deserialize value of field `{name}`")
    _validate_actions(body)
    if body.get("enrollmentCriteria") is not None:
        _validate_enrollment(_as_object(body["enrollmentCriteria"]), list_exists)


def _require(body: Mapping[str, Any], names: Collection[str]) -> None:
    missing = [name for name in names if body.get(name) is None]
    if missing:
        raise validation_error(f"Some required fields were not set: [{', '.join(missing)}]")


def _validate_type(body: Json) -> None:
    kind, object_type = body["type"], body["objectTypeId"]
    if kind not in FLOW_TYPES:
        raise validation_error(f"Invalid type: {kind}")
    if (kind == "CONTACT_FLOW") != (object_type == CONTACTS.type_id):
        raise validation_error(f'Expected an object type other than "{object_type}" objectType but got "{object_type}"')


def _validate_actions(body: Json) -> None:
    actions = {}
    for action in map(_as_object, body["actions"]):
        _validate_action(action)
        if action["actionId"] in actions:
            raise validation_error(f"Duplicate actionId: {action['actionId']}")
        actions[action["actionId"]] = action
    waiting = [body.get("startActionId")] if actions else []
    reached = set[Any]()
    while waiting:
        action_id = waiting.pop()
        if action_id not in actions:
            raise _creation_error()
        if action_id not in reached:
            reached.add(action_id)
            waiting += [_as_object(one).get("nextActionId") for one in _connections(actions[action_id])]
    if len(reached) < len(actions):
        raise _creation_error()


def _validate_action(action: Json) -> None:
    _require(action, ("actionId", "type"))
    if action["type"] not in ACTION_TYPES:
        raise validation_error(f"Invalid action type: {action['type']}")
    if action["type"] != "SINGLE_CONNECTION":
        return
    _require(action, ("actionTypeId", "actionTypeVersion", "fields"))
    fields = _as_object(action["fields"])
    _require(fields, ACTION_FIELDS.get(action["actionTypeId"], ()))
    if action["actionTypeId"] == "0-1" and (fields["time_unit"] not in TIME_UNITS or not str(fields["delta"]).isdecimal()):
        raise validation_error("Invalid delay: delta must be a number, and time_unit one of " + ", ".join(TIME_UNITS))


def _connections(action: Json) -> Iterator[Any]:
    branches = [each for name in ("staticBranches", "listBranches", "testBranches") for each in action.get(name) or ()]
    found = [action.get("connection"), action.get("defaultBranch"), *(_as_object(each).get("connection") for each in branches)]
    return (one for one in found if one is not None)


def _validate_enrollment(criteria: Json, list_exists: Callable[[str], bool]) -> None:
    _require(criteria, ("type",))
    if criteria["type"] not in ENROLLMENT_FIELDS:
        raise validation_error(f"Invalid enrollment type: {criteria['type']}")
    _require(criteria, ENROLLMENT_FIELDS[criteria["type"]])
    if criteria["type"] == "LIST_BASED":
        root = _as_object(criteria["listFilterBranch"])
        _validate_branch(root, list_exists)
        if root["filterBranchType"] == "OR" and (root["filters"] or not root["filterBranches"]):
            raise validation_error("The root filter branch must be an OR branch of AND branches, without filters of its own.")


def _validate_branch(branch: Json, list_exists: Callable[[str], bool]) -> None:
    _require(branch, BRANCH_FIELDS)
    if branch["filterBranchType"] not in BRANCH_TYPES:
        raise validation_error(f"Invalid filterBranchType: {branch['filterBranchType']}")
    for condition in map(_as_object, branch["filters"]):
        _require(condition, ("filterType",))
        if condition["filterType"] == "IN_LIST":
            _require(condition, ("listId", "operator"))
            if not list_exists(str(condition["listId"])):
                raise validation_error(f"List does not exist with ID {condition['listId']}.")
    for nested in map(_as_object, branch["filterBranches"]):
        _validate_branch(nested, list_exists)


def _as_object(value: Any) -> Json:  # noqa: ANN401 -- raw JSON of the client
    if not isinstance(value, dict):
        raise validation_error("Invalid input JSON on line 1, column 1: Cannot deserialize value: an object was expected")
    return value


def _creation_error() -> ApiError:
    return validation_error("Invalid request to flow creation")
