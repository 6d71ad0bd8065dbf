"""`make bench`: benchmarks as ratios to a lower bound on the same machine; `make bench BENCH=name` selects cases."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from tests.benchmarks.cases import CASES, DEFAULT


def main() -> None:
    names = [name for name in (os.environ.get("BENCH") or "").split(",") if name] or list(DEFAULT)
    if unknown := set(names) - set(CASES):
        sys.exit(f"BENCH: unknown case {', '.join(sorted(unknown))}; known cases: {', '.join(CASES)}.")
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, load {load}\n", flush=True)
    for name in names:
        CASES[name]()


if __name__ == "__main__":
    main()
