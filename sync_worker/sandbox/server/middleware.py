"""What every request passes: address, token, budgets, scopes; and what every reply carries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from sync_worker.sandbox.base.config import BURST_LIMITS, DAILY_LIMITS, OAUTH_BURST_LIMIT, OAuthClient, Options
from sync_worker.sandbox.base.object_types import object_type
from sync_worker.sandbox.base.portal_data import Tier
from sync_worker.sandbox.base.responses import JsonReply, ReplyError, not_found, uri_too_long
from sync_worker.sandbox.crm.portal import Portal
from sync_worker.sandbox.faults import fault_config
from sync_worker.sandbox.faults.faults import Fault, FaultPlan, When
from sync_worker.sandbox.request.auth_tokens import App, Tokens
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.rate_limits import Budgets
from sync_worker.sandbox.request.request import Call
from sync_worker.sandbox.server.fault_injection import Sleep, instead, prepare, spoil
from sync_worker.sandbox.server.request_log import Asked, RequestLog

LONGEST_URI = 16_200


@dataclass(slots=True, kw_only=True)
class Gate:
    """Lets requests through to the endpoints of one portal."""

    portal: Portal
    tier: Tier
    tokens: Tokens
    budgets: Budgets
    log: RequestLog
    latency_s: float
    random: Random
    sleep: Sleep
    oauth: OAuthClient
    faults: FaultPlan  # tests put others in its place

    @classmethod
    def of(cls, portal: Portal, options: Options, *, sleep: Sleep = asyncio.sleep) -> Gate:
        """Return the gate of a portal."""
        tier = options.tier or portal.tier
        budgets = Budgets(
            burst=BURST_LIMITS[tier] if options.rate is None else options.rate,
            oauth_burst=OAUTH_BURST_LIMIT if options.rate is None else options.rate,
            search=options.search_rate,
            daily=DAILY_LIMITS[tier] if options.daily is None else options.daily,
            zone=portal.zone,
            clock=portal.clock,
        )
        return cls(
            portal=portal,
            tier=tier,
            tokens=Tokens({options.token: App(id="sandbox", scopes=options.scopes)}, portal.clock),
            budgets=budgets,
            log=RequestLog(),
            latency_s=options.latency_ms / 1000,
            random=Random(options.seed),  # noqa: S311 -- correlation ids are no secret
            sleep=sleep,
            oauth=options.oauth,
            faults=FaultPlan() if options.faults is None else fault_config.read(options.faults),
        )

    def endpoint(self, endpoint: Endpoint, version: str, path: str) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers the requests for one path of an endpoint."""
        name = f"{endpoint.method} {path}"

        async def answer(request: Request) -> Response:
            body = await request.body()
            # A request is there when all of it is; it is counted in the same moment, so that a busy sandbox is no nearer than it says.
            due = asyncio.get_running_loop().time() + self.latency_s
            response = self._answer(endpoint, version, name, request, body)
            if self.latency_s:
                await self.sleep(due - asyncio.get_running_loop().time())
            return response

        return answer

    async def no_such_path(self, request: Request, error: Exception) -> Response:
        """Answer a request for a path that is none, or with a method that it has not."""
        status = getattr(error, "status_code", 404)
        refused = not_found() if status == 404 else ReplyError(405, "Method Not Allowed")
        self.log.add(Asked(endpoint=f"{request.method} (no such endpoint)", status=status, at=self.portal.now_ms()))
        return refused.reply(self._correlation_id())

    def _answer(self, endpoint: Endpoint, version: str, name: str, request: Request, body: bytes) -> Response:
        correlation_id = self._correlation_id()
        self.portal.catch_up()
        fault = self.faults.strike(request.method, request.url.path)
        if fault is not None:
            prepare(fault, self.portal, self.tokens)
        policy, response = None, self._fault_reply(fault, "before", correlation_id)
        if response is None:
            policy, response = self._honest(endpoint, version, request, body, correlation_id)
            response = self._fault_reply(fault, "after", correlation_id) or response
        response.headers.update({"x-hubspot-correlation-id": correlation_id, "x-request-id": correlation_id})
        self.log.add(Asked(endpoint=name, status=response.status_code, at=self.portal.now_ms(), policy=policy))
        return response if fault is None else spoil(fault, response, self.sleep)

    def _fault_reply(self, fault: Fault | None, when: When, correlation_id: str) -> Response | None:
        if fault is None or fault.when != when:
            return None
        return instead(fault, correlation_id, portal=self.portal.id, sleep=self.sleep)

    def _honest(self, endpoint: Endpoint, version: str, request: Request, body: bytes, correlation_id: str) -> tuple[str | None, Response]:
        """Return the answer, and the budget that refused it if one did."""
        if len(request.url.path) + len(request.url.query) > LONGEST_URI:
            return None, uri_too_long()
        policy, told = None, {}
        try:
            app = self.tokens.app(request.headers.get("authorization"))
            policy, refused = self._over_budget(endpoint, app, correlation_id)
            told = self.budgets.headers(app.id, metered=not app.oauth) if endpoint.policy == "burst" else {}
            response = refused or self._let_in(endpoint, version, request, body, app)
        except ReplyError as error:
            response = error.reply(correlation_id)
        response.headers.update(told)
        return policy, response

    def _over_budget(self, endpoint: Endpoint, app: App, request_id: str) -> tuple[str | None, Response | None]:
        refusal = self.budgets.take(app.id, policy=endpoint.policy, metered=not app.oauth)
        if refusal is None:
            return None, None
        body = {**refusal.body(request_id, app=app.id, portal=self.portal.id), "correlationId": request_id}
        headers = {"Retry-After": str(refusal.retry_after_s)} if self.portal.switches.retry_after and refusal.policy != "SECONDLY" else None
        return refusal.policy, JsonReply(body, status_code=429, headers=headers)

    def _let_in(self, endpoint: Endpoint, version: str, request: Request, body: bytes, app: App) -> Response:
        kind = object_type(request.path_params.get("objectType", ""))
        named = kind.name if kind is not None else ""
        app.require(tuple(scope.replace("{kind}", named) for scope in endpoint.scopes), every=endpoint.every_scope)
        call = Call(
            portal=self.portal,
            version=version,
            path=request.path_params,
            base_url=str(request.base_url).rstrip("/"),
            url_path=request.url.path,
            query=request.query_params,
            budgets=self.budgets,
            tier=self.tier,
            body=body,
            source=app.source,
            content_type=request.headers.get("content-type", ""),
        )
        return endpoint.answer(call)

    def _correlation_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))
