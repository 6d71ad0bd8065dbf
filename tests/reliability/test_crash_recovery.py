"""Crash recovery: after kills at any moment and another run, the portal is the same as without the kills."""

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
from tests.reliability.subprocesses import KillableWorker
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
class RecoverySetup:
    """A portal and the program that updates it."""

    server: RunningServer
    worker: KillableWorker

    @property
    def portal(self) -> SandboxPortal:
        return self.server.portal

    def portal_state(self) -> dict[object, object]:
        """Return contacts and lists without HubSpot's timestamps; of ours, which depend on the time of the run, whether they are set."""
        table = self.portal.contacts
        definitions = [each for each in table.catalog.definitions.values() if each.type in {"date", "datetime"}]
        timestamps = {"hs_calculated_merged_vids", *(each.name for each in definitions if each.hubspot_defined)}
        ours = {each.name for each in definitions if not each.hubspot_defined}
        shown: dict[object, object] = {each.name: each.member_ids() for each in self.portal.lists}
        for row in table.records.iter_live_rows():
            values = table.records.values(row)
            shown[table.records.ids[row]] = {name: name in ours or value for name, value in values.items() if name not in timestamps}
        return shown

    def count_writes(self) -> Counter[tuple[int, str]]:
        """Return how often the worker has changed each value of each contact."""
        changes = self.portal.recent_changes(10**6, custom_only=False)
        return Counter((each.record_id, each.property_name) for each in changes if each.source.type == "INTEGRATION")


@contextmanager
def start_recovery_setup(folder: Path, data: PortalData, faults: str | None = None) -> Iterator[RecoverySetup]:
    folder.mkdir()
    rules = folder / "faults.yaml"
    rules.write_text(faults or "rules: []\n", encoding="utf-8")
    clock = AdjustableClock(lambda: datetime.now(UTC))
    with run_in_thread(data, SandboxConfig(faults=rules, index_lag_s=0, rate=10**6, search_rate=10**6), clock=clock) as served:
        environment = {
            "HUBSPOT_BASE_URL": served.base_url,
            "HUBSPOT_ACCESS_TOKEN": served.token,
            "SYNC_WORKER_STATE_URL": f"sqlite:///{folder / 'state.db'}",
            "SYNC_WORKER_MODEL": str(ROOT / "config" / "model.yaml"),
            "SYNC_WORKER_REQUESTS_IN_FLIGHT": "3",
            "SYNC_WORKER_JUDGED_FROM_CONTACTS": "1000000",
        }
        yield RecoverySetup(server=served, worker=KillableWorker(environment=environment, output=folder / "output"))


def apply_user_changes(portal: SandboxPortal, data: PortalData) -> None:
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


PortalState = dict[object, object]


def run_undisturbed(folder: Path, data: PortalData) -> tuple[PortalState, PortalState, float, float]:
    """Return the state of an undisturbed portal after the approval and after the changes, and the seconds of a backfill and a sync."""
    with start_recovery_setup(folder, data) as setup:
        assert setup.worker.run("setup") == 0
        backfill = setup.worker.time("backfill")
        assert setup.worker.run("report") == 0
        assert setup.worker.run("approve", "--note", "yes") == 0
        first = setup.portal_state()
        apply_user_changes(setup.portal, data)
        sync = setup.worker.time("sync")
        assert setup.worker.run("backfill") == 0  # only a full scan detects deletions
        return first, setup.portal_state(), backfill, sync


def run_with_kills(
    folder: Path, data: PortalData, expected: tuple[PortalState, PortalState, float, float], *, seed: int, kills: tuple[int, int, int, int]
) -> None:
    first, second, backfill, sync = expected
    random = Random(seed)  # noqa: S311 -- not used for security
    with start_recovery_setup(folder, data, FAULTS.format(seed=seed)) as setup:
        program = setup.worker
        assert program.run("setup") == 0
        program.kill_repeatedly("backfill", kills=kills[0], max_seconds=backfill, random=random)
        assert program.run("backfill") == 0
        assert set(setup.count_writes().values()) == {1}  # each value was written exactly once
        assert program.run("report") == 0
        program.kill_repeatedly("approve", "--note", "yes", kills=kills[1], max_seconds=sync, random=random)
        assert program.run("approve", "--note", "yes") == 0
        assert diff_states(setup.portal_state(), first) == {}
        apply_user_changes(setup.portal, data)
        program.kill_repeatedly("sync", kills=kills[2], max_seconds=sync, random=random)
        program.kill_repeatedly("serve", kills=kills[3], max_seconds=2 * sync, random=random)
        assert program.run("sync") == 0
        assert max(setup.count_writes().values()) <= 2
        program.kill_repeatedly("backfill", kills=kills[3], max_seconds=sync, random=random)
        assert program.run("backfill") == 0
        assert diff_states(setup.portal_state(), second) == {}
        before = setup.portal_state(), setup.count_writes()
        assert program.run("sync") == 0
        assert (setup.portal_state(), setup.count_writes()) == before
    assert "Traceback" not in program.output.read_text(encoding="utf-8")


def diff_states(shown: PortalState, expected: PortalState) -> PortalState:
    different = {key: (shown.get(key), expected.get(key)) for key in shown.keys() | expected.keys() if shown.get(key) != expected.get(key)}
    return {key: diff_states(*pair) if all(isinstance(each, dict) for each in pair) else pair for key, pair in different.items()}  # type: ignore[arg-type]


def make_portal_data(seed: int) -> PortalData:
    return generate(contacts=80, seed=seed, now=datetime.now(UTC))


def test_kills_among_faults_leave_no_trace(tmp_path: Path) -> None:
    data = make_portal_data(3)
    run_with_kills(tmp_path / "killed", data, run_undisturbed(tmp_path / "undisturbed", data), seed=1, kills=(4, 3, 4, 2))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(12))
def test_hundreds_of_kills_leave_no_trace(tmp_path: Path, seed: int) -> None:
    data = make_portal_data(seed)
    run_with_kills(tmp_path / "killed", data, run_undisturbed(tmp_path / "undisturbed", data), seed=seed, kills=(9, 5, 7, 4))
