"""Nobody is let in, and nobody is remembered who is to be forgotten."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.model.compiled.loader import loads
from sync_worker.sync.retention import event_lookback
from tests.harness import DAY, MODEL, NOW_MS, World, a_click, a_contact, a_submission, a_world, small_portal
from tests.store.database_factories import POSTGRES

on_sqlite = pytest.mark.skipif(POSTGRES is not None, reason="looks into the file")


def forget(world: World, contact: str) -> dict[str, object]:
    with world.worker() as worker:
        return worker.forget(contact)


def traces(world: World, text: str) -> list[str]:
    return [path.name for path in world.folder.iterdir() if text.encode() in path.read_bytes().lower()]


@on_sqlite
class TestForgotten:
    """Not a byte is left of whom the state is to forget."""

    @pytest.mark.parametrize("named", ["2", " P2@Example.com "])
    def test_by_id_or_by_address(self, scored: World, named: str) -> None:
        assert traces(scored, "p2@example.com") == ["state.db"]
        found = forget(scored, named.strip() if named.isdecimal() else named)
        assert found == {"contacts": ["2"], "events": 1, "exit_code": 0}
        assert traces(scored, "p2@example.com") == []
        with scored.worker() as worker:
            assert '"id":"2"' not in str(worker.status())
            with pytest.raises(ConfigurationError, match="No contact"):
                worker.explain("2")

    def test_everybody_else_is_known_as_before(self, scored: World) -> None:
        forget(scored, "2")
        with scored.worker() as worker:
            assert worker.distribution().contacts == 5
            assert worker.explain("1").verdict["score"] == 20

    def test_a_contact_that_still_exists_is_read_again_with_all_it_did(self, scored: World) -> None:
        forget(scored, "1")
        scored.later()
        scored.backfill()
        with scored.worker() as worker:
            assert worker.explain("1").verdict["id"] == "1"

    def test_those_that_were_merged_into_the_person_are_forgotten_too(self, scored: World) -> None:
        survivor = scored.merge(1, 2)
        scored.later()
        scored.sync()
        assert sorted(map(str, forget(scored, str(survivor))["contacts"])) == sorted(["1", "2", str(survivor)])  # type: ignore[call-overload]
        assert [traces(scored, f"p{number}@example.com") for number in (1, 2)] == [[], []]

    def test_an_address_that_no_contact_has_is_forgotten_with_what_it_did(self, tmp_path: Path) -> None:
        data = small_portal(email_events=[a_click("x", "stranger@example.com")])
        with a_world(tmp_path, data) as world:
            world.backfill()
            assert traces(world, "stranger@example.com") == ["state.db"]
            assert forget(world, "stranger@example.com")["events"] == 1
            assert traces(world, "stranger@example.com") == []

    def test_what_an_address_did_that_another_contact_has_too_stays_with_the_other(self, tmp_path: Path) -> None:
        shared = [a_contact(1, hs_additional_emails="info@example.com"), a_contact(2, hs_additional_emails="info@example.com")]
        with a_world(tmp_path, small_portal(contacts=shared, email_events=[a_click("x", "info@example.com")])) as world:
            world.backfill()
            forget(world, "1")
            with world.worker() as worker:
                assert worker.explain("2").verdict["score"] == 15
            assert traces(world, "p1@example.com") == []


def test_events_are_kept_for_ever_unless_somebody_sets_a_time(tmp_path: Path) -> None:
    old = [a_submission("p3@example.com", at=NOW_MS - 400 * DAY), a_submission("p4@example.com", at=NOW_MS - 300 * DAY)]
    with a_world(
        tmp_path, small_portal(submissions=old), model=MODEL.replace("asked for a demo,", "asked for a demo, valid_for: 90 days,")
    ) as world:
        world.backfill()
        assert (world.score(3), world.score(4)) == (10, 10)
        world.settings = {"keep_events_days": 365}
        world.later(24 * 60)
        world.sync()
        assert world.score(3) == 0
        world.later(24 * 60)
        assert world.sync().written == 0
        world.edit(4, jobtitle="CTO")
        with world.worker() as worker:
            assert any(line["line"] == "forms" for line in worker.explain("4").verdict["ledger"])


RULED = MODEL.replace("points: 10}", "points: 10, within: 500 days}")


@pytest.mark.parametrize(
    ("model", "kind", "days"),
    [
        (MODEL, "email_click", 14),  # the trend alone
        (MODEL, "form_submission", None),  # who once asked for a demo is an MQL for ever
        (MODEL.replace("asked for a demo,", "asked for a demo, valid_for: 90 days,"), "form_submission", 104),
        (RULED.replace("asked for a demo,", "asked for a demo, valid_for: 90 days,"), "form_submission", 514),
    ],
)
def test_what_a_window_of_the_model_looks_at_is_kept_longer(model: str, kind: str, days: int | None) -> None:
    assert event_lookback(loads(model, "model.yaml"), kind) == (None if days is None else timedelta(days=days))


@on_sqlite
def test_nobody_else_may_read_the_state_while_a_run_writes_it_and_afterwards(world: World) -> None:
    before = os.umask(0)
    try:
        with world.worker() as worker:
            worker.backfill()
            during = {path.name: stat.S_IMODE(path.stat().st_mode) for path in world.folder.glob("state.db*")}
    finally:
        os.umask(before)
    assert set(during) == {"state.db", "state.db-wal", "state.db-shm"}
    assert set(during.values()) == {0o600}
