from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import World, a_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The small portal, set up, nothing scored yet."""
    with a_world(tmp_path) as world:
        yield world


@pytest.fixture
def scored(world: World) -> World:
    """The small portal, every contact scored, lists and stages not approved."""
    world.backfill()
    return world


@pytest.fixture
def approved(scored: World) -> World:
    """The small portal at work: scored, approved, five minutes later."""
    scored.approve()
    scored.later()
    return scored
