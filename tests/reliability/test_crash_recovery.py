"""Killed at any moment and run again, the worker leaves the portal exactly as if it had never been killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from sync_worker.sandbox.base.clock import AdjustableClock
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.generator import generate
from sync_worker.sandbox.server import user_actions
from sync_worker.sandbox.server.server import RunningServer, SandboxConfig, run_in_thread
from tests.reliability.subprocesses import Program
from tests.system.subprocesses import ROOT

FAULTS = """
seed: {seed}
rules:
  - {{endpoint: "POST */batch/update", fault: error, status: 502, when: after, every: 5}}
  - {{endpoint: "PUT *", fault: reset, when: after, every: 7}}
  - {{fault: error, status: 503, body: json, share: 0.01}}
  - {{fault: cut, share: 0.01}}
  - {{fault: reset, share: 0.01}}
  - {{fault: rate_limit, retry_after: 0, share: 0.01}}
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A portal and a program that works on it."""

    served: RunningServer
    program: Program

    @property
    def portal(self) -> SandboxPortal:
        return self.served.portal

    def shown(self) -> dict[object, object]:
        """Return contacts and lists without what tells when, not what."""
        table = self.portal.contacts
        moments = {each.name for each in table.catalog.definitions.values() if each.hubspot_defined and each.type in {"date", "datetime"}}
        moments |= {"hs_calculated_merged_vids"}
        shown: dict[object, object] = {each.name: each.member_ids() for each in self.portal.lists}
        for row in table.records.iter_live_rows():
            values = table.records.values(row)
            shown[table.records.ids[row]] = {name: value for name, value in values.items() if name not in moments}
        return shown

    def changes(self) -> Counter[tuple[int, str]]:
        """Return how often the worker has changed each value of each contact."""
        changes = self.portal.recent_changes(10**6, custom_only=False)
        return Counter((each.record_id, each.property_name) for each in changes if each.source.type == "INTEGRATION")


@contextmanager
def a_place(folder: Path, data: PortalData, faults: str | None = None) -> Iterator[Place]:
    folder.mkdir()
    rules = folder / "faults.yaml"
    rules.write_text(faults or "rules: []\n", encoding="utf-8")
    clock = AdjustableClock(lambda: datetime.now(UTC))
    with run_in_thread(data, SandboxConfig(faults=rules, index_lag_s=0, rate=10**9, search_rate=10**9), clock=clock) as served:
        environment = {
            "HUBSPOT_BASE_URL": served.base_url,
            "HUBSPOT_ACCESS_TOKEN": served.token,
            "SYNC_WORKER_STATE_URL": f"sqlite:///{folder / 'state.db'}",
            "SYNC_WORKER_MODEL": str(ROOT / "config" / "model.yaml"),
            "SYNC_WORKER_REQUESTS_IN_FLIGHT": "3",
            "SYNC_WORKER_JUDGED_FROM_CONTACTS": "1000000",
        }
        yield Place(served=served, program=Program(environment=environment, said=folder / "said"))


def people_do_things(portal: SandboxPortal, data: PortalData) -> None:
    people = list(data.contacts)
    ids = [row["id"] for row in people]
    for number in ids[::4]:
        user_actions.edit_contact(portal, {"id": number, "properties": {"jobtitle": "Chief Technology Officer", "country": "Germany"}})
    for number in ids[1:40:9]:
        user_actions.archive_contact(portal, {"id": number})
    user_actions.merge_contacts(portal, {"primaryObjectId": ids[2], "objectIdToMerge": ids[3]})
    form = next(iter(data.forms))["id"]
    for row in people[6:60:6]:
        if email := row["properties"].get("email"):
            body = {
                "formId": form,
                "submittedAt": portal.now_ms(),
                "values": [{"name": "email", "value": email}],
                "pageUrl": "https://x.com",
            }
            user_actions.add_submission(portal, body)


Shown = dict[object, object]


def undisturbed(folder: Path, data: PortalData) -> tuple[Shown, Shown, float, float]:
    """Return what is shown in a calm portal after its first day and its second, and how long a backfill and a sync take."""
    with a_place(folder, data) as place:
        assert place.program.run("setup") == 0
        backfill = place.program.duration("backfill")
        assert place.program.run("approve", "--note", "yes") == 0
        first = place.shown()
        people_do_things(place.portal, data)
        sync = place.program.duration("sync")
        assert place.program.run("backfill") == 0  # deletions are seen by a full reading alone
        return first, place.shown(), backfill, sync


def tortured(
    folder: Path, data: PortalData, expected: tuple[Shown, Shown, float, float], *, seed: int, kills: tuple[int, int, int, int]
) -> None:
    first, second, backfill, sync = expected
    random = Random(seed)  # noqa: S311 -- a moment to be killed at is no secret
    with a_place(folder, data, FAULTS.format(seed=seed)) as place:
        program = place.program
        assert program.run("setup") == 0
        program.kill_often("backfill", times=kills[0], within=backfill, random=random)
        assert program.run("backfill") == 0
        assert set(place.changes().values()) == {1}  # nothing was written twice that differs
        program.kill_often("approve", "--note", "yes", times=kills[1], within=sync, random=random)
        assert program.run("approve", "--note", "yes") == 0
        assert differences(place.shown(), first) == {}
        people_do_things(place.portal, data)
        program.kill_often("sync", times=kills[2], within=sync, random=random)
        program.kill_often("serve", times=kills[3], within=2 * sync, random=random)
        assert program.run("sync") == 0
        assert max(place.changes().values()) <= 2
        program.kill_often("backfill", times=kills[3], within=sync, random=random)
        assert program.run("backfill") == 0
        assert differences(place.shown(), second) == {}
        calm = place.shown(), place.changes()
        assert program.run("sync") == 0
        assert (place.shown(), place.changes()) == calm
    assert "Traceback" not in program.said.read_text(encoding="utf-8")


def differences(shown: Shown, expected: Shown) -> Shown:
    different = {key: (shown.get(key), expected.get(key)) for key in shown.keys() | expected.keys() if shown.get(key) != expected.get(key)}
    return {key: differences(*pair) if all(isinstance(each, dict) for each in pair) else pair for key, pair in different.items()}  # type: ignore[arg-type]


def a_hundred(seed: int) -> PortalData:
    return generate(contacts=110, seed=seed, now=datetime.now(UTC))


def test_killed_two_dozen_times_among_faults_it_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    data = a_hundred(3)
    tortured(tmp_path / "tortured", data, undisturbed(tmp_path / "calm", data), seed=1, kills=(8, 4, 6, 4))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(12))
def test_killed_hundreds_of_times_it_ends_as_if_nothing_had_been(tmp_path: Path, seed: int) -> None:
    data = a_hundred(seed)
    tortured(tmp_path / "tortured", data, undisturbed(tmp_path / "calm", data), seed=seed, kills=(9, 5, 7, 4))
