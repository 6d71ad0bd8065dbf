"""What is measured: each case prints ratios to a bound, or to a peer in the same run."""

from __future__ import annotations

import gc
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from math import ceil
from statistics import median
from typing import Any

import requests
from pydantic import SecretStr

from sync_worker.cli import GC_THRESHOLD_OBJECTS
from sync_worker.progress import Progress
from sync_worker.settings import Settings
from sync_worker.sync.pull.pull import Pull
from sync_worker.sync.pull.row_mapper import RowMapper
from sync_worker.worker import build_worker, utc_now
from tests.benchmarks import model_throughput
from tests.benchmarks.lower_bounds import min_requests, min_seconds
from tests.benchmarks.worker_process import BenchmarkEnvironment, serve_benchmark
from tests.system.subprocesses import ROOT

PAGE_SIZES = {"contacts": 100, "companies": 100, "email_click": 1_000, "page_view": 100, "form_submission": 50, "written": 100}
SEQUENTIAL_PAGES = 200
PROPERTY_NAMES = "email,firstname,lastname,jobtitle,lifecyclestage,associatedcompanyid,hs_email_optout,country,numemployees"


def first() -> None:
    """20,000 contacts, read and written: what peers are measured by."""
    with serve_benchmark(20_000) as one:
        _print_backfill("20,000 contacts, read and written", one.run("backfill", "--json").report, contacts=20_000)


def evaluation() -> None:
    """Verdicts and ledgers of a million contacts beside one query that counts their events."""
    model_throughput.main()


def read() -> None:
    """100,000 contacts, read: seconds beside the least, and beside a peer that asks for one page after the other."""
    with serve_benchmark(100_000) as one:
        _print_backfill("read 100,000 contacts", report := one.run("backfill", "--dry-run", "--json").report, contacts=100_000)
        one.wait_for_window()
        peer = _time_sequential_listing(one) * 100_000 / (100 * SEQUENTIAL_PAGES)
        print(
            f"  a peer, one page after the other: {peer:.0f} s (from {SEQUENTIAL_PAGES} pages)  × {peer / report['seconds']:.2f}",
            flush=True,
        )


def complete() -> None:
    """50,000 contacts with all writes."""
    with serve_benchmark(50_000) as one:
        _print_backfill("50,000 contacts, read and written", one.run("backfill", "--json").report, contacts=50_000)


def bulk() -> None:
    """100,000 contacts and their companies, read and written by exports and imports, and by the API: requests, and the same end."""
    digests = set()
    for via in ("bulk", "api"):
        with serve_benchmark(100_000, latency_ms=20, rate=100_000, companies=True) as one:
            ran = one.run("backfill", "--via", via, "--json")
            digests.add(requests.get(f"{one.base_url}/sandbox/digest", timeout=600).json()["digest"])
        sent, pulled = ran.report["requests_in_all"], ran.report["pulled_by_kind"]
        print(
            f"100,000 contacts via {via:4} {sent:6,} requests (bar of bulk: 30), {pulled['companies']:,} companies, "
            f"{ran.report['written']:,} written, {ran.report['seconds']:.1f} s, {ran.cpu_seconds:.1f} s of CPU, {ran.peak_mb:.0f} MB",
            flush=True,
        )
    print(f"  {'the same state in the end, byte for byte' if len(digests) == 1 else 'NOT the same state'}", flush=True)


def everything() -> None:
    """50,000 contacts with all that they did, and all writes."""
    with serve_benchmark(50_000, everything=True) as one:
        _print_backfill("50,000 contacts, all they did, and written", one.run("backfill", "--json").report, contacts=50_000)


def idle() -> None:
    """A sync in which nothing happened, one after 1 % changed, and the echo of what was written."""
    with serve_benchmark(100_000, latency_ms=20, rate=100_000) as one:
        one.run("backfill", "--json")
        start = min(one.run("--version").cpu_seconds for _ in range(3))
        _print_sync("the echo of 100,000 written", one.run("sync", "--json"), start)
        one.run("sync", "--json")
        one.wait_for_window(2)  # a new worker does not know of the searches of the one before
        _print_sync("nothing happened", one.run("sync", "--json"), start)
        ids = [row["id"] for page in _iter_pages(one, 10) for row in json.loads(page)["results"]]
        for id_ in ids:
            requests.post(f"{one.base_url}/sandbox/contacts/{id_}", json={"jobtitle": f"CTO {id_}"}, timeout=30)
        time.sleep(4)  # the lag of search
        ran = one.run("sync", "--json")
        # Of the six requests of an idle sync one is the first page of what changed.
        least = 5 + ceil(1_000 / 200) + ceil(ran.report["written"] / 100)
        _print_sync(f"1 % changed (least {least} requests)", ran, start)


def processor() -> None:
    """Reading, parsing and storing beside json.loads of the same pages, in turns: a machine that others use is not always as quick.

    The worker has a processor of its own, and the portal the other: else they drive each other's data out of the caches.
    """
    with serve_benchmark(100_000, latency_ms=0, rate=100_000, apart=True) as one:
        with build_worker(_settings(one)) as worker:
            names = RowMapper(crm_schema=worker.outputs).contact_properties
        pages = list(_iter_pages(one, 10**9, ",".join(names)))
        gc.collect()
        gc.freeze()  # as the command line does before it begins, and the line after
        gc.set_threshold(GC_THRESHOLD_OBJECTS)
        loads = [_measure_cpu(lambda: [json.loads(page) for page in pages])]
        reads = []
        for number in range(9):
            reads.append(_measure_read_cpu(one, number))
            loads.append(_measure_cpu(lambda: [json.loads(page) for page in pages]))
    ratios = sorted(2 * read / sum(around) for read, around in zip(reads, pairwise(loads), strict=True))
    print(
        f"100,000 contacts read and stored: {median(reads):.2f} s of CPU; json.loads of the pages {median(loads):.2f} s  "
        f"× {median(ratios):.2f} ({', '.join(f'{ratio:.1f}' for ratio in ratios)})",
        flush=True,
    )


def _measure_read_cpu(one: BenchmarkEnvironment, number: int) -> float:
    one.wait_for_window(2)  # a new worker does not know of the searches of the one before
    with build_worker(_settings(one, state=f"state-{number}.db")) as worker:
        pull = Pull(
            hubspot=worker.hubspot,
            store=worker.store,
            row_mapper=RowMapper(crm_schema=worker.outputs),
            now=utc_now(),
            overlap=timedelta(minutes=10),
            readers=16,
            progress=Progress(),
            clock=utc_now,
        )
        return _measure_cpu(lambda: deque(pull.all_contacts(), maxlen=0))


def _measure_cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def memory() -> None:
    """The peak of 400,000 contacts beside that of 50,000."""
    peaks = {}
    for contacts in (50_000, 400_000):
        with serve_benchmark(contacts, latency_ms=0, rate=1_000_000) as one:
            peaks[contacts] = one.run("backfill", "--dry-run", "--json").peak_mb
    ratio = peaks[400_000] / peaks[50_000]
    print(f"peak of memory: 50,000 contacts {peaks[50_000]:.0f} MB, 400,000 contacts {peaks[400_000]:.0f} MB  × {ratio:.2f}", flush=True)


def shared() -> None:
    """Another run of the same app takes half of the budget."""
    with serve_benchmark(20_000) as one:
        over = threading.Event()
        thread = threading.Thread(target=_consume_budget, args=(one, over, 9.5))
        thread.start()
        report = one.run("backfill", "--dry-run", "--json").report
        over.set()
        thread.join()
        _print_backfill("20,000 contacts, while another app takes half", report, contacts=20_000, rate=95)


def distances() -> None:
    """Other latencies and plans, no setting touched."""
    for latency_ms, rate in ((20, 190), (500, 190), (2_000, 190), (150, 100), (150, 250)):
        with serve_benchmark(100_000, latency_ms=latency_ms, rate=rate) as one:
            report = one.run("backfill", "--dry-run", "--json").report
        _print_backfill(
            f"100,000 contacts at {latency_ms} ms and {rate} in 10 s", report, contacts=100_000, latency_ms=latency_ms, rate=rate
        )


CASES: dict[str, Callable[[], None]] = {
    case.__name__: case for case in (first, evaluation, read, complete, bulk, everything, idle, processor, memory, shared, distances)
}
DEFAULT = ("first", "read", "complete", "processor", "evaluation")  # some ten minutes; BENCH=name,name picks others


def _print_backfill(name: str, report: Any, *, contacts: int, latency_ms: int = 150, rate: int = 190) -> None:
    # A kind that the portal shows none of had to be asked for once all the same; contacts that were read twice were not needed twice.
    rows = {kind: number for kind, number in report["pulled_by_kind"].items() if kind in PAGE_SIZES and kind != "contacts"}
    needed = min_requests(rows, PAGE_SIZES) + ceil(report["written"] / PAGE_SIZES["written"])
    pages = needed + ceil(contacts / PAGE_SIZES["contacts"])
    least = min_seconds(needed, rate=rate, latency=latency_ms / 1000, contacts=contacts)
    sent, seconds = report["requests_in_all"], report["seconds"]
    print(
        f"{name:52} {seconds:7.1f} s  least {least:6.1f} s  × {seconds / least:.2f}   "
        f"{sent:6,} requests  least {pages:,} pages  × {sent / pages:.2f}   {report['rate_limited']} × 429",
        flush=True,
    )


def _print_sync(name: str, result: Any, startup_cpu: float) -> None:
    report = result.report
    print(
        f"sync, {name:36} {report['requests_in_all']:5} requests, {report['written']} written, {report['evaluated']} judged, "
        f"{result.cpu - startup_cpu:.2f} s of CPU beyond the start ({startup_cpu:.2f} s)",
        flush=True,
    )


def _time_sequential_listing(one: BenchmarkEnvironment) -> float:
    """Return the seconds that a sequential listing takes: dlt's and meltano's pattern of requests."""
    started = time.monotonic()
    for _ in _iter_pages(one, SEQUENTIAL_PAGES):
        pass
    return time.monotonic() - started


def _settings(one: BenchmarkEnvironment, state: str = "state.db") -> Settings:
    return Settings(
        access_token=SecretStr(one.token),
        base_url=one.base_url,
        state_url=f"sqlite:///{one.workspace.folder}/{state}",
        model=ROOT / "config" / "model.yaml",
    )


def _iter_pages(one: BenchmarkEnvironment, pages: int, names: str = PROPERTY_NAMES) -> Any:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {one.token}"
        after = None
        for _ in range(pages):
            where = {"limit": "100", "properties": names, **({"after": after} if after else {})}
            answer = session.get(f"{one.base_url}/crm/v3/objects/contacts", params=where, timeout=60)
            if answer.status_code == 429:
                time.sleep(1)
                continue
            yield answer.content
            after = answer.json().get("paging", {}).get("next", {}).get("after")
            if after is None:
                return


def _consume_budget(one: BenchmarkEnvironment, stop: threading.Event, requests_per_second: float) -> None:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {one.token}"
        while not stop.wait(1 / requests_per_second):
            session.get(f"{one.base_url}/crm/v3/objects/companies", params={"limit": "1"}, timeout=60)
