"""A million contacts with twenty million events, beside one DuckDB query that only counts them: `python -m tests.benchmarks.evaluating`."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from sync_worker.model.facts import EVENT_SCHEMA, INSTANT, Facts
from sync_worker.model.loading import load
from sync_worker.model.verdicts import evaluate
from tests.system.running import ROOT

CHUNK = 10_000  # contacts, as the pipeline has them
NOW = datetime(2026, 11, 1, tzinfo=UTC)
YEAR_MS = 365 * 86_400_000


def make(folder: Path, contacts: int, events_each: int) -> None:
    """Write the facts chunk by chunk: contacts with the properties of the default model, events of its three kinds."""
    model = load(ROOT / "config" / "model.yaml")
    for first in range(0, contacts, CHUNK):
        contacts_of(model, first).write_parquet(folder / f"contacts-{first:08}.parquet")
        events_of(first, events_each).write_parquet(folder / f"events-{first:08}.parquet")


def contacts_of(model: object, first: int) -> pl.DataFrame:
    """Make up contacts; every property has few different values, as in a portal."""
    values = {
        "jobtitle": ["VP Sales", "Intern", "Geschäftsführer", "Engineer", None],
        "email": ["a@acme.example", "b@gmail.com", "c@uni.edu"],
    }
    numbers = pl.int_range(first, first + CHUNK, eager=True)
    names = [*model.contact_properties, *(f"company.{name}" for name in model.company_properties)]  # type: ignore[attr-defined]
    columns = {"contact_id": numbers + 1}
    for place, name in enumerate(sorted(names)):
        choices = values.get(name, ["10", "DE", "COMPUTER_SOFTWARE", "true", None])
        picked = numbers.hash(seed=place) % len(choices)
        columns[name] = pl.Series(choices, dtype=pl.String).gather(picked.cast(pl.UInt32))
    return pl.DataFrame(columns)


def events_of(first: int, each: int) -> pl.DataFrame:
    """Make up events over a year, `each` a contact on average, spread unevenly: some did nothing, some a lot."""
    rows = CHUNK * each
    number = pl.int_range(first * each, first * each + rows, eager=True)
    owner = first + 1 + ((number.hash(seed=1) % CHUNK).cast(pl.Int64) * (number.hash(seed=2) % CHUNK).cast(pl.Int64)) // CHUNK
    kinds = pl.Series(["page_view", "page_view", "page_view", "email_click", "form_submission"])
    pages = pl.Series([f"https://www.example.com/{page}" for page in ("pricing", "careers/jobs", "blog/a", "docs/b", "product")])
    at = int(NOW.timestamp() * 1000) - (number.hash(seed=3) % YEAR_MS).cast(pl.Int64)
    frame = pl.DataFrame(
        {
            "contact_id": owner.cast(pl.Int64),
            "event_id": number.cast(pl.String),
            "kind": kinds.gather((number.hash(seed=4) % 5).cast(pl.UInt32)),
            "at": at.cast(INSTANT),
            "url": pages.gather((number.hash(seed=5) % 5).cast(pl.UInt32)),
            "form_id": pl.Series(["f1"], dtype=pl.String).gather(pl.zeros(rows, pl.UInt32, eager=True)),
            "form_name": pl.Series(["Newsletter"], dtype=pl.String).gather(pl.zeros(rows, pl.UInt32, eager=True)),
            "filtered": number.hash(seed=6) % 50 == 0,
        }
    )
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in EVENT_SCHEMA.items() if name not in frame.columns]
    return frame.with_columns(missing).select(list(EVENT_SCHEMA))


def judge(folder: Path) -> dict[str, float]:
    """Evaluate everybody with verdicts and ledger, chunk by chunk; seconds and peak memory of this process."""
    model = load(ROOT / "config" / "model.yaml")
    began, contacts, lines = time.monotonic(), 0, 0
    for path in sorted(folder.glob("contacts-*.parquet")):
        facts = Facts(contacts=pl.read_parquet(path), events=pl.read_parquet(folder / path.name.replace("contacts", "events")))
        verdicts = evaluate(facts, model, NOW)
        contacts, lines = contacts + verdicts.table.height, lines + verdicts.ledger.height
    return {"seconds": time.monotonic() - began, "contacts": contacts, "lines": lines, "peak_mb": _peak_mb()}


def count(folder: Path) -> dict[str, float]:
    """Let DuckDB count the events by contact and kind."""
    began = time.monotonic()
    counts = f"SELECT contact_id, kind, count(*) AS events FROM '{folder}/events-*.parquet' GROUP BY ALL"  # noqa: S608 -- our own folder
    groups, events = duckdb.sql(f"SELECT count(*), sum(events) FROM ({counts})").fetchall()[0]  # noqa: S608 -- the query above
    return {"seconds": time.monotonic() - began, "groups": int(groups), "events": int(events), "peak_mb": _peak_mb()}


def main(contacts: int = 1_000_000, events_each: int = 20) -> None:
    """Make the facts, then measure both, each in a process of its own, twice; the better run of each counts."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), contacts, events_each)
        runs = {what: [_apart(what, folder) for _ in range(2)] for what in ("count", "judge")}
    counted, judged = (min(runs[what], key=lambda run: run["seconds"]) for what in ("count", "judge"))
    print(
        f"{contacts:,} contacts, {contacts * events_each:,} events: verdicts and ledgers {judged['seconds']:.1f} s "
        f"(peak {judged['peak_mb']:,.0f} MB), DuckDB's count {counted['seconds']:.1f} s, × {judged['seconds'] / counted['seconds']:.1f}"
    )


def _apart(what: str, folder: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.evaluating", what, folder], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return dict(json.loads(done.stdout))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps({"count": count, "judge": judge}[sys.argv[1]](Path(sys.argv[2]))))
    else:
        main(*(int(text) for text in sys.argv[1:2]))
