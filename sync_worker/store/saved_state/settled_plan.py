"""The last plan that left nothing to write, for `sync.settlement`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_KEY: Final = "settled_plan"


class SettledPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan without changes. `changes`: the number of `change_counter` when it was made. `until`: its end (milliseconds), or None."""

    basis: str  # what else it was made from
    changes: int
    until: int | None
    withheld: Mapping[str, int]  # the changes that wait for the approval, as in the report of the run


def load(tx: Connection) -> SettledPlan | None:
    """Return the plan, or None if no run has saved one."""
    return key_value.load(tx, _KEY, SettledPlan)


def save(tx: Connection, plan: SettledPlan) -> None:
    """Save the plan."""
    key_value.put(tx, _KEY, plan)
