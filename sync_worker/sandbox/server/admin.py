"""Endpoints for tests and demos under /sandbox: no token, no budget, no latency, no faults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sync_worker.errors import ConfigurationError
from sync_worker.sandbox.base.responses import JsonReply, NoContent, ReplyError, invalid
from sync_worker.sandbox.faults import fault_config
from sync_worker.sandbox.faults.faults import FaultPlan
from sync_worker.sandbox.server.fingerprint import digest
from sync_worker.sandbox.server.middleware import Gate
from sync_worker.sandbox.server.user_actions import MUTATIONS, Mutation, edit_contact

Json = dict[str, Any]
Answer = Callable[[Request], Awaitable[Response]]


def routes(gate: Gate) -> list[BaseRoute]:
    """Return the routes of a portal behind a gate."""
    admin = _Admin(gate)
    named = [Route(f"/sandbox/{name}", admin.mutating(mutation), methods=["POST"]) for name, mutation in MUTATIONS.items()]
    return [
        Route("/sandbox/requests", admin.requests, methods=["GET"]),
        Route("/sandbox/requests", admin.reset, methods=["DELETE"]),
        Route("/sandbox/requests/reset", admin.reset, methods=["POST"]),
        Route("/sandbox/digest", admin.digest, methods=["GET"]),
        Route("/sandbox/files/{secret}", admin.file, methods=["GET"]),
        Route("/sandbox/faults", admin.faults, methods=["GET"]),
        Route("/sandbox/faults", admin.set_faults, methods=["POST"]),
        Route("/sandbox/faults", admin.clear_faults, methods=["DELETE"]),
        *named,
        Route("/sandbox/contacts/{id}", admin.edit, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class _Admin:
    gate: Gate

    async def requests(self, request: Request) -> Response:
        last = int(request.query_params.get("last", "0"))
        return JsonReply({**self.gate.log.summary(), **({"last": self.gate.log.last(last)} if last else {})})

    async def reset(self, _: Request) -> Response:
        self.gate.log.reset()
        return NoContent()

    async def digest(self, _: Request) -> Response:
        self.gate.portal.catch_up()
        return JsonReply({"digest": digest(self.gate.portal)})

    async def file(self, request: Request) -> Response:
        export = self.gate.portal.exports.opened_by(request.path_params["secret"], self.gate.portal.now_ms())
        if export is None or export.file is None:
            refused = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            return Response(refused, 403, media_type="application/xml")
        return Response(export.file, media_type="application/octet-stream")

    async def faults(self, _: Request) -> Response:
        plan = self.gate.faults
        return JsonReply({"rules": [{**asdict(rule), "struck": times} for rule, times in zip(plan.rules, plan.struck, strict=True)]})

    async def set_faults(self, request: Request) -> Response:
        def change(body: Json) -> Json:
            self.gate.faults = fault_config.plan(body, where="faults")
            return {"rules": len(self.gate.faults.rules)}

        return await _answered(request, change)

    async def clear_faults(self, _: Request) -> Response:
        self.gate.faults = FaultPlan()
        return NoContent()

    async def edit(self, request: Request) -> Response:
        def change(body: Json) -> Json:
            return edit_contact(self.gate.portal, {"id": request.path_params["id"], "properties": body.get("properties", body)})

        return await _answered(request, change)

    def mutating(self, mutation: Mutation) -> Answer:
        async def answer(request: Request) -> Response:
            return await _answered(request, lambda body: mutation(self.gate.portal, body))

        return answer


async def _answered(request: Request, act: Callable[[Json], Json]) -> Response:
    try:
        body = orjson.loads(await request.body())
        if not isinstance(body, dict):
            raise invalid("A JSON object was expected.")
        return JsonReply(act(body))
    except ReplyError as error:
        return error.reply("sandbox")
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, ConfigurationError) as error:
        return invalid(f"{type(error).__name__}: {error}").reply("sandbox")
