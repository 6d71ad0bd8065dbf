"""Serve many generated portals in one process: `python -m tests.benchmarks.fleet_portals FIRST_ID CONTACTS...`.

Each portal has the managed properties already. Prints one JSON object: address and token by portal id. Serves until its input ends.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

from sync_worker.model.compiled.loader import load
from sync_worker.sandbox import generator
from sync_worker.sandbox.base.config import SandboxConfig
from sync_worker.sandbox.server.server import run_in_thread
from sync_worker.sync.portal.managed_properties import CrmSchema
from tests.harness import create_crm_schema
from tests.system.subprocesses import ROOT

LATENCY_MS = 100
RATE = 100  # requests in ten seconds, the limit of the smaller plans
SEEDS = 6  # portals with the same seed have the same content


def main() -> None:
    first_id, sizes = int(sys.argv[1]), [int(text) for text in sys.argv[2:]]
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)  # the same for all portals of a benchmark
    schema = CrmSchema(model=load(ROOT / "config" / "model.yaml"))
    found = {}
    with ExitStack() as stack:
        for number, contacts in enumerate(sizes):
            data = replace(generator.generate(contacts=contacts, seed=number % SEEDS, now=now), portal_id=first_id + number)
            server = stack.enter_context(run_in_thread(data, SandboxConfig(latency_ms=LATENCY_MS, rate=RATE)))
            create_crm_schema(server.portal, schema)
            found[first_id + number] = {"base_url": server.base_url, "token": server.token}
        print(json.dumps(found), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
