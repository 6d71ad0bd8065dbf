"""The only wiring: settings in, a worker out."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import structlog

from sync_worker.errors import ModelError
from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.model.document import LETTERS
from sync_worker.model.loading import load
from sync_worker.model.model import Model
from sync_worker.pipeline import portal, setup
from sync_worker.pipeline.apply import Applier
from sync_worker.pipeline.check import Findings, check
from sync_worker.pipeline.distribution import Distribution, distribution
from sync_worker.pipeline.evaluate import Judge
from sync_worker.pipeline.explain import Explanation, explain
from sync_worker.pipeline.fitting import misfits, names
from sync_worker.pipeline.outputs import Outputs
from sync_worker.pipeline.plan import Scope, stage_rule
from sync_worker.pipeline.portal import Portal
from sync_worker.pipeline.progress import Progress
from sync_worker.pipeline.pull import Pull
from sync_worker.pipeline.recording import recorded
from sync_worker.pipeline.remembering import Remembering
from sync_worker.pipeline.report import RunReport
from sync_worker.pipeline.status import status
from sync_worker.pipeline.sync import Run
from sync_worker.settings import Settings
from sync_worker.store import database, runs
from sync_worker.store.database import Store
from sync_worker.store.instants import to_ms

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
    _closing: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def model(self) -> Model:
        """Return the model; raises ModelError."""
        return load(self.settings.model)

    @cached_property
    def outputs(self) -> Outputs:
        """Return what the model puts into HubSpot."""
        return Outputs(model=self.model, prefix=self.settings.property_prefix)

    @cached_property
    def store(self) -> Store:
        """Return the state; raises StateError."""
        store = database.opened(self.settings.state_url)
        self._closing.callback(store.close)
        return store

    @cached_property
    def hubspot(self) -> HubSpot:
        """Return the way to HubSpot; raises ConfigurationError where no token is set."""
        hubspot = connect(token=self.settings.token, base_url=self.settings.base_url, api_version=self.settings.api_version)
        self._closing.callback(hubspot.close)
        return hubspot

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def interrupt(self) -> None:
        """Let whoever waits for HubSpot stop waiting; what was sent is still acknowledged. Called from any thread."""
        self.hubspot.close()

    # What is asked.

    def check(self) -> Findings:
        """Find out whether the worker could do its work here."""
        return check(self.hubspot, self.outputs, self.clock())

    def portal(self) -> Portal:
        """Return the portal, asked anew; raises where the token is wrong or the portal not set up."""
        return portal.known(self.store, self.hubspot, self.outputs, self.clock(), fresh=True)

    def status(self) -> dict[str, Any]:
        """Return what the state says of itself."""
        return status(self.store, self.outputs, self.clock())

    def distribution(self) -> Distribution:
        """Return how the scores lie."""
        return distribution(self.store, self.outputs.bands, LETTERS)

    def explain(self, email_or_id: str, *, at: datetime | None = None, model_file: Path | None = None) -> Explanation:
        """Return why a contact has its score and grade; or what it would have at another time, by another model."""
        outputs = Outputs(model=load(model_file), prefix=self.settings.property_prefix) if model_file else self.outputs
        return explain(self.store, outputs, portal.remembered(self.store), email_or_id, now=self.clock(), at=at)

    def model_summary(self, file: Path | None = None, *, fit: bool = False) -> dict[str, Any]:
        """Return what a model file says, the one at work where none is named.

        With `fit`, raises ModelError where the portal lacks what the model names.
        """
        path = file or self.settings.model
        model = load(path)
        if fit and (found := misfits(model, names(self.hubspot, model))):
            raise ModelError("\n".join(found), hint="\nMend the model, or make these in HubSpot.")
        return {
            "file": str(path),
            "name": model.document.name,
            "hash": model.hash,
            "maximum": float(model.maximum),
            "minimum": float(model.minimum),
            "threshold": float(model.document.qualification.threshold),
            "bands": [f"{band.name} from {band.from_}" for band in model.bands],
            "events": sorted(model.event_kinds),
            "properties": sorted({*model.contact_properties, *(f"company.{name}" for name in model.company_properties)}),
            "warnings": list(model.warnings),
        }

    # What is done.

    def setup(self, *, dry_run: bool = False) -> list[dict[str, str]]:
        """Create or mend group, properties and lists; return what was done, or would be."""
        found = setup.steps(self.hubspot, self.outputs)
        if not dry_run:
            for step in found:
                setup.carry_out(step, self.hubspot)
                log.info("portal.mended", **step.as_json())
            portal.known(self.store, self.hubspot, self.outputs, self.clock(), fresh=True, settle=True)
            setup.remember_lists(self.store, self.hubspot, self.outputs)
        return [step.as_json() for step in found]

    def backfill(self, *, dry_run: bool = False) -> RunReport:
        """Read, judge and write every contact once; goes on where an earlier one was stopped."""
        return self._run("backfill", dry_run=dry_run)

    def sync(self, *, dry_run: bool = False) -> RunReport:
        """Read what changed, judge, write the differences; the first time that is everything."""
        return self._run("sync", dry_run=dry_run)

    def approve(self, note: str) -> RunReport:
        """Keep that the distribution under this model was looked at, and change the lists and stages that waited for it."""
        with self.store.transaction() as tx:
            runs.approve(tx, self.model.hash, note=note, at=to_ms(self.clock()))
        log.info("model.approved", model=self.model.hash)
        return self._run("approve", dry_run=False)

    def _run(self, command: str, *, dry_run: bool = False) -> RunReport:
        with ExitStack() as stack:
            store = self._rehearsal(stack) if dry_run else self.store
            report = RunReport(run_id=secrets.token_hex(4), command=command, dry_run=dry_run, model=self.model.hash)
            stack.enter_context(structlog.contextvars.bound_contextvars(run=report.run_id))
            with recorded(report, store, self.clock, self.hubspot.traffic):
                run = self._assembled(report, store, stack)
                {"backfill": run.everything, "sync": run.changes, "approve": run.known}[command]()
        return report

    def _rehearsal(self, stack: ExitStack) -> Store:
        store = database.opened(self.settings.state_url)
        stack.callback(store.close)
        store.rehearse()
        return store

    def _assembled(self, report: RunReport, store: Store, stack: ExitStack) -> Run:
        now = self.clock()
        place = portal.known(store, self.hubspot, self.outputs, now, fresh=report.command == "backfill")
        hidden = place.hidden(self.model.event_kinds)
        in_flight = self.settings.requests_in_flight
        applier = None
        if not report.dry_run:
            writing = Applier(self.hubspot, store, self.outputs, now, in_flight=in_flight, progress=self.progress)
            applier = stack.enter_context(writing)
        report.not_visible = self.model.not_visible(hidden)
        return Run(
            store=store,
            pull=Pull(
                hubspot=self.hubspot,
                store=store,
                remembering=Remembering(outputs=self.outputs),
                now=now,
                overlap=timedelta(minutes=self.settings.overlap_minutes),
                readers=in_flight,
                progress=self.progress,
                counts=report.pulled,
            ),
            judge=Judge(
                model=self.model,
                outputs=self.outputs,
                hidden=hidden,
                now=now,
                since=place.day_began(now, self.settings.reevaluate_at),
            ),
            scope=self._scope(report, store, place),
            applier=applier,
            report=report,
        )

    def _scope(self, report: RunReport, store: Store, place: Portal) -> Scope:
        with store.transaction() as tx:
            report.approved = runs.approval(tx, self.model.hash) is not None
        if report.approved:
            portal.find_lists(store, self.hubspot, self.outputs)
        return Scope(
            outputs=self.outputs,
            rule=stage_rule(place.stages),
            approved=report.approved,
            keep_foreign=self.model.document.qualification.foreign_members == "keep",
        )


def build(settings: Settings, *, clock: Callable[[], datetime] = utc_now, progress: Progress | None = None) -> Worker:
    """Return a worker; nothing is opened or sent yet."""
    return Worker(settings=settings, clock=clock, progress=progress or Progress())
