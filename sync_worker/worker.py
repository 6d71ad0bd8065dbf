"""The wiring: settings in, a worker out; what a run is made of stands in run_factory.py."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import structlog

from sync_worker.errors import ModelError, UnsafePlan
from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.rest import clock_skew, rate_limiter
from sync_worker.model.compiled.loader import load
from sync_worker.model.compiled.model import Model
from sync_worker.model.diff import describe_changes
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.progress import Progress
from sync_worker.reports.explain_contact import ContactExplanation, explain
from sync_worker.reports.model_comparison import ModelComparison, compare, comparison_table
from sync_worker.reports.score_distribution import ScoreDistribution, compute_distribution
from sync_worker.reports.status import build_status, check_staleness
from sync_worker.run_factory import RunFactory
from sync_worker.settings import Settings
from sync_worker.store import contacts, database, erasure, rejections, runs
from sync_worker.store.database import Store
from sync_worker.sync.apply import pending_import
from sync_worker.sync.evaluate.evaluate import evaluate_all
from sync_worker.sync.lease import acquire
from sync_worker.sync.portal import portal, setup
from sync_worker.sync.portal.catalog import fetch_catalog
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.sync.portal.model_check import ModelCheck, check_model
from sync_worker.sync.portal.portal import PortalInfo
from sync_worker.sync.portal.preflight import PreflightReport, run_preflight
from sync_worker.sync.pull.exports import MIN_BULK_SIZE
from sync_worker.sync.pull.pull import last_full_scan
from sync_worker.sync.report import RunReport
from sync_worker.sync.run import EARLY_CHUNK_SIZE
from sync_worker.sync.run_record import record_run
from sync_worker.timestamps import from_ms, to_ms

log = structlog.get_logger()


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Worker:
    """The worker of one portal; its parts are made when they are first needed."""

    settings: Settings
    clock: Callable[[], datetime] = utc_now
    progress: Progress = field(default_factory=Progress)
    connect_hubspot: Callable[..., HubSpot] = connect
    load_model: Callable[[Path], Model] = load
    min_bulk_records: int = MIN_BULK_SIZE
    early_chunk_size: int = EARLY_CHUNK_SIZE
    _exit_stack: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def model(self) -> Model:
        """Return the model; raises ModelError."""
        return self.load_model(self.settings.model)

    @cached_property
    def outputs(self) -> CrmSchema:
        """Return what the model puts into HubSpot."""
        return CrmSchema(model=self.model, prefix=self.settings.property_prefix)

    @cached_property
    def store(self) -> Store:
        """Return the state; raises StateError."""
        store = database.open_store(self.settings.state_url)
        self._exit_stack.callback(store.close)
        return store

    @cached_property
    def hubspot(self) -> HubSpot:
        """Return the way to HubSpot; raises ConfigurationError where no token is set."""
        hubspot = self.connect_hubspot(
            token=self.settings.token,
            base_url=self.settings.base_url,
            api_version=self.settings.api_version,
            limits=rate_limiter.RateLimitSettings(reserve=self.settings.reserve),
            tolerance=self._clock_tolerance,
        )
        self._exit_stack.callback(hubspot.close)
        return hubspot

    @property
    def _clock_tolerance(self) -> timedelta:
        # What is read again behind every cursor makes good for a clock that is ahead, half of it at least.
        overlap = timedelta(minutes=self.settings.overlap_minutes)
        return max(min(overlap / 2, clock_skew.DEFAULT_TOLERANCE), timedelta(seconds=30))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._exit_stack.close()

    def interrupt(self) -> None:
        """Let whoever waits for HubSpot stop waiting; what was sent is still acknowledged. Called from any thread."""
        self.hubspot.close()

    # What is asked.

    def check(self) -> PreflightReport:
        """Find out whether the worker could do its work here."""
        return run_preflight(self.hubspot, self.outputs, self.clock(), list_ids=setup.load_list_ids(self.store))

    def read_portal(self) -> PortalInfo:
        """Return the portal, asked anew; raises where the token is wrong or the portal not set up."""
        return portal.load_or_fetch(self.store, self.hubspot, self.outputs, self.clock(), force_refresh=True)

    def last_full_scan(self) -> datetime | None:
        """Return when every contact was last read, from the first to the last."""
        with self.store.transaction() as tx:
            at = last_full_scan(tx)
        return None if at is None else from_ms(at)

    def status(self, *, max_age: timedelta | None = None) -> dict[str, Any]:
        """Return what the state says of itself; `stale` is what to say where nothing has come to its end for longer than `max_age`."""
        now = self.clock()
        found = build_status(self.store, self.outputs, now)
        return {**found, "stale": check_staleness(found, now, max_age) if max_age is not None else None}

    def distribution(self) -> ScoreDistribution:
        """Return how the scores lie."""
        return compute_distribution(self.store, self.outputs.band_names, GRADE_LETTERS)

    def explain(self, email_or_id: str, *, at: datetime | None = None, model_file: Path | None = None) -> ContactExplanation:
        """Return why a contact has its score and grade; or what it would have at another time, by another model."""
        outputs = CrmSchema(model=self.load_model(model_file), prefix=self.settings.property_prefix) if model_file else self.outputs
        return explain(self.store, outputs, portal.load(self.store), email_or_id, now=self.clock(), at=at)

    def summarize_model(self, file: Path | None = None, *, check_portal: bool = False) -> dict[str, Any]:
        """Return what a model file says, the one at work where none is named.

        With `on_portal`, also how it fits the portal; raises ModelError where the portal lacks what the model names.
        """
        path = file or self.settings.model
        model = self.load_model(path)
        found = self._check_model(model) if check_portal else None
        if found and found.errors:
            raise ModelError("\n".join([*found.errors, *found.warnings]), hint="\nMend the model, or make these in HubSpot.")
        return {
            "file": str(path),
            "name": model.document.name,
            "hash": model.hash,
            "maximum": float(model.maximum),
            "reachable": float(found.reachable_score if found else model.reachable_maximum()),
            "minimum": float(model.minimum),
            "threshold": float(model.document.qualification.threshold),
            "bands": [f"{band.name} from {band.from_}" for band in model.bands],
            "events": sorted(model.event_kinds),
            "properties": sorted({*model.contact_properties, *(f"company.{name}" for name in model.company_properties)}),
            "warnings": [*model.warnings, *(found.warnings if found else ())],
            **(self._summarize_portal(model, found) if found else {}),
        }

    def _check_model(self, model: Model) -> ModelCheck:
        shows = self.hubspot.event_occurrences.is_available()
        hidden = portal.select_hidden_kinds(model.event_kinds, shows_occurrences=shows)
        return check_model(model, hidden, fetch_catalog(self.hubspot, model, shows_occurrences=shows))

    def _summarize_portal(self, model: Model, model_check: ModelCheck) -> dict[str, Any]:
        ours = CrmSchema(model=model, prefix=self.settings.property_prefix)
        missing = setup.plan_setup(self.hubspot, ours, setup.load_list_ids(self.store))
        return {
            "not_visible": list(model_check.not_visible),
            "unmet": list(model_check.unreachable_criteria),
            "setup": [step.as_json() for step in missing],
        }

    def compare(self, old: Path, new: Path) -> ModelComparison:
        """Return what would change from one model to another, in words and for whom, on what the state knows."""
        models = self.load_model(old), self.load_model(new)
        place, at = portal.load(self.store), self.clock()
        hidden = [place.select_hidden_kinds(model.event_kinds) if place else frozenset() for model in models]
        tables = (comparison_table(evaluate_all(self.store, model, unseen, at)) for model, unseen in zip(models, hidden, strict=True))
        found = compare(describe_changes(*models), *tables)
        with self.store.transaction() as tx:
            return replace(found, emails=contacts.load_emails(tx, found.sample_ids))

    # What is done.

    def setup(self, *, dry_run: bool = False) -> list[dict[str, str]]:
        """Create or mend group, properties and lists; return what was done, or would be."""
        portal.check_portal_id(self.store, self.hubspot.account.read_details())
        found = setup.plan_setup(self.hubspot, self.outputs, setup.load_list_ids(self.store))
        if not dry_run:
            for step in found:
                setup.apply_step(step, self.hubspot)
                log.info("portal.mended", **step.as_json())
            now = self.clock()
            portal.load_or_fetch(self.store, self.hubspot, self.outputs, now, force_refresh=True, accept_downgrade=True)
            setup.save_list_ids(self.store, self.hubspot, self.outputs)
            if found:
                with self.store.transaction() as tx:
                    rejections.clear(tx)
        return [step.as_json() for step in found]

    def backfill(self, *, dry_run: bool = False, allow_large: bool = False, bulk: bool = False) -> RunReport:
        """Read, judge and write every contact once; goes on where an earlier one was stopped. In `bulk`, by exports and imports.

        Raises UnsafePlan where that would change too much, unless large changes are allowed.
        """
        return self._run("backfill", dry_run=dry_run, allow_large=allow_large, bulk=bulk)

    def sync(self, *, dry_run: bool = False, allow_large: bool = False) -> RunReport:
        """Read what changed, judge, write the differences; the first time that is everything. Raises like `backfill`."""
        return self._run("sync", dry_run=dry_run, allow_large=allow_large)

    def approve(self, note: str, *, allow_large: bool = False) -> RunReport:
        """Keep that the distribution under this model was looked at, and change the lists and stages that waited for it.

        Raises like `backfill`; what was refused is not approved.
        """
        try:
            report = self._run("approve", allow_large=allow_large, note=note)
        except UnsafePlan:
            with self.store.transaction() as tx:
                runs.delete_approval(tx, self.model.hash)
            raise
        log.info("model.approved", model=self.model.hash)
        return report

    def undo(self, run: str, *, dry_run: bool = False) -> RunReport:
        """Put back what a run replaced in HubSpot, wherever nobody has changed it since.

        Raises ConfigurationError where there was no such run.
        """
        with self._start_run("undo", dry_run=dry_run) as parts:
            parts.build_undo(run).execute()
        return parts.report

    def forget(self, email_or_id: str) -> dict[str, Any]:
        """Delete whatever the state knows of a contact, also from the free pages of its file; HubSpot is not asked, and keeps it."""
        with acquire(self.store, secrets.token_hex(4), clock=self.clock, duration=timedelta(minutes=self.settings.lease_minutes)):
            with self.store.transaction() as tx:
                found = contacts.find_id(tx, email_or_id)
                ids = erasure.find_merged_ids(tx, found) if found is not None else []
                emails = [] if email_or_id.isdecimal() else [email_or_id.strip().lower()]
                events = erasure.purge(tx, ids, emails)
            self.store.vacuum()
        log.info("contact.forgotten", contacts=len(ids), events=events)
        return {"contacts": [str(id_) for id_ in ids], "events": events, "exit_code": 0}

    def _run(
        self, command: str, *, dry_run: bool = False, allow_large: bool = False, bulk: bool = False, note: str | None = None
    ) -> RunReport:
        with self._start_run(command, dry_run=dry_run) as parts:
            if note is not None:
                with parts.store.transaction() as tx:
                    runs.approve(tx, self.model.hash, note=note, at=to_ms(self.clock()))
            run = parts.build_run(allow_large=allow_large, bulk=bulk)
            {"backfill": run.full, "sync": run.incremental, "approve": run.from_state}[command]()
            parts.report.unreadable = run.evaluator.parse_warnings.summarize()
        return parts.report

    @contextmanager
    def _start_run(self, command: str, *, dry_run: bool) -> Iterator[RunFactory]:
        """Begin a run, alone on its portal; it leaves a row and a line however it ends."""
        with ExitStack() as stack:
            store = self._open_dry_run_store(stack) if dry_run else self.store
            report = RunReport(run_id=secrets.token_hex(4), command=command, dry_run=dry_run, model=self.model.hash)
            stack.enter_context(structlog.contextvars.bound_contextvars(run=report.run_id))
            with record_run(report, store, self.clock, self.hubspot.metrics), ExitStack() as working:
                lasts = timedelta(minutes=self.settings.lease_minutes)
                parts = RunFactory(
                    settings=self.settings,
                    hubspot=self.hubspot,
                    outputs=self.outputs,
                    store=store,
                    report=report,
                    progress=working.enter_context(acquire(store, report.run_id, clock=self.clock, duration=lasts, progress=self.progress)),
                    clock=self.clock,
                    min_bulk_records=self.min_bulk_records,
                    early_chunk_size=self.early_chunk_size,
                    exit_stack=working,
                )
                if not dry_run:
                    pending_import.wait_for_previous(self.hubspot.imports, store, parts.build_poller(), self.clock())
                yield parts

    def _open_dry_run_store(self, stack: ExitStack) -> Store:
        store = database.open_store(self.settings.state_url)
        stack.callback(store.close)
        store.begin_dry_run()
        return store


def build_worker(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    progress: Progress | None = None,
    connect_hubspot: Callable[..., HubSpot] = connect,
    load_model: Callable[[Path], Model] = load,
    min_bulk_records: int = MIN_BULK_SIZE,
    early_chunk_size: int = EARLY_CHUNK_SIZE,
) -> Worker:
    """Return a worker; nothing is opened or sent yet.

    `reach` makes the way to HubSpot, as `hubspot.client.connect` does; `read` reads a model file, as `model.loading.load` does; fewer than
    `least_in_bulk` records are worth no export or import. A first backfill writes in chunks of `early_chunk_size` contacts while it reads.
    """
    return Worker(
        settings=settings,
        clock=clock,
        progress=progress or Progress(),
        connect_hubspot=connect_hubspot,
        load_model=load_model,
        min_bulk_records=min_bulk_records,
        early_chunk_size=early_chunk_size,
    )
