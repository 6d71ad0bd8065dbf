"""Carries out a fault on a request or on its reply."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from struct import pack

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sync_worker.sandbox.base.responses import JsonReply, ReplyError
from sync_worker.sandbox.crm.portal import Portal
from sync_worker.sandbox.faults.faults import Fault
from sync_worker.sandbox.request.auth_tokens import Tokens
from sync_worker.sandbox.request.rate_limits import Refusal

Sleep = Callable[[float], Awaitable[None]]
TRANSPORT = "sandbox.transport"  # where the server leaves the connection of a request
PIECES = 10  # of a slow reply
_RESET = pack("ii", 1, 0)  # linger no second: the peer sees a reset
_TITLES = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out", 524: "A timeout occurred"}


def prepare(fault: Fault, portal: Portal, tokens: Tokens) -> None:
    """Do what a fault does to the portal itself before the request is looked at."""
    match fault.kind:
        case "revoke_token":
            tokens.revoke()
        case "withdraw_scope":
            tokens.withdraw(fault.name)
        case "delete_property":
            portal.catalog().archive(fault.name, now=portal.now_ms())
        case _:
            return


def instead(fault: Fault, correlation_id: str, *, portal: int, sleep: Sleep) -> Response | None:
    """Return what is sent instead of an answer, None where there is one."""
    match fault.kind:
        case "rate_limit":
            refusal = Refusal(fault.policy, fault.retry_after or 10)
            body = {**refusal.body(correlation_id, app="sandbox", portal=portal), "correlationId": correlation_id}
            return JsonReply(body, status_code=429, headers=_retry_after(fault))
        case "locked":
            return ReplyError(423, "The resource is locked by a large sync. Wait at least 2 seconds.", "LOCKED").reply(correlation_id)
        case "migrating":
            reply = ReplyError(477, "This account is being migrated between data centers.", "MIGRATION_IN_PROGRESS").reply(correlation_id)
            reply.headers["Retry-After"] = str(fault.retry_after or 60)
            return reply
        case "error":
            return _broken(fault, correlation_id)
        case "reset" | "hang":
            return NoReply(fault, sleep)
        case _:
            return None


def spoil(fault: Fault, reply: Response, sleep: Sleep) -> Response:
    """Return a reply as the fault lets it through."""
    if fault.kind == "cut":
        return Response(bytes(reply.body)[: len(reply.body) // 2], reply.status_code, {"content-type": reply.headers["content-type"]})
    return SlowReply(reply, fault.seconds, sleep) if fault.kind == "slow" else reply


class NoReply(Response):
    """Ends the connection without an answer, at once or after a while."""

    def __init__(self, fault: Fault, sleep: Sleep) -> None:
        super().__init__(status_code=499)
        self._wait = fault.seconds if fault.kind == "hang" else 0
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """End the connection."""
        del send
        if self._wait:
            await self._sleep(self._wait)
        transport = scope.get("extensions", {}).get(TRANSPORT)
        if transport is None:
            raise ConnectionResetError("The connection was reset.")
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            continue


class SlowReply(Response):
    """Sends a reply piece by piece."""

    def __init__(self, reply: Response, seconds: float, sleep: Sleep) -> None:
        super().__init__(bytes(reply.body), reply.status_code, dict(reply.headers))
        self._pause, self._sleep = seconds / PIECES, sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the reply."""
        del scope, receive
        body = bytes(self.body)
        step = len(body) // PIECES + 1
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for at in range(0, len(body), step):
            await self._sleep(self._pause)
            await send({"type": "http.response.body", "body": body[at : at + step], "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _broken(fault: Fault, correlation_id: str) -> Response:
    if fault.body == "json":
        return ReplyError(fault.status, "internal error", "INTERNAL_ERROR").reply(correlation_id)
    title = f"{fault.status} {_TITLES.get(fault.status, 'Error')}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    return Response(page, fault.status, _retry_after(fault), media_type="text/html")


def _retry_after(fault: Fault) -> dict[str, str] | None:
    return None if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
