"""`make bench`: what is measured, as ratios to the least possible, in one run on this machine."""

from __future__ import annotations

from tests.benchmarks.backfills import backfill


def main() -> None:
    print("A backfill at 150 ms latency and 190 requests in 10 s (list pages, events and writes share that budget)\n", flush=True)
    print(backfill("20,000 contacts, read (dry run)", contacts=20_000, latency_ms=150, rate=190, dry_run=True), flush=True)
    print(backfill("20,000 contacts, read and written", contacts=20_000, latency_ms=150, rate=190), flush=True)
    print(backfill("20,000 contacts, all they did, and written", contacts=20_000, latency_ms=150, rate=190, everything=True), flush=True)


if __name__ == "__main__":
    main()
