"""Endpoints of the communication preferences: subscription types and the statuses of addresses, as in HubSpot's API (v4 and dated)."""

from __future__ import annotations

from typing import get_args

from starlette.responses import Response

from sync_worker.sandbox.base.portal_data import SubscriptionStatus
from sync_worker.sandbox.base.responses import Json, JsonResponse, validation_error
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall, require_fields

MAX_BATCH_SIZE = 100
READ_SCOPES = ("communication_preferences.read", "communication_preferences.read_write")
WRITE_SCOPES = ("communication_preferences.write", "communication_preferences.read_write")
BATCH_SCOPES = ("communication_preferences.statuses.batch.read",)


def list_types(call: ApiCall) -> Response:
    """Return all subscription types."""
    return JsonResponse(_envelope(call, [_serialize_type(call, type_id) for type_id in call.portal.subscriptions.type_names]))


def read_statuses(call: ApiCall) -> Response:
    """Return the statuses of an address."""
    _require_channel(call)
    email = _require_address(call.path_variables["subscriberIdString"])
    return JsonResponse(_envelope(call, _serialize_statuses(call, email)))


def read_batch(call: ApiCall) -> Response:
    """Return the statuses of up to 100 addresses, in no order."""
    _require_channel(call)
    body = call.json()
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list):
        message = "Cannot build BatchInputString, some of required attributes are not set ['inputs']"
        raise validation_error(f"Invalid input JSON on line 1, column 1: {message}")
    if len(inputs) > MAX_BATCH_SIZE:
        raise validation_error(f"Batch size {len(inputs)} is too large. The maximum number of inputs is {MAX_BATCH_SIZE}.")
    emails = list(dict.fromkeys(map(_require_address, inputs)))
    call.portal.random.shuffle(emails)
    rows = [{"subscriberIdString": email, "statuses": _serialize_statuses(call, email)} for email in emails]
    return JsonResponse(_envelope(call, rows))


def write_status(call: ApiCall) -> Response:
    """Set the status of an address for one type. The contact counts as changed."""
    email, body = _require_address(call.path_variables["subscriberIdString"]), call.json_object()
    require_fields(body, "PartialPublicStatusRequest", "channel", "statusState", "subscriptionId")
    name = call.portal.subscriptions.find_type(body["subscriptionId"])
    if name is None or body["statusState"] not in get_args(SubscriptionStatus):
        raise validation_error(f"Invalid status {body['statusState']} of subscription {body['subscriptionId']}.")
    call.portal.set_subscription(email, name, body["statusState"], call.source)
    return JsonResponse(_envelope(call, [each for each in _serialize_statuses(call, email) if each["subscriptionName"] == name]))


def _require_channel(call: ApiCall) -> None:
    if call.query.get("channel") != "EMAIL":
        raise validation_error(f"Invalid channel: {call.query.get('channel')}")


def _require_address(text: object) -> str:
    if not isinstance(text, str) or "@" not in text.strip("@ "):
        raise validation_error(f"Email address {text} is invalid")
    return text


def _serialize_type(call: ApiCall, type_id: int) -> Json:
    created = format_iso(call.portal.contacts.records.created[0] if len(call.portal.contacts.records) else call.portal.now_ms())
    return {
        "id": str(type_id),
        "name": call.portal.subscriptions.type_names[type_id],
        "description": "",
        "isActive": True,
        "isDefault": False,
        "isInternal": False,
        "communicationMethod": "Email",
        "purpose": "Marketing",
        "businessUnitId": 0,
        "createdAt": created,
        "updatedAt": created,
    }


def _serialize_statuses(call: ApiCall, email: str) -> list[Json]:
    store = call.portal.subscriptions
    return [
        {
            "channel": "EMAIL",
            "subscriberIdString": email,
            "subscriptionId": type_id,
            "subscriptionName": store.type_names[type_id],
            "status": status,
            "source": "CONTACT",
            "timestamp": format_iso(at),
            "businessUnitId": 0,
        }
        for type_id, status, at in store.statuses(email)
    ]


def _envelope(call: ApiCall, results: list[Json]) -> Json:
    now = format_iso(call.portal.now_ms())
    return {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}


ENDPOINTS = (
    Endpoint(api="subscriptions", method="GET", path_suffix="/definitions", handler=list_types, scopes=READ_SCOPES),
    Endpoint(api="subscriptions", method="POST", path_suffix="/statuses/batch/read", handler=read_batch, scopes=BATCH_SCOPES),
    Endpoint(api="subscriptions", method="GET", path_suffix="/statuses/{subscriberIdString}", handler=read_statuses, scopes=READ_SCOPES),
    Endpoint(api="subscriptions", method="POST", path_suffix="/statuses/{subscriberIdString}", handler=write_status, scopes=WRITE_SCOPES),
)
