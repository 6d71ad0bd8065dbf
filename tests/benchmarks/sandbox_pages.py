"""Speed and memory of the sandbox: list pages per second, and the memory of a portal.

python -m tests.benchmarks.sandbox_pages [--contacts 20000] [--pages 2000] [--without-events]

Targets: 300 pages per second of 100 contacts with 40 properties on one core; a million contacts in 4 GB. Seconds are processor time of
the server, so neither the client nor other load on the machine counts.
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

PAGE_SIZE, PROPERTIES = 100, 40
TARGET_PAGES, TARGET_MB = 300, 4_096
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class SandboxProcess:
    """A sandbox in a separate process."""

    pid: int
    token: str
    connection: HTTPConnection

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    @property
    def peak_mb(self) -> int:
        """Peak memory."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) // 1_024

    def get(self, path: str) -> bytes:
        """Return the body of a response."""
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        reply = self.connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise SystemExit(f"{path[:80]}: {reply.status} {body[:200]!r}")
        return body


def main() -> None:
    """Run the benchmark and print the results."""
    arguments = _parse_arguments()
    if arguments.serving:
        _serve(arguments.contacts, with_events=not arguments.without_events)
        return
    started = time.monotonic()
    with _start_sandbox(sys.argv[1:]) as sandbox:
        loaded_s, loaded_cpu, loaded_mb = time.monotonic() - started, sandbox.cpu_seconds, sandbox.peak_mb
        print(f"{arguments.contacts:,} contacts {'without' if arguments.without_events else 'with'} events")
        print(f"  ready in {loaded_s:.0f} s ({loaded_cpu:.0f} s of processor), peak memory {loaded_mb:,} MB; target {TARGET_MB:,}")
        _measure_pages(sandbox, arguments.pages, contacts=arguments.contacts)
        print(f"  final peak memory {sandbox.peak_mb:,} MB")


def _measure_pages(sandbox: SandboxProcess, page_count: int, *, contacts: int) -> None:
    names = [each["name"] for each in json.loads(sandbox.get("/crm/v3/properties/contacts"))["results"]][:PROPERTIES]
    path = f"/crm/v3/objects/contacts?limit={PAGE_SIZE}&properties={','.join(names)}"
    sandbox.get(path)
    cpu_seconds, started, after, size = sandbox.cpu_seconds, time.monotonic(), "", 0
    for _ in range(page_count):
        body = sandbox.get(path + after)
        size += len(body)
        # Only the end of a page is parsed, so that the client is not the bottleneck.
        at = body.rfind(b'"paging"')
        after = f"&after={json.loads(b'{' + body[at:])['paging']['next']['after']}" if at > len(body) - 400 else ""
    cpu_seconds, wall = sandbox.cpu_seconds - cpu_seconds, time.monotonic() - started
    print(f"  {page_count:,} pages: {PAGE_SIZE} contacts x {PROPERTIES} properties, {size // page_count:,} bytes each, of {contacts:,}:")
    print(f"  {page_count / cpu_seconds:,.0f} pages/s of one core; target {TARGET_PAGES} ({page_count / wall:,.0f} a second to one client)")


@contextmanager
def _start_sandbox(arguments: list[str]) -> Iterator[SandboxProcess]:
    command = [sys.executable, "-m", "tests.benchmarks.sandbox_pages", "--serving", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())
        parts = urlsplit(address["base_url"])
        try:
            yield SandboxProcess(
                pid=process.pid, token=address["token"], connection=HTTPConnection(parts.hostname or "", parts.port, timeout=60)
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
