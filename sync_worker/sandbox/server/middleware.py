"""Checks every request (URL length, token, rate limits, scopes), injects faults and adds the common headers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from sync_worker.sandbox.base.config import BURST_LIMITS, DAILY_LIMITS, OAUTH_BURST_LIMIT, OAuthClient, SandboxConfig
from sync_worker.sandbox.base.object_types import find_object_type
from sync_worker.sandbox.base.portal_data import Tier
from sync_worker.sandbox.base.responses import ApiError, JsonResponse, not_found_error, uri_too_long_response
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.faults import fault_config
from sync_worker.sandbox.faults.fault_rules import Fault, FaultPlan, FaultTiming
from sync_worker.sandbox.request.auth_tokens import ApiApp, TokenRegistry
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.rate_limits import RateLimits
from sync_worker.sandbox.request.request import ApiCall
from sync_worker.sandbox.server.fault_injection import (
    ResponseCache,
    Sleep,
    alter_request,
    alter_response,
    apply_to_portal,
    replacement_response,
)
from sync_worker.sandbox.server.request_log import LoggedRequest, RequestLog

MAX_URI_LENGTH = 16_200


@dataclass(slots=True, kw_only=True)
class ApiGateway:
    """Dispatches checked requests to the endpoints of one portal."""

    portal: SandboxPortal
    tier: Tier
    tokens: TokenRegistry
    rate_limits: RateLimits
    request_log: RequestLog
    latency_s: float
    random: Random
    sleep: Sleep
    oauth_client: OAuthClient
    fault_plan: FaultPlan  # replaced through /sandbox/faults
    response_cache: ResponseCache
    hosts: frozenset[str]

    @classmethod
    def create(cls, portal: SandboxPortal, config: SandboxConfig, *, sleep: Sleep = asyncio.sleep) -> ApiGateway:
        """Return the gateway of a portal."""
        tier = config.tier or portal.tier
        rate_limits = RateLimits(
            burst_limit=BURST_LIMITS[tier] if config.rate is None else config.rate,
            oauth_burst_limit=OAUTH_BURST_LIMIT if config.rate is None else config.rate,
            search_limit=config.search_rate,
            daily_limit=DAILY_LIMITS[tier] if config.daily is None else config.daily,
            zone=portal.zone,
            clock=portal.clock,
        )
        return cls(
            portal=portal,
            tier=tier,
            tokens=TokenRegistry({config.token: ApiApp(id="sandbox", scopes=config.scopes)}, portal.clock),
            rate_limits=rate_limits,
            request_log=RequestLog(),
            latency_s=config.latency_ms / 1000,
            random=Random(config.seed),  # noqa: S311 -- correlation ids are not secret
            sleep=sleep,
            oauth_client=config.oauth,
            fault_plan=FaultPlan() if config.faults is None else fault_config.load(config.faults),
            response_cache=ResponseCache(),
            hosts=config.hosts,
        )

    def endpoint_handler(self, endpoint: Endpoint, version: str, path: str) -> Callable[[Request], Awaitable[Response]]:
        """Return the request handler for one path of an endpoint."""
        name = f"{endpoint.method} {path}"

        async def handle(request: Request) -> Response:
            body = await request.body()
            # The latency starts when the whole request has arrived, and includes the time that the sandbox needs for it.
            due = asyncio.get_running_loop().time() + self.latency_s
            response = self._handle(endpoint, version, name, request, body)
            if self.latency_s:
                await self.sleep(due - asyncio.get_running_loop().time())
            return response

        return handle

    async def handle_unknown_path(self, request: Request, error: Exception) -> Response:
        """Return the 404 of an unknown path or the 405 of an unknown method."""
        status = getattr(error, "status_code", 404)
        unknown = not_found_error() if status == 404 else ApiError(405, "Method Not Allowed")
        self.request_log.add(LoggedRequest(endpoint=f"{request.method} (no such endpoint)", status=status, at=self.portal.now_ms()))
        return unknown.to_response(self._new_correlation_id())

    def _handle(self, endpoint: Endpoint, version: str, name: str, request: Request, body: bytes) -> Response:
        correlation_id = self._new_correlation_id()
        self.portal.run_due_tasks()
        fault = self.fault_plan.next_fault(request.method, request.url.path, f"{request.url.query} {body.decode(errors='replace')}")
        sent = body
        if fault is not None:
            apply_to_portal(fault, self.portal, self.tokens)
            body = alter_request(fault, body)
        policy, response = None, self._fault_response(fault, "before", correlation_id)
        if fault is not None and fault.kind == "stale":
            response = self.response_cache.find(request.method, str(request.url), body)
        if response is None:
            policy, response = self._respond(endpoint, version, request, body, correlation_id)
            if self.fault_plan.has_kind("stale"):
                self.response_cache.save(request.method, str(request.url), body, response)
            response = self._fault_response(fault, "after", correlation_id) or response
        response.headers.update({"x-hubspot-correlation-id": correlation_id, "x-request-id": correlation_id})
        if fault is not None:
            response = alter_response(fault, response, sent, self.sleep)
        self.request_log.add(LoggedRequest(endpoint=name, status=response.status_code, at=self.portal.now_ms(), policy=policy))
        return response

    def _fault_response(self, fault: Fault | None, timing: FaultTiming, correlation_id: str) -> Response | None:
        if fault is None or fault.when != timing:
            return None
        return replacement_response(fault, correlation_id, portal_id=self.portal.id, sleep=self.sleep)

    def _respond(self, endpoint: Endpoint, version: str, request: Request, body: bytes, correlation_id: str) -> tuple[str | None, Response]:
        """Return the exceeded rate limit, if there is one, and the response."""
        if len(request.url.path) + len(request.url.query) > MAX_URI_LENGTH:
            return None, uri_too_long_response()
        policy, limit_headers = None, {}
        try:
            app = self.tokens.authenticate(request.headers.get("authorization"))
            policy, rejection = self._check_rate_limits(endpoint, app, correlation_id)
            if endpoint.rate_limit == "burst":
                limit_headers = self.rate_limits.headers(app.id, has_daily_limit=not app.is_oauth)
            response = rejection or self._dispatch(endpoint, version, request, body, app)
        except ApiError as error:
            response = error.to_response(correlation_id)
        response.headers.update(limit_headers)
        return policy, response

    def _check_rate_limits(self, endpoint: Endpoint, app: ApiApp, request_id: str) -> tuple[str | None, Response | None]:
        exceeded = self.rate_limits.try_consume(app.id, rate_limit=endpoint.rate_limit, has_daily_limit=not app.is_oauth)
        if exceeded is None:
            return None, None
        body = {**exceeded.response_body(request_id, app_id=app.id, portal_id=self.portal.id), "correlationId": request_id}
        has_retry_after = self.portal.switches.retry_after and exceeded.policy != "SECONDLY"
        headers = {"Retry-After": str(exceeded.retry_after_s)} if has_retry_after else None
        return exceeded.policy, JsonResponse(body, status_code=429, headers=headers)

    def _dispatch(self, endpoint: Endpoint, version: str, request: Request, body: bytes, app: ApiApp) -> Response:
        if body and request.headers.get("content-type", "").partition(";")[0].strip().lower() != endpoint.media_type:
            raise ApiError(415, f"Unsupported Media Type: {endpoint.media_type} was expected.")
        object_type = find_object_type(request.path_params.get("objectType", ""))
        name = (object_type.scope_name or object_type.name) if object_type is not None else ""
        app.require_scopes(tuple(scope.replace("{kind}", name) for scope in endpoint.scopes), require_all=endpoint.requires_all_scopes)
        call = ApiCall(
            portal=self.portal,
            version=version,
            path_variables=request.path_params,
            base_url=str(request.base_url).rstrip("/"),
            url_path=request.url.path,
            query=request.query_params,
            rate_limits=self.rate_limits,
            tier=self.tier,
            app=app,
            body=body,
            source=app.source,
            content_type=request.headers.get("content-type", ""),
        )
        return endpoint.handler(call)

    def _new_correlation_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))
