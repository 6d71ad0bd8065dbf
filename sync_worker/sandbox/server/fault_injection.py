"""Executes a fault on a request or on its response."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from struct import pack
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sync_worker.sandbox.base.responses import CONTENT_TYPE, ApiError, JsonResponse
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.faults.fault_rules import Fault
from sync_worker.sandbox.faults.json_path import JsonPath
from sync_worker.sandbox.request.auth_tokens import TokenRegistry
from sync_worker.sandbox.request.rate_limits import LimitExceeded

Sleep = Callable[[float], Awaitable[None]]
TRANSPORT_KEY = "sandbox.transport"  # the ASGI extension with the connection of a request
SLOW_RESPONSE_CHUNKS = 10
MULTI_STATUS = 207
_RESET_LINGER = pack("ii", 1, 0)  # linger for zero seconds, so that the client sees a reset
_STATUS_TITLES = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Time-out",
    524: "A timeout occurred",
}


def apply_to_portal(fault: Fault, portal: SandboxPortal, tokens: TokenRegistry) -> None:
    """Apply a fault that changes the portal or its tokens, before the request is handled."""
    match fault.kind:
        case "revoke_token":
            tokens.revoke()
        case "withdraw_scope":
            tokens.withdraw_scope(fault.name)
        case "delete_property":
            portal.catalog().archive(fault.name, now=portal.now_ms())
        case _:
            return


def replacement_response(fault: Fault, correlation_id: str, *, portal_id: int, sleep: Sleep) -> Response | None:
    """Return the response that replaces the real one; None if the fault replaces nothing."""
    match fault.kind:
        case "rate_limit":
            exceeded = LimitExceeded(fault.policy, fault.retry_after or 10)
            body = {**exceeded.response_body(correlation_id, app_id="sandbox", portal_id=portal_id), "correlationId": correlation_id}
            return JsonResponse(body, status_code=429, headers=_retry_after_headers(fault))
        case "locked":
            return ApiError(423, "The resource is locked by a large sync. Wait at least 2 seconds.", "LOCKED").to_response(correlation_id)
        case "migrating":
            response = ApiError(477, "This account is being migrated between data centers.", "MIGRATION_IN_PROGRESS").to_response(
                correlation_id
            )
            response.headers["Retry-After"] = str(fault.retry_after or 60)
            return response
        case "error" | "answer":
            return _build_answer(fault) if fault.kind == "answer" else _error_response(fault, correlation_id)
        case "reset" | "hang":
            return NoResponse(fault, sleep)
        case _:
            return None


def alter_response(fault: Fault, response: Response, request_body: bytes, sleep: Sleep) -> Response:
    """Return the response as the fault changes it: cut, edited, partial or slow."""
    if fault.kind == "cut":
        return Response(
            bytes(response.body)[: len(response.body) // 2], response.status_code, {"content-type": response.headers["content-type"]}
        )
    if fault.kind == "edit" and fault.part == "response":
        return _replace_body(response, _edit_json(fault, bytes(response.body)), fault.status or response.status_code, fault.headers)
    if fault.kind == "partial" and response.status_code < MULTI_STATUS:
        return _replace_body(response, _add_first_input_error(fault, bytes(response.body), request_body), MULTI_STATUS)
    return SlowResponse(response, fault.seconds, sleep) if fault.kind == "slow" else response


def alter_request(fault: Fault, body: bytes) -> bytes:
    """Return the body of the request as the fault changes it."""
    if fault.kind == "partial":
        return _edit_json(replace(fault, path="inputs[0]", remove=True), body)
    return _edit_json(fault, body) if fault.kind == "edit" and fault.part == "request" else body


class ResponseCache:
    """The last response to each request that a rule of the fault `stale` matches."""

    def __init__(self) -> None:
        self._responses: dict[tuple[str, str, bytes], Response] = {}

    def find(self, method: str, url: str, body: bytes) -> Response | None:
        """Return a copy of the last response to a request."""
        found = self._responses.get((method, url, body))
        return None if found is None else Response(found.body, found.status_code, dict(found.headers))

    def save(self, method: str, url: str, body: bytes, response: Response) -> None:
        """Save the response to a request."""
        self._responses[method, url, body] = response


class NoResponse(Response):
    """Closes the connection without a response, at once or after a delay."""

    def __init__(self, fault: Fault, sleep: Sleep) -> None:
        super().__init__(status_code=499)
        self._wait = fault.seconds if fault.kind == "hang" else 0
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection."""
        del send
        if self._wait:
            await self._sleep(self._wait)
        transport = scope.get("extensions", {}).get(TRANSPORT_KEY)
        if transport is None:
            raise ConnectionResetError("The connection was reset.")
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_LINGER)
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            continue


class SlowResponse(Response):
    """Sends a response in pieces."""

    def __init__(self, response: Response, seconds: float, sleep: Sleep) -> None:
        super().__init__(bytes(response.body), response.status_code, dict(response.headers))
        self._pause, self._sleep = seconds / SLOW_RESPONSE_CHUNKS, sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        del scope, receive
        body = bytes(self.body)
        step = len(body) // SLOW_RESPONSE_CHUNKS + 1
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for at in range(0, len(body), step):
            await self._sleep(self._pause)
            await send({"type": "http.response.body", "body": body[at : at + step], "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _edit_json(fault: Fault, body: bytes) -> bytes:
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    path = JsonPath.parse(fault.path)
    if fault.remove:
        path.remove(document)
    else:
        path.set(document, fault.value)
    return orjson.dumps(document)


def _replace_body(response: Response, body: bytes, status: int, headers: Mapping[str, str] | None = None) -> Response:
    kept = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(body, status, {**kept, **(headers or {})})


def _add_first_input_error(fault: Fault, body: bytes, request_body: bytes) -> bytes:
    try:
        inputs = orjson.loads(request_body)["inputs"]
    except (orjson.JSONDecodeError, KeyError, TypeError):  # a call without inputs
        inputs = []
    if not inputs:
        return body
    document, category = orjson.loads(body), fault.name or "INTERNAL_ERROR"
    error = {"status": "error", "category": category, "message": "Temporary problem", "context": {"ids": [str(inputs[0]["id"])]}}
    errors = [*document.get("errors", []), error]
    return orjson.dumps({**document, "numErrors": len(errors), "errors": errors})


def _build_answer(fault: Fault) -> Response:
    is_text = isinstance(fault.body, str)
    content = str(fault.body).encode() if is_text else b"" if fault.body is None else orjson.dumps(fault.body)
    media_type = "text/html" if content.lstrip().startswith(b"<") else CONTENT_TYPE
    return Response(content, fault.status or 200, {"content-type": media_type, **{k.lower(): v for k, v in fault.headers.items()}})


def _error_response(fault: Fault, correlation_id: str) -> Response:
    status = fault.status or 502
    if fault.body == "json":
        return ApiError(status, "internal error", "INTERNAL_ERROR").to_response(correlation_id)
    title = f"{status} {_STATUS_TITLES.get(status, 'Error')}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    return Response(page, status, _retry_after_headers(fault), media_type="text/html")


def _retry_after_headers(fault: Fault) -> dict[str, str] | None:
    return None if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
