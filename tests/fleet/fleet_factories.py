"""A fleet for tests: sandbox portals in threads, their entries in a PostgreSQL database, worker processes as an operator starts them."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sync_worker.fleet.database import FleetDatabase
from sync_worker.fleet.fleet import Fleet
from sync_worker.fleet.fleet_portal import FleetPortal
from sync_worker.fleet.portal_run import PortalRunner
from sync_worker.fleet.registry import Registry
from sync_worker.sandbox.base.config import SandboxConfig
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.server.portal_fingerprint import compute_fingerprint
from sync_worker.sandbox.server.server import RunningServer, run_in_thread
from sync_worker.settings import Settings
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.worker import utc_now
from tests.harness import MODEL, UNLIMITED, create_crm_schema, parse_cached, small_portal
from tests.store.database_factories import temporary_state_url
from tests.system.subprocesses import PROGRAM, ROOT, CommandResult, Workspace

SERVE = (*PROGRAM, "fleet", "serve")
DEADLINE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class FleetDesk:
    """The folder, the database and the portals of a fleet."""

    workspace: Workspace
    portals: Mapping[str, RunningServer]
    fleet: Fleet
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def registry(self) -> Registry:
        return self.fleet.registry

    def run(self, *command: str) -> CommandResult:
        return self.workspace.run("fleet", *command)

    def write_files(self, name: str) -> tuple[str, Path]:
        """Write the token of a portal and its settings; return the reference to the token, and the file of the settings."""
        folder, server = self.workspace.folder, self.portals[name]
        (folder / f"{name}.token").write_text(server.token)
        (folder / f"{name}.yaml").write_text(f"base_url: {server.base_url}\njudged_from_contacts: 1000000\n")
        return f"file:{folder / name}.token", folder / f"{name}.yaml"

    def add(self, name: str, *, of: str | None = None, **options: Any) -> FleetPortal:
        """Add an entry for the portal `of`, by default that of the same name, without the start of a command."""
        token, settings = self.write_files(of or name)
        values = {"token": token, "model": str(self.workspace.folder / "model.yaml"), "settings_file": settings, "is_checked": True}
        return self.fleet.add(name, **{"state_url": None, "priority": 0, **values, **options})

    def build_runner(self) -> PortalRunner:
        return PortalRunner(registry=self.registry, settings=self.fleet.settings, clock=utc_now)

    def start(self, command: Sequence[str] = SERVE, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker process of the fleet in a new Python, as polars needs for its threads; its log is in the folder."""
        folder, variables = self.workspace.folder, self.workspace.build_environment(**environment)
        with (folder / f"serve-{len(self.processes)}.log").open("w") as log:
            process = subprocess.Popen(command, cwd=folder, env={**variables, "PYTHONPATH": str(ROOT)}, stderr=log)
        self.processes.append(process)
        return process

    def read_status(self) -> dict[str, Any]:
        result = self.run("status", "--json")
        assert result.code == 0, result.err
        return {each["name"]: each for each in result.json["portals"]}

    def load(self) -> dict[str, FleetPortal]:
        """Return the entries without the start of a command."""
        return {portal.name: portal for portal in self.registry.load_all()}

    def wait_until(self, is_reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not is_reached():
            assert time.monotonic() < deadline, self.read_logs()[-3_000:]
            time.sleep(0.05)  # other processes work meanwhile

    def read_logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self.workspace.folder.glob("serve-*.log")))

    def digest(self, name: str) -> str:
        return compute_fingerprint(self.portals[name].portal)


@contextmanager
def start_fleet(folder: Path, portals: Mapping[str, PortalData], *, config: Mapping[str, Any] = UNLIMITED) -> Iterator[FleetDesk]:
    """Serve portals with their managed properties, and an empty database; worker processes are killed at the end."""
    (folder / "model.yaml").write_text(MODEL)
    with ExitStack() as stack:
        url = stack.enter_context(temporary_state_url())
        servers = {name: stack.enter_context(run_in_thread(data, SandboxConfig(**config))) for name, data in portals.items()}
        for server in servers.values():
            create_crm_schema(server.portal, CrmSchema(model=parse_cached(MODEL, "model.yaml")))
        database = stack.enter_context(closing(FleetDatabase.connect(url)))
        workspace = Workspace(folder=folder, environment={"SYNC_WORKER_FLEET_URL": url})
        desk = FleetDesk(workspace=workspace, portals=servers, fleet=Fleet(settings=Settings(fleet_url=url), database=database))
        try:
            yield desk
        finally:
            for process in desk.processes:
                process.kill()
                process.wait()


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def make_portals(*names: str) -> dict[str, PortalData]:
    return {name: small_portal(portal_id=1_000 + number) for number, name in enumerate(names)}
