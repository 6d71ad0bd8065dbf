"""`make bench`: what is measured, as ratios to the least possible, in one run on this machine; `make bench BENCH=name` picks."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from tests.benchmarks.cases import CASES, DEFAULT


def main() -> None:
    names = [name for name in (os.environ.get("BENCH") or "").split(",") if name] or list(DEFAULT)
    if unknown := set(names) - set(CASES):
        sys.exit(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(CASES)}.")
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, load {load}\n", flush=True)
    for name in names:
        CASES[name]()


if __name__ == "__main__":
    main()
