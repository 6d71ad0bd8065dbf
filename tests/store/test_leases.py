from __future__ import annotations

import pytest
from sqlalchemy import Connection

from sync_worker.store import leases
from sync_worker.store.leases import LeaseRow


def acquire(tx: Connection, run: str, now: int, *, name: str = leases.PORTAL, abandoned: LeaseRow | None = None) -> bool:
    return leases.acquire(tx, run, holder="host:1", process=f"of {run}", now=now, expires_at=now + 10, abandoned=abandoned, name=name)


@pytest.mark.parametrize(("now", "acquired"), [(9, False), (10, True), (11, True)])
def test_a_lease_is_free_for_another_run_when_it_has_expired(tx: Connection, now: int, *, acquired: bool) -> None:
    assert acquire(tx, "first", 0)
    assert acquire(tx, "second", now) is acquired
    holder = leases.load(tx)
    assert holder == (LeaseRow("second", "host:1", "of second", now + 10) if acquired else LeaseRow("first", "host:1", "of first", 10))


def test_a_run_acquires_its_own_lease_and_one_that_is_abandoned_and_was_not_renewed(tx: Connection) -> None:
    assert acquire(tx, "first", 0)
    assert acquire(tx, "first", 1)
    seen = leases.load(tx)
    assert seen is not None
    assert not acquire(tx, "second", 1, abandoned=seen._replace(run="other"))
    assert leases.renew(tx, "first", expires_at=12)
    assert not acquire(tx, "second", 1, abandoned=seen)
    assert acquire(tx, "second", 1, abandoned=leases.load(tx))


def test_only_the_holder_renews_and_has_the_lease(tx: Connection) -> None:
    assert acquire(tx, "first", 0)
    assert leases.renew(tx, "first", expires_at=99)
    assert not leases.renew(tx, "second", expires_at=200)
    assert leases.load(tx) == LeaseRow("first", "host:1", "of first", 99)
    assert [leases.is_held(tx, run) for run in ("first", "second")] == [True, False]


def test_a_released_lease_is_free(tx: Connection) -> None:
    assert acquire(tx, "first", 0)
    leases.release(tx, "second")
    assert not acquire(tx, "second", 1)
    leases.release(tx, "first")
    assert leases.load(tx) is None
    assert acquire(tx, "second", 1)


def test_a_process_releases_all_its_leases_and_no_other(tx: Connection) -> None:
    assert acquire(tx, "first", 0)
    assert acquire(tx, "service", 0, name=leases.SERVICE)
    leases.release_process(tx, "of first")
    assert leases.load(tx) is None
    holder = leases.load(tx, leases.SERVICE)
    assert holder is not None
    assert holder.run == "service"
