"""What the sandbox itself costs: pages of its list, and the memory that a portal takes.

python -m tests.benchmarks.sandbox_pages [--contacts 20000] [--pages 2000] [--without-events]

The bars: 300 pages of 100 contacts with 40 properties a second on one core; a million contacts in 4 GB. Seconds of the server's
processor are counted, so that neither the client nor whatever else runs on the machine is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from sync_worker.sandbox.generator import generate
from sync_worker.sandbox.server.server import SandboxConfig, serve

CONTACTS_A_PAGE, PROPERTIES = 100, 40
BAR_PAGES, BAR_MB = 300, 4_096
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class SandboxProcess:
    """A sandbox in a process of its own."""

    pid: int
    token: str
    connection: HTTPConnection

    @property
    def cpu_seconds(self) -> float:
        """Seconds that its threads have computed."""
        told = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / CLOCK_TICKS

    @property
    def peak_mb(self) -> int:
        """The most memory that it has had."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) // 1_024

    def get(self, path: str) -> bytes:
        """Return the body of a page."""
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        reply = self.connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise SystemExit(f"{path[:80]}: {reply.status} {body[:200]!r}")
        return body


def main() -> None:
    """Measure and print."""
    asked = _parse_arguments()
    if asked.serving:
        _serve(asked.contacts, with_events=not asked.without_events)
        return
    began = time.monotonic()
    with _start_sandbox(sys.argv[1:]) as sandbox:
        loaded_s, loaded_cpu, loaded_mb = time.monotonic() - began, sandbox.cpu_seconds, sandbox.peak_mb
        print(f"{asked.contacts:,} contacts {'without' if asked.without_events else 'with'} what they did")
        print(f"  ready in {loaded_s:.0f} s ({loaded_cpu:.0f} s of processor), peak memory {loaded_mb:,} MB; the bar is {BAR_MB:,}")
        _measure_pages(sandbox, asked.pages, contacts=asked.contacts)
        print(f"  peak memory in the end {sandbox.peak_mb:,} MB")


def _measure_pages(sandbox: SandboxProcess, page_count: int, *, contacts: int) -> None:
    names = [one["name"] for one in json.loads(sandbox.get("/crm/v3/properties/contacts"))["results"]][:PROPERTIES]
    path = f"/crm/v3/objects/contacts?limit={CONTACTS_A_PAGE}&properties={','.join(names)}"
    sandbox.get(path)
    spent, began, after, size = sandbox.cpu_seconds, time.monotonic(), "", 0
    for _ in range(page_count):
        body = sandbox.get(path + after)
        size += len(body)
        # Only the end of a page is parsed, lest the client be what is measured.
        at = body.rfind(b'"paging"')
        after = f"&after={json.loads(b'{' + body[at:])['paging']['next']['after']}" if at > len(body) - 400 else ""
    spent, wall = sandbox.cpu_seconds - spent, time.monotonic() - began
    print(
        f"  {page_count:,} pages: {CONTACTS_A_PAGE} contacts x {PROPERTIES} properties, {size // page_count:,} bytes each, of {contacts:,}:"
    )
    print(f"  {page_count / spent:,.0f} pages/s of one core; the bar is {BAR_PAGES} ({page_count / wall:,.0f} a second to one client)")


@contextmanager
def _start_sandbox(arguments: list[str]) -> Iterator[SandboxProcess]:
    command = [sys.executable, "-m", "tests.benchmarks.sandbox_pages", "--serving", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        where = json.loads(process.stdout.readline())
        parts = urlsplit(where["base_url"])
        try:
            yield SandboxProcess(
                pid=process.pid, token=where["token"], connection=HTTPConnection(parts.hostname or "", parts.port, timeout=60)
            )
        finally:
            process.terminate()


def _serve(contacts: int, *, with_events: bool) -> None:
    data = generate(contacts=contacts, seed=1, now=datetime.now(UTC))
    serve(data if with_events else replace(data, email_events=[], events=[], submissions=[]), SandboxConfig(rate=10**9))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--pages", type=int, default=2_000)
    parser.add_argument("--without-events", action="store_true")
    parser.add_argument("--serving", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
