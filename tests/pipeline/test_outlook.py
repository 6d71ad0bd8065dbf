"""A reading of everybody begins by what was seen last, while HubSpot says which portal this is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.records import Account
from sync_worker.store import meta
from sync_worker.store.database import opened
from sync_worker.store.people import count
from tests.pipeline.worlds import World


@dataclass
class Watched:
    """HubSpot, whose account says which portal it is when contacts have been asked for, and never before."""

    portal_id: int | None = None

    def reach(self, **how: Any) -> HubSpot:
        hubspot, asked = connect(**how), Event()
        details, page = hubspot.account.details, hubspot.contacts.page

        def listed(*args: Any, **more: Any) -> Any:
            asked.set()
            return page(*args, **more)

        def account() -> Account:
            assert asked.wait(20)
            found = details()
            return replace(found, portal_id=self.portal_id or found.portal_id)

        changed: dict[str, Any] = {"account": _With(hubspot.account, details=account), "contacts": _With(hubspot.contacts, page=listed)}
        return replace(hubspot, **changed)


class _With:
    """A noun, some of whose methods are others."""

    def __init__(self, noun: Any, **methods: Callable[..., Any]) -> None:
        self._noun = noun
        vars(self).update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._noun, name)


def test_after_setup_the_first_contacts_are_asked_for_beside_the_portal(world: World) -> None:
    world.setup()
    world.reach = Watched().reach

    assert world.backfill().exit_code == 0
    assert world.score(1) > 0


def test_nothing_is_kept_of_a_portal_that_turns_out_to_be_another(world: World) -> None:
    world.setup()
    world.reach = Watched(portal_id=43).reach

    with pytest.raises(ConfigurationError, match="belongs to portal 42, and the token opens portal 43"):
        world.backfill()

    store = opened(world.state_url)
    with store.transaction() as tx:
        assert count(tx) == 0
        assert meta.get(tx, "sweep") is None
    store.close()
