"""A client of the console that needs no port, and a state with something of everything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from sync_worker.console.app import build_console
from sync_worker.console.service_facts import NextRun, ServiceFacts
from sync_worker.hubspot.client import HubSpot
from sync_worker.sandbox.server import user_actions
from sync_worker.worker import Worker
from tests.harness import MODEL, NOW, Harness, connect_without_search_limit, small_portal, start_harness
from tests.reliability.fault_matrix import SkippingClock
from tests.sync.conftest import backfill_harness, harness

__all__ = ["backfill_harness", "harness"]

MARKUP = "<script>alert(1)</script>"
ADDRESS = "127.0.0.1:9736"
FACTS = ServiceFacts(next_runs=[NextRun(job="sync", at=NOW)])


@dataclass
class Browser:
    """Sends requests from an address, and keeps cookies like a browser."""

    console: ASGIApp
    address: str = "127.0.0.1"
    host: str = ADDRESS
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.send("GET", path, headers)

    def post(self, path: str, form: Mapping[str, str], **headers: str) -> httpx.Response:
        return self.send("POST", path, {"origin": f"http://{self.host}", **headers}, data=form)

    def send(self, method: str, path: str, headers: Mapping[str, str], **options: Any) -> httpx.Response:
        return asyncio.run(self._send(method, path, {"host": self.host, **headers}, **options))

    async def _send(self, method: str, path: str, headers: Mapping[str, str], **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.console, client=(self.address, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9736", cookies=self.cookies) as client:
            reply = await client.request(method, path, headers=headers, **options)
        self.cookies.update(reply.cookies)
        return reply


@dataclass
class Desk:
    """A portal with a worker, and the console of its state."""

    harness: Harness
    worker: Worker
    browser: Browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return the console of an approved portal in which HubSpot rejects the values of contact 3. Tests do not change it."""
    with ExitStack() as stack:
        yield open_desk(stack, tmp_path_factory.mktemp("console"))


def connect_without_waits(**options: Any) -> HubSpot:
    return connect_without_search_limit(clock=SkippingClock(), **options)


def open_desk(stack: ExitStack, folder: Path) -> Desk:
    forms = [{"id": "news", "name": MARKUP}, {"id": "demo", "name": "Demo"}]
    harness = stack.enter_context(start_harness(folder, small_portal(forms=forms), model=MODEL.replace("Small", MARKUP)))
    harness.edit_contact(6, firstname="Ada", lastname=MARKUP, company="Engines")
    # A rule of the portal: leads need a city, so contact 6 is rejected, and contact 1 until it is no lead.
    rule = {"propertyName": "city", "ruleType": "REQUIRED", "when": {"lifecyclestage": ["lead"]}}
    user_actions.replace_validation_rules(harness.portal, {"rules": [rule]})
    harness.connect_hubspot = connect_without_waits
    harness.backfill()
    harness.approve()
    worker = stack.enter_context(harness.worker())
    return Desk(harness=harness, worker=worker, browser=Browser(build_console(worker.copy, lambda: FACTS)))
