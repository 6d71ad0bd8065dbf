"""Endpoints for tests and demos under /sandbox; they need no token and have no rate limit, latency or faults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sync_worker.sandbox.base.errors import FaultConfigError
from sync_worker.sandbox.base.responses import ApiError, JsonResponse, NoContentResponse, validation_error
from sync_worker.sandbox.faults import fault_config
from sync_worker.sandbox.faults.fault_rules import FaultPlan
from sync_worker.sandbox.server.fault_injection import ResponseCache
from sync_worker.sandbox.server.middleware import ApiGateway
from sync_worker.sandbox.server.portal_fingerprint import compute_fingerprint
from sync_worker.sandbox.server.user_actions import USER_ACTIONS, UserAction, edit_contact

RequestBody = dict[str, Any]
RouteHandler = Callable[[Request], Awaitable[Response]]


def routes(gateway: ApiGateway) -> list[BaseRoute]:
    """Return the admin routes of a portal."""
    admin = _AdminEndpoints(gateway)
    action_routes = [Route(f"/sandbox/{name}", admin.action_handler(action), methods=["POST"]) for name, action in USER_ACTIONS.items()]
    return [
        Route("/sandbox/requests", admin.list_requests, methods=["GET"]),
        Route("/sandbox/requests", admin.reset_requests, methods=["DELETE"]),
        Route("/sandbox/requests/reset", admin.reset_requests, methods=["POST"]),
        Route("/sandbox/digest", admin.read_fingerprint, methods=["GET"]),
        Route("/sandbox/files/{secret}", admin.download_file, methods=["GET"]),
        Route("/sandbox/faults", admin.list_faults, methods=["GET"]),
        Route("/sandbox/faults", admin.set_faults, methods=["POST"]),
        Route("/sandbox/faults", admin.clear_faults, methods=["DELETE"]),
        *action_routes,
        Route("/sandbox/contacts/{id}", admin.update_contact, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class _AdminEndpoints:
    gateway: ApiGateway

    async def list_requests(self, request: Request) -> Response:
        last = int(request.query_params.get("last", "0"))
        return JsonResponse(
            {**self.gateway.request_log.summary(), **({"last": self.gateway.request_log.last_requests(last)} if last else {})}
        )

    async def reset_requests(self, _: Request) -> Response:
        self.gateway.request_log.reset()
        return NoContentResponse()

    async def read_fingerprint(self, _: Request) -> Response:
        self.gateway.portal.run_due_tasks()
        return JsonResponse({"digest": compute_fingerprint(self.gateway.portal)})

    async def download_file(self, request: Request) -> Response:
        export = self.gateway.portal.exports.find_by_link(request.path_params["secret"], self.gateway.portal.now_ms())
        if export is None or export.file is None:
            body = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            return Response(body, 403, media_type="application/xml")
        return Response(export.file, media_type="application/octet-stream")

    async def list_faults(self, _: Request) -> Response:
        plan = self.gateway.fault_plan
        return JsonResponse({"rules": [{**asdict(rule), "struck": hits} for rule, hits in zip(plan.rules, plan.hit_counts, strict=True)]})

    async def set_faults(self, request: Request) -> Response:
        def change(body: RequestBody) -> RequestBody:
            self.gateway.fault_plan = fault_config.parse(body, source_name="faults")
            self.gateway.response_cache = ResponseCache()
            return {"rules": len(self.gateway.fault_plan.rules)}

        return await _run_action(request, change)

    async def clear_faults(self, _: Request) -> Response:
        self.gateway.fault_plan = FaultPlan()
        return NoContentResponse()

    async def update_contact(self, request: Request) -> Response:
        def change(body: RequestBody) -> RequestBody:
            return edit_contact(self.gateway.portal, {"id": request.path_params["id"], "properties": body.get("properties", body)})

        return await _run_action(request, change)

    def action_handler(self, action: UserAction) -> RouteHandler:
        async def handle(request: Request) -> Response:
            return await _run_action(request, lambda body: action(self.gateway.portal, body))

        return handle


async def _run_action(request: Request, action: Callable[[RequestBody], RequestBody]) -> Response:
    try:
        body = orjson.loads(await request.body())
        if not isinstance(body, dict):
            raise validation_error("A JSON object was expected.")
        return JsonResponse(action(body))
    except ApiError as error:
        return error.to_response("sandbox")
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, FaultConfigError) as error:
        return validation_error(f"{type(error).__name__}: {error}").to_response("sandbox")
