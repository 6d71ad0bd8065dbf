"""Fixtures of the tests of the fleet."""

from __future__ import annotations

import pytest

from tests.harness import small_portal, start_harness


@pytest.fixture(scope="session")
def digest_of_a_single_run(tmp_path_factory: pytest.TempPathFactory) -> str:
    with start_harness(tmp_path_factory.mktemp("single"), small_portal(portal_id=1_000)) as harness:
        harness.backfill()
        return harness.digest()
