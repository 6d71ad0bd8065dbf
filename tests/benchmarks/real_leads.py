"""Run the whole workflow with 9,240 real leads at HubSpot's rate limits: `python -m tests.benchmarks.real_leads`; needs ../shared."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.cases import PAGE_SIZES
from tests.benchmarks.lower_bounds import min_requests, min_seconds
from tests.system.subprocesses import SHARED, Workspace, start_sandbox

RATE = 190  # requests in ten seconds on the Enterprise plan


def main() -> None:
    """Print the results for docs/results.md."""
    with tempfile.TemporaryDirectory() as folder:
        leads = Path(folder) / "leads"
        subprocess.run([sys.executable, str(SHARED / "tools" / "leads_to_portal.py"), str(leads)], check=True, capture_output=True)
        with start_sandbox(Path(folder), "--portal", str(leads)) as portal:
            workspace = Workspace(folder=Path(folder), environment=portal.environment)
            workspace.run("setup")
            time.sleep(10)  # until the requests of setup no longer count
            first = _run_and_print(workspace, "backfill")
            print(workspace.run("report").out)
            for command in (("approve", "--note", "real leads"), ("backfill",), ("sync",)):
                _run_and_print(workspace, *command)
            score_report = workspace.run("report", "--json").json
        offline = workspace.run("model", "evaluate", "--portal", str(leads), "--at", "2026-11-01T00:00:00Z", "--json").json
        bands = {band: sum(verdict["band"] == band for verdict in offline["verdicts"]) for band in score_report["bands"]}
        print(f"the same bands without HubSpot: {bands == score_report['bands']}")
        rows = {kind: number for kind, number in first["pulled_by_kind"].items() if number}
        requests = min_requests({**rows, "written": first["written"]}, PAGE_SIZES)
        bound = min_seconds(requests, rate=RATE, latency=0)
        print(f"lower bound for the first backfill: {requests:,} requests, {bound:.0f} s without search")


def _run_and_print(workspace: Workspace, *command: str) -> dict[str, object]:
    report: dict[str, object] = workspace.run(*command, "--json").json
    counts = {name: report[name] for name in ("evaluated", "written", "stages", "lists", "requests_in_all", "rate_limited", "seconds")}
    print(f"{command[0]}: {counts}", flush=True)
    return report


if __name__ == "__main__":
    main()
