"""Evaluation of a million contacts with twenty million events, compared with one DuckDB query that only counts the events."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from sync_worker.concurrency import map_prefetch
from sync_worker.model.compiled.facts import EVENT_SCHEMA, TIMESTAMP, Facts
from sync_worker.model.compiled.loader import load
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts, evaluate
from sync_worker.sync.evaluate.evaluate import CHUNK_SIZE
from tests.system.subprocesses import ROOT

NOW = datetime(2026, 11, 1, tzinfo=UTC)
YEAR_MS = 365 * 86_400_000

#: Property values, by property name or by type; None is a missing value.
VALUES: Mapping[str, list[str | None]] = {
    "jobtitle": ["VP Sales", "Intern", "Geschäftsführer", "Engineer", "Head of Marketing", "Directeur commercial", "Student", None],
    "country": ["Germany", "Deutschland", "FR", "United States", "India", "Brasil", None],
    "company.country": ["Germany", "Österreich", "Schweiz", "United Kingdom", "Japan", None],
    "number": ["0", "3", "12", "250", "7000", "5200000", None],
    "boolean": ["true", "false", "", None],
    "date": ["2026-10-01T08:00:00Z", "1760000000000", None],
    "enumeration": ["some option", "another option", None],  # for properties whose options the model does not list
    "text": ["Software", "hubspot;salesforce", "GLOBAL_HARD_BOUNCE", "Logistics", None, None],
}
FORMS = ["Newsletter", "Whitepaper", "Contact us", "Webinar", "Book a demo", "Careers"]


def write_facts(folder: Path, contacts: int, events_per_contact: int) -> None:
    """Write facts in chunks: contacts with the properties of the default model, and events of its three kinds."""
    model = load(ROOT / "config" / "model.yaml")
    for first in range(0, contacts, CHUNK_SIZE):
        make_contacts(model, first).write_parquet(folder / f"contacts-{first:08}.parquet")
        make_events(first, events_per_contact).write_parquet(folder / f"events-{first:08}.parquet")


def make_contacts(model: Model, first: int) -> pl.DataFrame:
    """Generate contacts: an email address, often at a company, and a value of each property's type; one in a thousand cannot be parsed."""
    numbers = pl.int_range(first, first + CHUNK_SIZE, eager=True)
    domains = pl.select(
        pl.when(numbers % 7 == 0).then(pl.lit("gmail.com")).when(numbers % 50 == 1).then(pl.lit("uni.edu"))
        .otherwise(pl.concat_str(pl.lit("company"), numbers // 3, pl.lit(".example")))
    ).to_series()  # fmt: skip
    columns = {"contact_id": numbers + 1, "email": "person" + numbers.cast(pl.String) + "@" + domains}
    names = [*model.contact_properties, *(f"company.{name}" for name in model.company_properties)]
    for seed, name in enumerate(sorted({*names} - {"email"})):
        spec = model.property_spec(name)
        choices = pl.Series(VALUES.get(name) or [*spec.options[:5], None, *VALUES[spec.type]][:6], dtype=pl.String)
        picked = choices.gather((numbers.hash(seed=seed) % len(choices)).cast(pl.UInt32))
        columns[name] = picked.zip_with(numbers.hash(seed=seed) % 1000 != 7, pl.Series(["n/a"]).new_from_index(0, CHUNK_SIZE))
    return pl.DataFrame(columns)


def make_events(first: int, per_contact: int) -> pl.DataFrame:
    """Generate events over a year, `per_contact` on average, unevenly distributed: some contacts have none, some many."""
    rows = CHUNK_SIZE * per_contact
    number = pl.int_range(first * per_contact, first * per_contact + rows, eager=True)
    owner = (
        first + 1 + ((number.hash(seed=1) % CHUNK_SIZE).cast(pl.Int64) * (number.hash(seed=2) % CHUNK_SIZE).cast(pl.Int64)) // CHUNK_SIZE
    )
    kinds = pl.Series(["page_view", "page_view", "page_view", "email_click", "form_submission"])
    paths = [f"{folder}/{page}" for folder in ("product", "careers", "blog", "docs", "news") for page in range(400)]
    pages = pl.Series([f"https://www.example.com/{path}" for path in paths])
    form = (number.hash(seed=7) % len(FORMS)).cast(pl.UInt32)
    at = int(NOW.timestamp() * 1000) - (number.hash(seed=3) % YEAR_MS).cast(pl.Int64)
    frame = pl.DataFrame(
        {
            "contact_id": owner.cast(pl.Int64),
            "event_id": number.cast(pl.String),
            "kind": kinds.gather((number.hash(seed=4) % 5).cast(pl.UInt32)),
            "at": at.cast(TIMESTAMP),
            "url": pages.gather((number.hash(seed=5) % len(pages)).cast(pl.UInt32)),
            "form_id": "form " + form.cast(pl.String),
            "form_name": pl.Series(FORMS).gather(form),
            "filtered": number.hash(seed=6) % 50 == 0,
        }
    )
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in EVENT_SCHEMA.items() if name not in frame.columns]
    return frame.with_columns(missing).select(list(EVENT_SCHEMA))


def evaluate_folder(folder: Path) -> dict[str, float]:
    """Evaluate all contacts in chunks, with verdicts and ledgers; return seconds and peak memory of this process."""
    model = load(ROOT / "config" / "model.yaml")
    started = time.monotonic()
    chunks = (
        Facts(contacts=pl.read_parquet(path), events=pl.read_parquet(folder / path.name.replace("contacts", "events")))
        for path in sorted(folder.glob("contacts-*.parquet"))
    )
    row_counts = [*map_prefetch(chunks, lambda facts: _count_rows(evaluate(facts, model, NOW)))]
    contacts, lines = (sum(column) for column in zip(*row_counts, strict=True))
    return {"seconds": time.monotonic() - started, "contacts": contacts, "lines": lines, "peak_mb": _peak_mb()}


def _count_rows(verdicts: Verdicts) -> tuple[int, int]:
    return verdicts.table.height, verdicts.ledger.height


def count_events(folder: Path) -> dict[str, float]:
    """Count the events by contact and kind with DuckDB; return seconds and peak memory of this process."""
    started = time.monotonic()
    counts = f"SELECT contact_id, kind, count(*) AS events FROM '{folder}/events-*.parquet' GROUP BY ALL"  # noqa: S608 -- our own folder
    groups, events = duckdb.execute(f"SELECT count(*), sum(events) FROM ({counts})").fetchall()[0]  # noqa: S608 -- the query above
    return {"seconds": time.monotonic() - started, "groups": int(groups), "events": int(events), "peak_mb": _peak_mb()}


def main(contacts: int = 1_000_000, events_per_contact: int = 20) -> None:
    """Generate facts, then measure both tasks, each twice in a separate process; the faster run counts."""
    with tempfile.TemporaryDirectory() as folder:
        write_facts(Path(folder), contacts, events_per_contact)
        runs = {task: [_run_in_subprocess(task, folder) for _ in range(2)] for task in ("count", "evaluate")}
    counted, evaluated = (min(runs[task], key=lambda run: run["seconds"]) for task in ("count", "evaluate"))
    print(
        f"{contacts:,} contacts, {contacts * events_per_contact:,} events: verdicts and ledgers {evaluated['seconds']:.1f} s "
        f"(peak {evaluated['peak_mb']:,.0f} MB), DuckDB's count {counted['seconds']:.1f} s, "
        f"× {evaluated['seconds'] / counted['seconds']:.1f}"
    )


def _run_in_subprocess(task: str, folder: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.model_throughput", task, folder], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return dict(json.loads(done.stdout))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps({"count": count_events, "evaluate": evaluate_folder}[sys.argv[1]](Path(sys.argv[2]))))
    else:
        main(*(int(text) for text in sys.argv[1:2]))
