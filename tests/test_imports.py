"""What every command imports: only packages of the core, and nothing that starts threads."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import importlib.abc, os, sys

EXTRAS = "numpy scipy sklearn matplotlib starlette uvicorn psycopg apprise procrastinate opentelemetry".split()

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
import polars
before = len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 0
import sync_worker.cli, sync_worker.service.scheduler, sync_worker.worker
after = len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 0
print(before == after)
"""


def test_the_imports_of_a_command_need_no_extra_and_start_no_thread() -> None:
    imported = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (imported.stdout, imported.stderr) == ("True\n", "")
