"""A backfill beside the least that the budgets allow."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.bounds import least_requests, least_seconds
from tests.system.running import ROOT, Desk

SIZES = {"contacts": 100, "companies": 100, "email_click": 1_000, "page_view": 100, "form_submission": 50, "written": 100}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a backfill took, and the least that it could have taken."""

    name: str
    seconds: float
    least_seconds: float
    requests: int
    least_requests: int
    rate_limited: int

    def __str__(self) -> str:
        seconds, requests = self.seconds / self.least_seconds, self.requests / self.least_requests
        return (
            f"{self.name:44} {self.seconds:7.1f} s  least {self.least_seconds:6.1f} s  × {seconds:.2f}   "
            f"{self.requests:6,} requests  least {self.least_requests:6,}  × {requests:.2f}   429s {self.rate_limited}"
        )


def backfill(name: str, *, contacts: int, latency_ms: int, rate: int, everything: bool = False, dry_run: bool = False) -> Measured:
    """Measure one backfill from an empty state; the portal is another process on the same machine."""
    with tempfile.TemporaryDirectory() as folder, _portal(folder, contacts, latency_ms, rate, everything=everything) as environment:
        desk = Desk(folder=Path(folder), environment=environment)
        desk.run("setup")
        # The ten seconds after setup count its requests: a measurement starts with the whole budget.
        time.sleep(10)
        report = desk.run("backfill", "--json", *(["--dry-run"] if dry_run else [])).json
    return _measured(name, report, latency=latency_ms / 1000, rate=rate)


def _measured(name: str, report: Any, *, latency: float, rate: int) -> Measured:
    rows = {kind: number for kind, number in report["pulled_by_kind"].items() if number}
    requests = least_requests({**rows, **({"written": report["written"]} if report["written"] else {})}, SIZES)
    return Measured(
        name=name,
        seconds=report["seconds"],
        least_seconds=least_seconds(requests, rate=rate, latency=latency),
        requests=report["requests_in_all"],
        least_requests=requests,
        rate_limited=report["rate_limited"],
    )


@contextmanager
def _portal(folder: str, contacts: int, latency_ms: int, rate: int, *, everything: bool) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "tests.benchmarks.portal", str(contacts), str(latency_ms), str(rate)]
    with subprocess.Popen([*command, *(["everything"] if everything else [])], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            place = json.loads(process.stdout.readline() if process.stdout else "{}")
            yield {"HUBSPOT_BASE_URL": place["base_url"], "HUBSPOT_ACCESS_TOKEN": place["token"], "TMPDIR": folder}
        finally:
            process.terminate()
