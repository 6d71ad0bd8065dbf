from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync_worker.hubspot.client import HubSpot
from tests.hubspot.fakes import HandWoundClock, Server, connected, served


@pytest.fixture
def clock() -> HandWoundClock:
    return HandWoundClock()


@pytest.fixture
def server() -> Iterator[Server]:
    with served() as server:
        yield server


@pytest.fixture
def hubspot(clock: HandWoundClock, server: Server) -> Iterator[HubSpot]:  # noqa: ARG001 - no request leaves the machine
    with connected(clock) as hubspot:
        yield hubspot
