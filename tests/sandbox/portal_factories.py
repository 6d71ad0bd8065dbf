"""Small portals for the tests of the sandbox, and a client for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
from starlette.applications import Starlette

from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.base.timestamps import to_ms
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.server import server
from sync_worker.sandbox.server.middleware import ApiGateway
from sync_worker.sandbox.server.server import SandboxConfig, Switches

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW_MS = to_ms(NOW)
CONTACTS = "/crm/v3/objects/contacts"
DAY_MS = 86_400_000


class FakeClock:
    """A clock that tests advance."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def make_contact(number: int, **properties: str) -> Row:
    return {
        "id": str(number),
        "properties": {"email": f"person-{number}@example.com", "firstname": "Ana", **properties},
        "createdAt": "2026-01-02T03:04:05Z",
        "updatedAt": f"2026-02-02T03:04:{number % 60:02d}.500Z",
        "archived": False,
    }


def make_click(number: int, created: int, **fields: object) -> Row:
    return {"id": f"event-{number}", "created": created, "type": "CLICK", "recipient": "Person-1@example.com", **fields}


def make_portal(contacts: Iterable[Row] = (), **kinds: object) -> PortalData:
    fields: dict[str, Any] = {"portal_id": 42, "tier": "enterprise", "time_zone": "Europe/Berlin", "now": NOW, **kinds}
    return PortalData(contacts=list(contacts), **fields)


def make_contacts(count: int) -> list[Row]:
    return [make_contact(number) for number in range(1, count + 1)]


@dataclass
class PortalClient:
    """A portal in this process with an authenticated client."""

    portal: SandboxPortal
    gate: ApiGateway
    clock: FakeClock
    http: httpx.Client
    sleeps: list[float] = field(default_factory=list)

    def get(self, path: str, **query: object) -> httpx.Response:
        return self.http.get(path, params=httpx.QueryParams(cast("dict[str, Any]", query)))

    def post(self, path: str, body: object) -> httpx.Response:
        return self.http.post(path, json=body)

    def put(self, path: str, body: object) -> httpx.Response:
        return self.http.put(path, json=body)

    def patch(self, path: str, body: object) -> httpx.Response:
        return self.http.patch(path, json=body)

    def delete(self, path: str) -> httpx.Response:
        return self.http.delete(path)

    def search(self, *filters: dict[str, object], **body: object) -> dict[str, Any]:
        reply = self.post(CONTACTS + "/search", {"filterGroups": [{"filters": list(filters)}] if filters else [], **body})
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def value(self, number: int, name: str) -> str | None:
        got: str | None = self.get(f"{CONTACTS}/{number}", properties=name).json()["properties"][name]
        return got


class AsgiTransport(httpx.BaseTransport):
    """Sends requests to an ASGI application without a socket."""

    def __init__(self, app: Starlette) -> None:
        self._asgi = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._send(request))

    async def _send(self, request: httpx.Request) -> httpx.Response:
        reply = await self._asgi.handle_async_request(request)
        return httpx.Response(reply.status_code, headers=reply.headers, content=await reply.aread())


def make_http_client(app: Starlette, token: str) -> httpx.Client:
    return httpx.Client(base_url="http://127.0.0.1", transport=AsgiTransport(app), headers={"Authorization": f"Bearer {token}"})


def start_portal(data: PortalData, *, switches: Switches | None = None, **options: object) -> PortalClient:
    """Serve a portal in this process; by default without search lag and without rate limits."""
    unlimited: dict[str, Any] = {"index_lag_s": 0, "rate": 10**6, "search_rate": 10**6}
    config = SandboxConfig(switches=switches or Switches(), **{**unlimited, **options})
    clock, sleeps = FakeClock(), []

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)

    portal = server.load_portal(data, config, clock=clock)
    gate = ApiGateway.create(portal, config, sleep=sleep)
    http = make_http_client(server.create_gateway_app(gate), config.token)
    return PortalClient(portal=portal, gate=gate, clock=clock, http=http, sleeps=sleeps)


def result_ids(reply: dict[str, Any]) -> list[str]:
    return [item["id"] for item in reply["results"]]


def make_filter(name: str, operator: str, value: object = None, **more: object) -> dict[str, object]:
    return {"propertyName": name, "operator": operator, **({} if value is None else {"value": value}), **more}
