"""Serve a generated portal for benchmarks in a separate process.

`python -m tests.benchmarks.portal_server CONTACTS LATENCY_MS RATE [everything|companies]`
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime

from sync_worker.sandbox import generator
from sync_worker.sandbox.server import server


def main() -> None:
    contacts, latency_ms, rate = (int(text) for text in sys.argv[1:4])
    data = generator.generate(contacts=contacts, seed=3, now=datetime.now(UTC))
    if "everything" not in sys.argv:
        data = replace(data, email_events=(), events=(), submissions=(), deals=(), forms=())
        if "companies" not in sys.argv:
            data = replace(data, companies=())  # other tools read only contacts
    server.serve(data, server.SandboxConfig(latency_ms=latency_ms, rate=rate))


if __name__ == "__main__":
    main()
