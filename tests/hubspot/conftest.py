from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync_worker.hubspot.client import HubSpot
from tests.hubspot.fakes import FakeClock, FakeServer, make_client, serve_fake


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serve_fake() as server:
        yield server


@pytest.fixture
def hubspot(clock: FakeClock, server: FakeServer) -> Iterator[HubSpot]:  # noqa: ARG001 - no request leaves the machine
    with make_client(clock) as hubspot:
        yield hubspot
