"""Benchmark cases: each prints a ratio to a lower bound, or to a peer in the same run."""

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
from sync_worker.concurrency import StreamThreads
from sync_worker.progress import Progress
from sync_worker.settings import Settings
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.records.contacts import scan_contacts
from sync_worker.sync.pull.row_mapper import RowMapper
from sync_worker.worker import build_worker, utc_now
from tests.benchmarks import idle_service as idle_service_process
from tests.benchmarks import insight_speed, model_throughput, service_simulation, verdict_frame
from tests.benchmarks.fleet import fleet
from tests.benchmarks.lower_bounds import min_requests, min_seconds
from tests.benchmarks.worker_process import BenchmarkEnvironment, serve_benchmark
from tests.postgres import serve_postgres
from tests.system.subprocesses import ROOT

PAGE_SIZES = {
    "contacts": 100,
    "companies": 100,
    "email_click": 1_000,
    "page_view": 100,
    "form_submission": 50,
    "subscriptions": 100,
    "written": 100,
}
SEQUENTIAL_PAGES = 200
PROPERTY_NAMES = "email,firstname,lastname,jobtitle,lifecyclestage,associatedcompanyid,hs_email_optout,country,numemployees"


def first() -> None:
    """20,000 contacts, read and written: the case that other tools are compared with."""
    with serve_benchmark(20_000) as environment:
        _print_backfill("20,000 contacts, read and written", environment.run("backfill", "--json").report, contacts=20_000)


def evaluation() -> None:
    """Verdicts and ledgers of a million contacts, compared with one query that counts their events."""
    model_throughput.main()


def read() -> None:
    """100,000 contacts, read: seconds compared with the lower bound, and with a peer that reads page by page."""
    with serve_benchmark(100_000) as environment:
        _print_backfill("read 100,000 contacts", report := environment.run("backfill", "--dry-run", "--json").report, contacts=100_000)
        environment.wait_for_window()
        peer = _time_sequential_listing(environment) * 100_000 / (100 * SEQUENTIAL_PAGES)
        print(
            f"  a peer, page by page: {peer:.0f} s (from {SEQUENTIAL_PAGES} pages)  × {peer / report['seconds']:.2f}",
            flush=True,
        )


def complete() -> None:
    """50,000 contacts, read and written."""
    with serve_benchmark(50_000) as environment:
        _print_backfill("50,000 contacts, read and written", environment.run("backfill", "--json").report, contacts=50_000)


def bulk() -> None:
    """100,000 contacts and their companies, read and written in bulk and through the API: requests, and equality of the results."""
    digests = set()
    for via in ("bulk", "api"):
        with serve_benchmark(100_000, latency_ms=20, rate=100_000, companies=True) as environment:
            result = environment.run("backfill", "--via", via, "--json")
            digests.add(requests.get(f"{environment.base_url}/sandbox/digest", timeout=600).json()["digest"])
        sent, pulled = result.report["requests_in_all"], result.report["pulled_by_kind"]
        print(
            f"100,000 contacts via {via:4} {sent:6,} requests (limit in bulk: 30), {pulled['companies']:,} companies, "
            f"{result.report['written']:,} written, {result.report['seconds']:.1f} s, {result.cpu_seconds:.1f} s of CPU, "
            f"{result.peak_mb:.0f} MB",
            flush=True,
        )
    print(f"  {'the same final state, byte for byte' if len(digests) == 1 else 'NOT the same final state'}", flush=True)


def everything() -> None:
    """50,000 contacts with all their events, read and written."""
    with serve_benchmark(50_000, everything=True) as environment:
        _print_backfill("50,000 contacts with all events, read and written", environment.run("backfill", "--json").report, contacts=50_000)


def idle() -> None:
    """A sync without changes, a sync after 1 % of the contacts changed, and the sync that reads the worker's own writes."""
    with serve_benchmark(100_000, latency_ms=20, rate=100_000) as environment:
        environment.run("backfill", "--json")
        start = min(environment.run("--version").cpu_seconds for _ in range(3))
        _print_sync("the echo of 100,000 writes", environment.run("sync", "--json"), start)
        environment.run("sync", "--json")
        environment.wait_for_window(2)  # a new worker does not know the searches of the previous one
        _print_sync("no changes", environment.run("sync", "--json"), start)
        ids = [row["id"] for page in _iter_pages(environment, 10) for row in json.loads(page)["results"]]
        for id_ in ids:
            requests.post(f"{environment.base_url}/sandbox/contacts/{id_}", json={"jobtitle": f"CTO {id_}"}, timeout=30)
        time.sleep(4)  # the lag of the search index
        result = environment.run("sync", "--json")
        # An idle sync sends six requests; one of them is the first page of changed contacts.
        bound = 5 + ceil(1_000 / 200) + ceil(result.report["written"] / 100)
        _print_sync(f"1 % changed (at least {bound} requests)", result, start)


def idle_service() -> None:
    """Processor time and memory of `serve` with a million contacts, of which none changes."""
    idle_service_process.main()


def freshness() -> None:
    """Half a day of the service with a moved clock: calls of an idle cycle, and the time from a form to the MQL in HubSpot."""
    service_simulation.print_idle_calls()
    service_simulation.print_freshness()


def processor() -> None:
    """CPU time to read, parse and store contacts, compared with json.loads of the same pages.

    Both are measured alternately, because other load on the machine varies. Worker and portal run on different processors, so that
    they do not evict each other's data from the caches.
    """
    with serve_benchmark(100_000, latency_ms=0, rate=100_000, pinned=True) as environment:
        with build_worker(_settings(environment)) as worker:
            names = RowMapper(crm_schema=worker.outputs).contact_properties
        pages = list(_iter_pages(environment, 10**9, ",".join(names)))
        gc.collect()
        gc.freeze()  # as the command line does, also in the next line
        gc.set_threshold(GC_THRESHOLD_OBJECTS)
        loads = [_measure_cpu(lambda: [json.loads(page) for page in pages])]
        reads = []
        for number in range(9):
            reads.append(_measure_read_cpu(environment, number))
            loads.append(_measure_cpu(lambda: [json.loads(page) for page in pages]))
    ratios = sorted(2 * read / sum(neighbors) for read, neighbors in zip(reads, pairwise(loads), strict=True))
    print(
        f"100,000 contacts read and stored: {median(reads):.2f} s of CPU; json.loads of the pages {median(loads):.2f} s  "
        f"× {median(ratios):.2f} ({', '.join(f'{ratio:.1f}' for ratio in ratios)})",
        flush=True,
    )


def _measure_read_cpu(environment: BenchmarkEnvironment, number: int) -> float:
    environment.wait_for_window(2)  # a new worker does not know the searches of the previous one
    with build_worker(_settings(environment, state=f"state-{number}.db")) as worker:
        context = PullContext(
            hubspot=worker.hubspot,
            store=worker.store,
            row_mapper=RowMapper(crm_schema=worker.outputs),
            now=utc_now(),
            overlap=timedelta(minutes=10),
            late=timedelta(hours=72),
            readers=16,
            progress=Progress(),
            clock=utc_now,
            threads=StreamThreads(),
        )
        return _measure_cpu(lambda: _scan_contacts(context))


def _scan_contacts(context: PullContext) -> None:
    with context.threads as threads:
        threads.start("contacts", lambda: scan_contacts(context, None, lambda _: None, interleave_writes=False))
        deque(threads.run_calls(), maxlen=0)


def _measure_cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def memory() -> None:
    """Peak memory with 400,000 contacts, compared with 50,000."""
    peaks = {}
    for contacts in (50_000, 400_000):
        with serve_benchmark(contacts, latency_ms=0, rate=1_000_000) as environment:
            peaks[contacts] = environment.run("backfill", "--dry-run", "--json").peak_mb
    ratio = peaks[400_000] / peaks[50_000]
    print(f"peak memory: 50,000 contacts {peaks[50_000]:.0f} MB, 400,000 contacts {peaks[400_000]:.0f} MB  × {ratio:.2f}", flush=True)


def shared() -> None:
    """20,000 contacts while another process of the same app uses half of the budget."""
    with serve_benchmark(20_000) as environment:
        stop = threading.Event()
        thread = threading.Thread(target=_consume_budget, args=(environment, stop, 9.5))
        thread.start()
        report = environment.run("backfill", "--dry-run", "--json").report
        stop.set()
        thread.join()
        _print_backfill("20,000 contacts, half of the budget used by others", report, contacts=20_000, rate=95)


def distances() -> None:
    """Other latencies and rate limits, with the same settings."""
    for latency_ms, rate in ((20, 190), (500, 190), (2_000, 190), (150, 100), (150, 250)):
        with serve_benchmark(100_000, latency_ms=latency_ms, rate=rate) as environment:
            report = environment.run("backfill", "--dry-run", "--json").report
        _print_backfill(
            f"100,000 contacts at {latency_ms} ms and {rate} per 10 s", report, contacts=100_000, latency_ms=latency_ms, rate=rate
        )


def postgres() -> None:
    """20,000 contacts with all their events, read and written, with the state on PostgreSQL compared with SQLite."""
    with serve_postgres() as server:
        for limits, latency_ms, rate in (("HubSpot's limits", 150, 190), ("no limits", 0, 10**6)):
            server.psql(f"CREATE DATABASE state_{rate}")
            state = server.get_uri(f"state_{rate}").replace("postgresql://", "postgresql+psycopg://", 1)
            sqlite = _time_backfill(latency_ms, rate)
            other = _time_backfill(latency_ms, rate, SYNC_WORKER_STATE_URL=state)
            print(f"20,000 contacts, {limits}: SQLite {sqlite:.1f} s, PostgreSQL {other:.1f} s  × {other / sqlite:.2f}", flush=True)


def _time_backfill(latency_ms: int, rate: int, **environment: str) -> float:
    with serve_benchmark(20_000, latency_ms=latency_ms, rate=rate, everything=True) as portal:
        portal.run("setup", "--take-over", **environment)
        portal.wait_for_window()
        seconds: float = portal.run("backfill", "--json", **environment).report["seconds"]
        return seconds


def insight() -> None:
    """A backtest of twelve dates compared with twelve evaluations, and a suggestion for 100,000 contacts."""
    insight_speed.main()


def frame() -> None:
    """`evaluate_folder` of 100,000 contacts with 576,000 events: seconds, memory, and the ratio to decoding the files."""
    verdict_frame.main()


def hand_off() -> None:
    """Seconds of a cycle that finds a form, makes its contact an MQL, and creates the task for sales."""
    tasks = {"SYNC_WORKER_HAND_OFF_TASKS": "true"}
    with serve_benchmark(5_000, everything=True) as environment:
        environment.run("backfill", "--json")
        environment.run("report", "--json")
        environment.run("approve", "--note", "benchmark", "--json", **tasks)
        forms = environment.get("/marketing/v3/forms", limit="100")["results"]
        form = next(form["id"] for form in forms if "demo" in form["name"].lower())
        seconds = []
        for number in range(5):
            email = f"new-{number}@example.com"
            environment.post("/sandbox/contacts", {"properties": {"email": email}})
            values = [{"name": "email", "value": email}]
            environment.post("/sandbox/submissions", {"formId": form, "submittedAt": int(time.time() * 1000), "values": values})
            environment.wait_for_window(5)  # the lag of the search index
            started = time.monotonic()
            report = environment.run("sync", "--json", **tasks).report
            seconds.append(time.monotonic() - started)
            assert report["hand_offs"] == {"waiting": 0, "sent": 1, "reason": None}, report["hand_offs"]
    print(
        f"form → MQL → task: {median(seconds):.1f} s from the start of the cycle, with {report['requests_in_all']} calls at 150 ms; "
        f"the longest of {len(seconds)}: {max(seconds):.1f} s (aim 30)",
        flush=True,
    )


CASES: dict[str, Callable[[], None]] = {
    case.__name__: case
    for case in (
        first,
        evaluation,
        read,
        complete,
        bulk,
        everything,
        idle,
        idle_service,
        freshness,
        processor,
        memory,
        shared,
        distances,
        postgres,
        insight,
        frame,
        fleet,
        hand_off,
    )
}
DEFAULT = ("first", "read", "complete", "processor", "evaluation")  # about ten minutes; BENCH=name,name selects others


def _print_backfill(name: str, report: Any, *, contacts: int, latency_ms: int = 150, rate: int = 190) -> None:
    # A kind without rows still needs one request. Contacts that were read twice count once.
    rows = {kind: number for kind, number in report["pulled_by_kind"].items() if kind in PAGE_SIZES and kind != "contacts"}
    needed = min_requests(rows, PAGE_SIZES) + ceil(report["written"] / PAGE_SIZES["written"])
    pages = needed + ceil(contacts / PAGE_SIZES["contacts"])
    bound = min_seconds(needed, rate=rate, latency=latency_ms / 1000, contacts=contacts)
    sent, seconds = report["requests_in_all"], report["seconds"]
    print(
        f"{name:52} {seconds:7.1f} s  bound {bound:6.1f} s  × {seconds / bound:.2f}   "
        f"{sent:6,} requests  bound {pages:,} pages  × {sent / pages:.2f}   {report['rate_limited']} × 429",
        flush=True,
    )


def _print_sync(name: str, result: Any, startup_cpu: float) -> None:
    report = result.report
    print(
        f"sync, {name:36} {report['requests_in_all']:5} requests, {report['written']} written, {report['evaluated']} evaluated, "
        f"{result.cpu_seconds - startup_cpu:.2f} s of CPU after startup ({startup_cpu:.2f} s)",
        flush=True,
    )


def _time_sequential_listing(environment: BenchmarkEnvironment) -> float:
    """Return the seconds of a page-by-page listing, the request pattern of dlt and meltano."""
    started = time.monotonic()
    for _ in _iter_pages(environment, SEQUENTIAL_PAGES):
        pass
    return time.monotonic() - started


def _settings(environment: BenchmarkEnvironment, state: str = "state.db") -> Settings:
    return Settings(
        access_token=SecretStr(environment.token),
        base_url=environment.base_url,
        state_url=f"sqlite:///{environment.workspace.folder}/{state}",
        model=ROOT / "config" / "model.yaml",
    )


def _iter_pages(environment: BenchmarkEnvironment, pages: int, names: str = PROPERTY_NAMES) -> Any:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {environment.token}"
        after = None
        for _ in range(pages):
            parameters = {"limit": "100", "properties": names, **({"after": after} if after else {})}
            response = session.get(f"{environment.base_url}/crm/v3/objects/contacts", params=parameters, timeout=60)
            if response.status_code == 429:
                time.sleep(1)
                continue
            yield response.content
            after = response.json().get("paging", {}).get("next", {}).get("after")
            if after is None:
                return


def _consume_budget(environment: BenchmarkEnvironment, stop: threading.Event, requests_per_second: float) -> None:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {environment.token}"
        while not stop.wait(1 / requests_per_second):
            session.get(f"{environment.base_url}/crm/v3/objects/companies", params={"limit": "1"}, timeout=60)
