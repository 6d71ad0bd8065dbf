"""Test harness: a small sandbox portal, a worker connected to it, and user actions in the portal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import httpx
from msgspec import structs
from pydantic import SecretStr

from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.rest.rate_limiter import RateLimitSettings
from sync_worker.model.compiled.loader import loads
from sync_worker.model.compiled.model import Model
from sync_worker.progress import Progress
from sync_worker.sandbox.base.clock import AdjustableClock
from sync_worker.sandbox.base.config import SandboxConfig
from sync_worker.sandbox.base.object_types import COMPANIES, CONTACTS, DEALS, TASKS
from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.base.timestamps import format_iso, to_ms
from sync_worker.sandbox.crm.audit_log import CRM_UI_SOURCE
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.events.portal_events import OCCURRENCE_KEY
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition, PropertyGroup, PropertyOption
from sync_worker.sandbox.server import user_actions
from sync_worker.sandbox.server.portal_fingerprint import compute_fingerprint
from sync_worker.sandbox.server.server import RunningServer, run_in_thread, serve_in_thread
from sync_worker.settings import Settings
from sync_worker.store import model_revisions
from sync_worker.store.database import open_store
from sync_worker.store.model_revisions import ModelRevision
from sync_worker.store.saved_state import portal_cache
from sync_worker.store.writes import memberships
from sync_worker.sync.handoff.channels import Channel, open_channels
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.run import EARLY_CHUNK_SIZE
from sync_worker.sync.run_report import RunReport
from sync_worker.worker import Worker, build_worker
from tests.store.database_factories import SavedState, save_state, temporary_state_url

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW_MS = to_ms(NOW)
MINUTE, DAY = 60_000, 86_400_000
MQL = "marketingqualifiedlead"
UNLIMITED: Mapping[str, Any] = {"index_lag_s": 0, "rate": 10**6, "search_rate": 10**6}

MODEL = """
version: 1
name: Small
score:
  criteria:
    clicks: {event: email_click, tiers: {1: 5, 2: 5}}
    views: {event: page_view, each: 2, at_most: 10}
    forms: {event: form_submission, points: 10}
    careers: {label: looked at careers pages, event: page_view, where: {url: {matches: "*/careers/*"}}, points: -3}
    opted_out: {when: {hs_email_optout: true}, points: -10}
  degradation: {kind: none}
  bands: [{name: cold, from: 0}, {name: warm, from: 10}, {name: hot, from: 20}]
grade:
  criteria:
    size: {when: {company.numberofemployees: {at_least: 50}}, thirds: 3, otherwise: -3}
    role: {when: {jobtitle: {contains_any: [cto]}}, thirds: 3}
qualification:
  threshold: 20
  leave_below: 16
  grade_at_least: C
  direct: {demo: {label: asked for a demo, event: form_submission, where: {form: {is: Demo}}}}
  disqualifiers: {opted_out: {when: {hs_email_optout: true}}}
"""


def make_contact(number: int, **properties: str) -> Row:
    return {
        "id": str(number),
        "properties": {"email": f"p{number}@example.com", **properties},
        "createdAt": "2026-01-02T03:04:05Z",
        "updatedAt": "2026-02-03T04:05:06Z",
        "archived": False,
    }


def make_click(number: object, email: str, at: int = NOW_MS - DAY, **fields: object) -> Row:
    return {"id": f"click-{number}", "created": at, "type": "CLICK", "recipient": email, "url": f"https://x.com/{number}", **fields}


def make_page_view(number: object, contact: int, at: int = NOW_MS - DAY, url: str = "https://x.com/") -> Row:
    return {
        "id": f"view-{number}",
        "eventType": "e_visited_page",
        "objectId": str(contact),
        "occurredAt": format_iso(at),
        "properties": {"hs_url": url},
    }


def make_submission(email: str, form: str = "news", at: int = NOW_MS - DAY) -> Row:
    return {"formId": form, "submittedAt": at, "values": [{"name": "email", "value": email}], "pageUrl": "https://x.com/form"}


def make_webinar(number: int, name: str = "Scoring", kind: str = "WEBINAR") -> Row:
    return {"objectId": str(number), "eventName": name, "eventType": kind, "updatedAt": format_iso(NOW_MS - DAY)}


def make_participation(webinar: int, contact: int, state: str = "ATTENDED", at: int = NOW_MS - DAY) -> Row:
    return {
        "id": f"{webinar}-{contact}",
        "properties": {"attendanceState": state, "occurredAt": at},
        "associations": {"contact": {"contactId": str(contact)}, "marketingEvent": {"marketingEventId": str(webinar)}},
    }


def small_portal(**fields: Any) -> PortalData:
    """Return a portal with six contacts.

    1 is an MQL by score, 2 a direct MQL, 3 has no activity, 4 has opted out, 5 is a direct MQL that already belongs to sales,
    6 reaches the threshold but not the grade.
    """
    plain = PortalData(
        portal_id=42,
        tier="enterprise",
        time_zone="Europe/Berlin",
        now=NOW,
        contacts=[
            make_contact(1, associatedcompanyid="7", lifecyclestage="lead"),
            make_contact(2, lifecyclestage="subscriber"),
            make_contact(3),
            make_contact(4, hs_email_optout="true"),
            make_contact(5, lifecyclestage="salesqualifiedlead"),
            make_contact(6, associatedcompanyid="8", jobtitle="CTO", lifecyclestage="lead"),
        ],
        companies=[
            {"id": "7", "properties": {"name": "Acme", "numberofemployees": "500"}, "updatedAt": "2026-02-03T04:05:06Z"},
            {"id": "8", "properties": {"name": "Tiny", "numberofemployees": "2"}, "updatedAt": "2026-02-03T04:05:06Z"},
        ],
        email_events=[make_click(f"{n}-{contact}", f"P{contact}@example.com", NOW_MS - DAY - n) for contact in (1, 4, 6) for n in range(2)],
        events=[make_page_view(f"{n}-{contact}", contact, NOW_MS - DAY - n) for contact in (1, 6) for n in range(5)],
        forms=[{"id": "news", "name": "Newsletter"}, {"id": "demo", "name": "Demo"}],
        submissions=[make_submission("p2@example.com", "demo"), make_submission("p5@example.com", "demo")],
    )
    return replace(plain, **fields)


def connect_without_search_limit(*, limits: RateLimitSettings, **options: Any) -> HubSpot:
    """Connect without a search limit, so that a run does not wait for the searches of the previous run."""
    return connect(limits=replace(limits, search=10**6), **options)


@dataclass(kw_only=True)
class Harness:
    """A sandbox portal, the worker's folder, and one clock for both."""

    server: RunningServer
    clock: AdjustableClock
    folder: Path
    state_url: str
    api_version: Literal["v3", "2026-09"] = "2026-09"
    settings: dict[str, Any] = field(default_factory=dict)
    connect_hubspot: Callable[..., HubSpot] = connect_without_search_limit
    min_bulk_records: int = 500
    early_chunk_size: int = EARLY_CHUNK_SIZE
    uptime: float = 0.0
    open_channels: Callable[[Sequence[SecretStr]], Sequence[Channel]] = open_channels

    # Worker commands. Each one uses a new worker, like a new process.

    @contextmanager
    def worker(self, progress: Progress | None = None) -> Iterator[Worker]:
        settings = Settings(
            access_token=self.server.token,
            base_url=self.server.base_url,
            api_version=self.api_version,
            state_url=self.state_url,
            model=self.folder / "model.yaml",
            **{"requests_in_flight": 4, "judged_from_contacts": 10**6, **self.settings},
        )
        with build_worker(
            settings,
            clock=self.clock,
            progress=progress,
            connect_hubspot=self.connect_hubspot,
            load_model=load_cached,
            min_bulk_records=self.min_bulk_records,
            early_chunk_size=self.early_chunk_size,
            uptime=lambda: self.uptime,
            open_channels=self.open_channels,
        ) as worker:
            yield worker

    def backfill(self, *, dry_run: bool = False, progress: Progress | None = None, bulk: bool = False) -> RunReport:
        with self.worker(progress) as worker:
            return worker.backfill(dry_run=dry_run, bulk=bulk)

    def sync(self, *, dry_run: bool = False) -> RunReport:
        with self.worker() as worker:
            return worker.sync(dry_run=dry_run)

    def approve(self) -> RunReport:
        with self.worker() as worker:
            worker.report()
            return worker.approve("looks right")

    def approve_unseen(self) -> None:
        """Approve the model without a report, before any contact has a score; earlier versions allowed that."""
        with self.worker() as worker, worker.store.transaction() as tx:
            row = ModelRevision(at=self.now_ms(), kind="approval", model=worker.model.hash, author="", note="in advance")
            model_revisions.append(tx, row)

    def setup(self, *, take_over: bool = False) -> None:
        with self.worker() as worker:
            worker.setup(take_over=take_over)

    def save_lists(self) -> None:
        """Save the lists of the portal in the state as `setup` does."""
        schema = CrmSchema(model=load_cached(self.folder / "model.yaml"))
        store = open_store(self.state_url)
        with store.transaction() as tx:
            for key, name in schema.list_names.items():
                found = self.portal.lists.find_by_name(name, "0-1")
                assert found is not None
                memberships.save_list(tx, key, list_id=str(found.id), name=name)
        store.close()

    def save_identity(self) -> None:
        """Save the address and the token of the portal in a state that comes from a portal with others."""
        with self.worker() as worker, worker.store.transaction() as tx:
            cached = portal_cache.load(tx)
            assert cached is not None
            portal_cache.save(tx, structs.replace(cached, identity=worker.hubspot.identity))

    def use_model(self, text: str) -> None:
        (self.folder / "model.yaml").write_text(text, encoding="utf-8")

    # Contents of the portal.

    @property
    def portal(self) -> SandboxPortal:
        return self.server.portal

    def digest(self) -> str:
        return compute_fingerprint(self.portal)

    def contact(self, number: int) -> dict[str, str]:
        return self.portal.record("contacts", number) or {}

    def value(self, number: int, name: str) -> str | None:
        return self.contact(number).get(name)

    def score(self, number: int) -> int:
        return int(self.contact(number)["lead_score"])

    def members(self, name: str) -> list[int]:
        record_list = self.portal.lists.find_by_name(name, "0-1")
        assert record_list is not None, name
        return record_list.member_ids()

    def contacts_written(self) -> set[int]:
        """Return the ids of the contacts that the worker has changed since the portal was loaded."""
        return {change.record_id for change in self.portal.recent_changes(10**6, custom_only=False) if change.source.type == "INTEGRATION"}

    # Changes by users, by HubSpot, and faults.

    def advance(self, minutes: float = 5) -> None:
        self.clock.advance(minutes * 60)

    def now_ms(self) -> int:
        return to_ms(self.clock())

    def edit_contact(self, number: int, **properties: str) -> None:
        user_actions.edit_contact(self.portal, {"id": number, "properties": properties})

    def set_hubspot_values(self, number: int, *, kind: str = "contacts", **properties: str | None) -> None:
        """Set values that HubSpot maintains and no user can write."""
        table = self.portal.tables[kind]
        row = table.records.find_live_row(number)
        assert row is not None
        table.writer.touch(row, properties, CRM_UI_SOURCE)

    def opt_out(self, number: int) -> None:
        self.set_hubspot_values(number, hs_email_optout="true")

    def add_click(self, name: object, email: str) -> None:
        user_actions.add_email_event(self.portal, make_click(name, email, self.now_ms()))

    def add_page_view(self, name: object, number: int, url: str = "https://x.com/") -> None:
        user_actions.add_event_occurrence(self.portal, make_page_view(name, number, self.now_ms(), url))

    def submit_form(self, email: str, form: str = "news") -> None:
        user_actions.add_submission(self.portal, make_submission(email, form, self.now_ms()))

    def attend_webinar(self, webinar: int, number: int, state: str = "ATTENDED") -> None:
        user_actions.save_participation(self.portal, make_participation(webinar, number, state, self.now_ms()))

    def subscribe(self, number: int, subscription: str, status: str = "SUBSCRIBED") -> None:
        user_actions.change_subscription(self.portal, {"email": f"p{number}@example.com", "subscription": subscription, "status": status})

    def inject_fault(self, endpoint: str, fault: str = "error", **options: object) -> None:
        """Inject a fault into all later requests to an endpoint; for the options, see sandbox/faults/fault_config.py."""
        rules = [{"endpoint": endpoint, "fault": fault, **options}]
        httpx.post(f"{self.server.base_url}/sandbox/faults", json={"rules": rules}).raise_for_status()

    def deny(self, endpoint: str) -> None:
        self.inject_fault(endpoint, status=403, body="json")

    def clear_faults(self) -> None:
        httpx.delete(f"{self.server.base_url}/sandbox/faults").raise_for_status()

    def create_contact(self, **properties: str) -> int:
        return int(user_actions.create_contact(self.portal, {"properties": properties})["id"])

    def merge_contacts(self, primary: int, other: int) -> int:
        return int(user_actions.merge_contacts(self.portal, {"primaryObjectId": primary, "objectIdToMerge": other})["id"])

    def archive_contact(self, number: int) -> None:
        user_actions.archive_contact(self.portal, {"id": number})


def load_cached(path: Path) -> Model:
    """Load a model file like `load`, but parse equal texts only once."""
    return parse_cached(path.read_text(encoding="utf-8"), path.name)


parse_cached = cache(loads)


@contextmanager
def start_harness(
    folder: Path,
    data: PortalData | None = None,
    *,
    model: str = MODEL,
    ready: bool = True,
    api_version: Literal["v3", "2026-09"] = "2026-09",
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> Iterator[Harness]:
    """Serve a portal, by default the small one. With `ready`, the managed properties and lists exist already."""
    clock = AdjustableClock(lambda: NOW)
    with ExitStack() as stack:
        server = stack.enter_context(run_in_thread(data or small_portal(), SandboxConfig(**{**UNLIMITED, **options}), clock=clock))
        url = stack.enter_context(temporary_state_url(folder, is_migrated=True))
        harness = Harness(server=server, clock=clock, folder=folder, state_url=url, api_version=api_version, settings=dict(settings or {}))
        harness.use_model(model)
        if ready:
            create_crm_schema(harness.portal, CrmSchema(model=parse_cached(model, "model.yaml")))
            harness.save_lists()
        yield harness


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A portal, its time and the state of its worker, from which a harness starts without the runs before."""

    portal: SandboxPortal
    clock: AdjustableClock
    state: SavedState

    @classmethod
    def take(cls, harness: Harness) -> Snapshot:
        portal, clock = _copy_portal(harness.portal, harness.clock)
        return cls(portal=portal, clock=clock, state=save_state(harness.state_url))

    @contextmanager
    def start_harness(self, folder: Path) -> Iterator[Harness]:
        portal, clock = _copy_portal(self.portal, self.clock)
        with (
            serve_in_thread(portal, SandboxConfig(**UNLIMITED)) as server,
            temporary_state_url(folder, copy_of=self.state) as url,
        ):
            harness = Harness(server=server, clock=clock, folder=folder, state_url=url)
            harness.use_model(MODEL)
            harness.save_identity()
            yield harness


def _copy_portal(portal: SandboxPortal, clock: AdjustableClock) -> tuple[SandboxPortal, AdjustableClock]:
    # The sandbox compares kinds of records and events by identity, so they are not copied.
    return deepcopy((portal, clock), {id(kind): kind for kind in (CONTACTS, COMPANIES, DEALS, TASKS, OCCURRENCE_KEY)})


@cache
def snapshot_backfill() -> Snapshot:
    """Return the small portal after a backfill; the model is not approved."""
    with TemporaryDirectory() as folder, start_harness(Path(folder)) as harness:
        harness.backfill()
        return Snapshot.take(harness)


@cache
def snapshot_operation() -> Snapshot:
    """Return the small portal in normal operation: five minutes after backfill and approval."""
    with TemporaryDirectory() as folder, snapshot_backfill().start_harness(Path(folder)) as harness:
        harness.approve()
        harness.advance()
        return Snapshot.take(harness)


def create_crm_schema(portal: SandboxPortal, outputs: CrmSchema) -> None:
    """Create the managed properties and lists as `setup` does, but directly in the portal, without HTTP requests."""
    for each in outputs.properties:
        options = tuple(PropertyOption(value=option.value, label=option.label, display_order=option.order) for option in each.options)
        portal.catalog().save(
            PropertyDefinition(
                name=each.name,
                label=each.label,
                type=each.type,
                field_type=each.field_type,
                group=each.group,
                description=each.description,
                options=options,
            )
        )
    portal.catalog().groups[outputs.group_name] = PropertyGroup(name=outputs.group_name, label=outputs.labels.group)
    for name in outputs.list_names.values():
        portal.lists.create(name, "0-1", "MANUAL", now=NOW_MS, created_by="1")
