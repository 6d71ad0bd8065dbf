"""9,240 real leads through the whole job at HubSpot's real limits: `python -m tests.benchmarks.real_leads`; needs ../shared."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.cases import PAGE_SIZES
from tests.benchmarks.lower_bounds import min_requests, min_seconds
from tests.system.subprocesses import SHARED, Workspace, start_sandbox

RATE = 190  # requests in ten seconds, of an Enterprise portal


def main() -> None:
    """Print what docs/results.md says."""
    with tempfile.TemporaryDirectory() as folder:
        leads = Path(folder) / "leads"
        subprocess.run([sys.executable, str(SHARED / "tools" / "leads_to_portal.py"), str(leads)], check=True, capture_output=True)
        with start_sandbox(Path(folder), "--portal", str(leads)) as portal:
            desk = Workspace(folder=Path(folder), environment=portal.environment)
            desk.run("setup")
            time.sleep(10)  # the requests of setup leave HubSpot's window
            first = _run_and_print(desk, "backfill")
            print(desk.run("report").out)
            for command in (("approve", "--note", "real leads"), ("backfill",), ("sync",)):
                _run_and_print(desk, *command)
            shown = desk.run("report", "--json").json
        offline = desk.run("model", "evaluate", "--portal", str(leads), "--at", "2026-11-01T00:00:00Z", "--json").json
        bands = {band: sum(verdict["band"] == band for verdict in offline["verdicts"]) for band in shown["bands"]}
        print(f"the same bands without HubSpot: {bands == shown['bands']}")
        rows = {kind: number for kind, number in first["pulled_by_kind"].items() if number}
        requests = min_requests({**rows, "written": first["written"]}, PAGE_SIZES)
        least = min_seconds(requests, rate=RATE, latency=0)
        print(f"least possible for the first backfill: {requests:,} requests, {least:.0f} s in one lane")


def _run_and_print(desk: Workspace, *command: str) -> dict[str, object]:
    report: dict[str, object] = desk.run(*command, "--json").json
    counts = {name: report[name] for name in ("evaluated", "written", "stages", "lists", "requests_in_all", "rate_limited", "seconds")}
    print(f"{command[0]}: {counts}", flush=True)
    return report


if __name__ == "__main__":
    main()
