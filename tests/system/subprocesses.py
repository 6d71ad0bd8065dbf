"""The program as a user starts it: processes, their output, their exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from tests.system.forkserver import start_forked

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
PROGRAM = (sys.executable, "-m", "sync_worker")


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A working folder, with the environment of its commands."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *command: str, **environment: str) -> CommandResult:
        """Run a command to its end in a forked process, which saves the start of Python."""
        with TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            process = start_forked(command, environment=self.build_environment(**environment), folder=self.folder, out=out, err=err)
            process.join(900)
            assert process.exitcode is not None, command
            result = CommandResult(code=process.exitcode, out=out.read_text(encoding="utf-8"), err=err.read_text(encoding="utf-8"))
        assert "Traceback" not in result.err, result.err
        return result

    def run_in_new_python(self, *command: str, **environment: str) -> CommandResult:
        """Run a command as a user does: in a new Python."""
        done = subprocess.run(
            [*PROGRAM, *command],
            cwd=self.folder,
            env=self.build_environment(**environment),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return CommandResult(code=done.returncode, out=done.stdout, err=done.stderr)

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*PROGRAM, *command],
            cwd=self.folder,
            env=self.build_environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def build_environment(self, **more: str) -> dict[str, str]:
        # Bytecode is cached, because the program starts often.
        excluded = "HUBSPOT_", "SYNC_WORKER_", "PYTHONDONTWRITEBYTECODE"
        plain = {name: value for name, value in os.environ.items() if not name.startswith(excluded)}
        return {
            **plain,
            "PYTHONWARNINGS": "error",
            "SYNC_WORKER_HTTP_PORT": "0",
            "SYNC_WORKER_STATE_URL": f"sqlite:///{self.folder / 'state.db'}",
            "SYNC_WORKER_MODEL": str(ROOT / "config" / "model.yaml"),
            **self.environment,
            **more,
        }


@dataclass(frozen=True, kw_only=True)
class SandboxProcess:
    """A sandbox in its own process."""

    base_url: str
    token: str

    @property
    def environment(self) -> dict[str, str]:
        return {"HUBSPOT_BASE_URL": self.base_url, "HUBSPOT_ACCESS_TOKEN": self.token}

    def get(self, path: str) -> Any:
        answer = requests.get(self.base_url + path, headers={"Authorization": f"Bearer {self.token}"}, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def edit(self, contact_id: str, **properties: str) -> None:
        requests.post(f"{self.base_url}/sandbox/contacts/{contact_id}", json=properties, timeout=30).raise_for_status()

    def digest(self) -> str:
        return str(self.get("/sandbox/digest")["digest"])


@contextmanager
def start_sandbox(folder: Path, *options: str) -> Iterator[SandboxProcess]:
    process = Workspace(folder=folder).start("sandbox", *options)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        address = json.loads(line)
        yield SandboxProcess(base_url=address["base_url"], token=address["token"])
    finally:
        process.terminate()
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, "", "")
