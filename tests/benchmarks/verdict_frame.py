"""`evaluate_folder` on 100,000 contacts with 576,000 events, in a process of its own, compared with decoding the same files once."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sync_worker.sandbox import folder, generator
from tests.system.subprocesses import ROOT

NOW = datetime(2026, 11, 1, tzinfo=UTC)
KEPT_PERCENT = 55  # of the lines of events: 576,000 are of kinds that the default model uses
ROUNDS = 3

EVALUATE = "import sys, sync_worker; sync_worker.evaluate_folder(*sys.argv[1:])"
DECODE = "import sys, msgspec, pathlib; [msgspec.json.decode(line) for file in sys.argv[1:] for line in pathlib.Path(file).open('rb')]"


@dataclass(frozen=True, kw_only=True)
class Cost:
    cpu_seconds: float
    seconds: float
    peak_mb: float


def main(contacts: int = 100_000) -> None:
    """Print seconds, peak memory and the ratio to the bound; both run in alternation, because other load on the machine varies."""
    with tempfile.TemporaryDirectory() as path:
        folder.write(generator.generate(contacts=contacts, seed=1, now=NOW), Path(path))
        for name in ("email_events.jsonl", "events.jsonl"):
            _thin_out(Path(path, name))
        files = sorted(map(str, Path(path).glob("*.jsonl")))
        pairs = [(_run(EVALUATE, path, str(ROOT / "config" / "model.yaml")), _run(DECODE, *files)) for _ in range(ROUNDS)]
    costs, ratios = [cost for cost, _ in pairs], [cost.cpu_seconds / bound.cpu_seconds for cost, bound in pairs]
    print(
        f"evaluate_folder of {contacts:,} contacts: {median(cost.cpu_seconds for cost in costs):.1f} s of CPU "
        f"({min(cost.seconds for cost in costs):.1f} s at least), {max(cost.peak_mb for cost in costs):.0f} MB (targets: 10 s, 600 MB)  "
        f"× {median(ratios):.1f} of decoding the files once",
        flush=True,
    )


def _thin_out(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(line for number, line in enumerate(lines) if number * KEPT_PERCENT % 100 < KEPT_PERCENT))


def _run(code: str, *arguments: str) -> Cost:
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return Cost(cpu_seconds=usage.ru_utime + usage.ru_stime, seconds=time.monotonic() - started, peak_mb=usage.ru_maxrss / 1024)
