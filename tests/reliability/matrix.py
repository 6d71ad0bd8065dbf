"""Every fault of the sandbox on every endpoint that we call: what comes of it, as found.

`make reliability` writes the table into docs/reliability.md.
"""

from __future__ import annotations

import re
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import requests
import structlog

from sync_worker.app import Worker, build
from sync_worker.errors import ExitCode, SyncWorkerError
from sync_worker.hubspot.client import connect
from sync_worker.hubspot.clock import Clock
from sync_worker.hubspot.transport import Timeouts
from sync_worker.pipeline.progress import Progress
from sync_worker.settings import Settings
from tests.pipeline.worlds import MODEL, World, a_webinar, a_world, read, small_portal

ROOT: Final = Path(__file__).parents[2]
BEGIN, END = "<!-- as `make reliability` found it -->\n", "<!-- end -->\n"

ENDPOINTS: Final[Mapping[str, str]] = {
    "GET /account-info/*/details": "oauth",
    "GET /account-info/*/private-apps": "oauth",
    "GET /crm/properties/*/contacts": "crm.schemas.contacts.read",
    "GET /crm/properties/*/contacts/groups": "crm.schemas.contacts.read",
    "POST /crm/properties/*/contacts/groups": "crm.schemas.contacts.write",
    "POST /crm/properties/*/contacts": "crm.schemas.contacts.write",
    "PATCH /crm/properties/*/contacts/*": "crm.schemas.contacts.write",
    "GET /crm/lists/*/object-type-id/*": "crm.lists.read",
    "POST /crm/lists/2026-09": "crm.lists.write",
    "GET /crm/lists/*/memberships": "crm.lists.read",
    "PUT /crm/lists/*/memberships/add-and-remove": "crm.lists.write",
    "GET /crm/objects/*/contacts": "crm.objects.contacts.read",
    "GET /crm/objects/*/contacts/*": "crm.objects.contacts.read",
    "POST /crm/objects/*/contacts/search": "crm.objects.contacts.read",
    "POST /crm/objects/*/contacts/batch/read": "crm.objects.contacts.read",
    "POST /crm/objects/*/contacts/batch/update": "crm.objects.contacts.write",
    "GET /crm/objects/*/companies": "crm.objects.companies.read",
    "POST /crm/objects/*/companies/search": "crm.objects.companies.read",
    "GET /email/public/v1/events": "content",
    "GET /events/event-occurrences/2026-09": "",
    "GET /events/event-occurrences/*/event-types": "",
    "GET /marketing/marketing-events/2026-09": "crm.objects.marketing_events.read",
    "GET /marketing/marketing-events/*/breakdown": "crm.objects.marketing_events.read",
    "GET /marketing/*/forms": "forms",
    "GET /form-integrations/*": "forms",
}

Fault = Mapping[str, Any]
FAULTS: Final[Mapping[str, Fault]] = {
    "429 burst": {"fault": "rate_limit", "times": 2},
    "429 burst, Retry-After": {"fault": "rate_limit", "retry_after": 7, "times": 2},
    "429 secondly": {"fault": "rate_limit", "policy": "SECONDLY", "times": 2},
    "429 daily": {"fault": "rate_limit", "policy": "DAILY", "times": 1},
    "500 JSON": {"fault": "error", "status": 500, "body": "json", "times": 2},
    "502 HTML": {"fault": "error", "status": 502, "times": 2},
    "502 after the work was done": {"fault": "error", "status": 502, "when": "after", "times": 2},
    "524 HTML": {"fault": "error", "status": 524, "times": 1},
    "503 for ever": {"fault": "error", "status": 503},
    "423 locked": {"fault": "locked", "times": 2},
    "477 for 5 s": {"fault": "migrating", "retry_after": 5, "times": 1},
    "477 for a day": {"fault": "migrating", "retry_after": 86_400},
    "cut JSON": {"fault": "cut", "times": 2},
    "reset": {"fault": "reset", "times": 2},
    "reset after the work was done": {"fault": "reset", "when": "after", "times": 2},
    "hang": {"fault": "hang", "seconds": 0.6, "times": 1},
    "a body that drips": {"fault": "slow", "seconds": 2, "times": 1},
    "token revoked": {"fault": "revoke_token", "times": 1},
    "scope withdrawn": {"fault": "withdraw_scope", "times": 1},
    "property deleted": {"fault": "delete_property", "name": "lead_grade", "times": 1},
}
FOR_EVER: Final = ("token revoked", "scope withdrawn")  # the sandbox does not take them back: a portal of its own each
EXIT_CODES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("429 daily", "503 for ever", "477 for a day"), 4),
    **dict.fromkeys(("token revoked", "scope withdrawn", "property deleted"), 3),
}
WRITES: Final = "POST /crm/objects/*/contacts/batch/update"
WEBINAR: Final = 501
STRICT: Final = MODEL.replace("threshold: 20", "threshold: 20\n  foreign_members: remove").replace(
    "    forms:", "    webinars: {event: webinar, each: 1, at_most: 1}\n    forms:"
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one fault on one endpoint."""

    fault: str
    endpoint: str
    exit_code: int
    said: str
    retries: int
    struck: int

    @property
    def outcome(self) -> str:
        if self.exit_code == ExitCode.DONE:
            return "retried and done" if self.retries else "done"
        # Numbers of calls and of rows differ from run to run.
        said = re.sub(r" \(correlation id [\w-]+\)|[\[\]]", "", self.said)
        said = re.sub(r"http://[\d.:]+", "HubSpot", re.sub(r"\d{4}-\d\d-\d\d at \d\d:\d\d UTC", "<day> at <time> UTC", said))
        return f"listed: {said}" if self.exit_code == ExitCode.SOME_REJECTED else f"stopped: {said}"


class Quick(Clock):
    """Waits take no time and are believed, by whoever waited: to the others, who wait for an answer meanwhile, no time has passed."""

    def __init__(self) -> None:
        super().__init__()
        self._mine = threading.local()

    @property
    def _ahead(self) -> float:
        return getattr(self._mine, "ahead", 0.0)

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        self.check()
        self._mine.ahead = self._ahead + seconds

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        super().wait(condition, None if seconds is None else min(seconds, 0.001))
        self._mine.ahead = self._ahead + (seconds or 0.0)


class Departure(Progress):
    """Archives a contact after the plan and before the write."""

    def __init__(self, world: World, contact: int) -> None:
        self.world, self.contact, self.gone = world, contact, False

    def advance(self, what: str, number: int) -> None:
        del number
        if what == "evaluated" and not self.gone:
            self.gone = True
            self.world.archive(self.contact)


@contextmanager
def impatient(world: World, progress: Progress | None = None) -> Iterator[Worker]:
    settings = Settings(
        access_token=world.served.token,
        base_url=world.served.base_url,
        state_url=world.state_url,
        model=world.folder / "model.yaml",
        requests_in_flight=2,
    )
    reach = partial(connect, clock=Quick(), timeouts=Timeouts(connect=2.0, read=0.4, total=1.0))
    with build(settings, clock=world.clock, progress=progress, reach=reach, read=read) as worker:
        yield worker


class Bench:
    """A portal in which something happens before every row, and a worker that goes through all it can do."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0

    def row(self, fault: str, endpoint: str) -> Row:
        """Let a fault strike one round, then go one calm round; return what came of the first."""
        leaving = self._commotion()
        scope = {"name": ENDPOINTS[endpoint]} if fault == "scope withdrawn" else {}
        self._faults({"rules": [{**FAULTS[fault], **scope, "endpoint": endpoint}]})
        code, said, retries = self._round(Departure(self.world, leaving))
        struck = self._struck()
        self._faults({"rules": []})
        if fault not in FOR_EVER:
            calm, why, _ = self._round(None)
            assert calm == ExitCode.DONE, (fault, endpoint, why)
        return Row(fault=fault, endpoint=endpoint, exit_code=code, said=said, retries=retries, struck=struck)

    def nothing_is_lost(self) -> bool:
        """Tell whether somebody who knows nothing of what was before would change nothing."""
        shutil.copy(self.world.folder / "template.db", self.world.folder / "fresh.db")
        fresh = replace(self.world, state_url=f"sqlite:///{self.world.folder / 'fresh.db'}")
        fresh.setup()
        plan = fresh.backfill(dry_run=True).plan
        return (plan.contacts, plan.lists) == (0, {})

    def _commotion(self) -> int:
        world, portal = self.world, self.world.portal
        world.later()
        self.count += 1
        leaving = world.create(email=f"leaving-{self.count}@example.com")
        world.sync()
        world.later(25 * 60)  # some things are asked once a day
        catalog = portal.contacts.catalog
        catalog.put(replace(catalog.definitions["lead_score"], label=f"Bent {self.count}"))
        catalog.archive("lead_score_trend", now=portal.now_ms())
        catalog.groups.pop("lead_scoring")
        cold = portal.lists.named("Leads · cold", "0-1")
        assert cold is not None
        cold.deleted_at = portal.now_ms()
        for who in (f"leaving-{self.count}@example.com", "p3@example.com"):
            world.submit(who)
        world.click(self.count, "p3@example.com")
        world.take_part(WEBINAR, leaving)
        world.edit(3, lead_score=str(self.count), lifecyclestage="lead", jobtitle="CTO" if self.count % 2 else "")
        world.submit(self._newcomer(), "demo")  # a lifecycle stage is looked at again and moved
        return leaving

    def _newcomer(self) -> str:
        address = f"newcomer-{self.count}@example.com"
        self.world.create(email=address, lifecyclestage="lead")
        return address

    def _round(self, progress: Progress | None) -> tuple[int, str, int]:
        with impatient(self.world, progress) as worker:
            try:
                found = worker.check()
                if found.exit_code:
                    refused = "; ".join(f"{access.what}: {access.why}" for access in found.access if not access.granted)
                    return int(found.exit_code), f"check: {refused}", worker.hubspot.traffic.snapshot().retries
                worker.setup()
                report = worker.backfill()
            except SyncWorkerError as error:
                return int(error.exit_code), str(error), worker.hubspot.traffic.snapshot().retries
            return int(report.exit_code), str(report.rejected), worker.hubspot.traffic.snapshot().retries

    def _faults(self, plan: Mapping[str, Any]) -> None:
        requests.post(f"{self.world.served.base_url}/sandbox/faults", json=plan, timeout=10).raise_for_status()

    def _struck(self) -> int:
        rules = requests.get(f"{self.world.served.base_url}/sandbox/faults", timeout=10).json()["rules"]
        return sum(int(rule["struck"]) for rule in rules)


@contextmanager
def a_bench(folder: Path) -> Iterator[Bench]:
    folder.mkdir(exist_ok=True)
    # One page of companies would be all that is asked for of them.
    many = [{"id": str(number), "properties": {"name": f"Company {number}"}} for number in range(1_000, 1_101)]
    portal = small_portal(marketing_events=[a_webinar(WEBINAR)])
    portal = replace(portal, companies=[*portal.companies, *many])
    with a_world(folder, portal, model=STRICT, ready=False) as world:
        world.setup()
        world.approve()
        shutil.copy(folder / "state.db", folder / "template.db")
        world.backfill()
        yield Bench(world)


def cells() -> list[tuple[str, str]]:
    """Return every fault with every endpoint that it can strike."""
    return [
        (fault, endpoint)
        for fault in FAULTS
        for endpoint, scope in ENDPOINTS.items()
        if not (fault == "property deleted" and endpoint != WRITES) and not (fault == "scope withdrawn" and scope in {"", "oauth"})
    ]


def write(rows: list[Row]) -> None:
    """Put the table into the document, one line for each fault and outcome."""
    path = ROOT / "docs" / "reliability.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    lines = ["| fault | endpoint | exit | retries | outcome |", "| --- | --- | ---: | ---: | --- |"]
    lines += [f"| {row.fault} | `{row.endpoint}` | {row.exit_code} | {row.retries} | {row.outcome} |" for row in rows]
    path.write_text(f"{before}{BEGIN}{chr(10).join(lines)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def main() -> None:
    """Go through the whole matrix."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        for fault in FAULTS:
            chosen = [endpoint for each, endpoint in cells() if each == fault]
            for place, endpoints in enumerate([[one] for one in chosen] if fault in FOR_EVER else [chosen]):
                with a_bench(Path(folder) / f"{fault} {place}") as bench:
                    rows += [bench.row(fault, endpoint) for endpoint in endpoints]
                    lost = fault not in FOR_EVER and not bench.nothing_is_lost()
                if lost:
                    sys.exit(f"{fault}: something was lost")
            print(f"{fault}: {len(chosen)} endpoints", file=sys.stderr)
    write(rows)


if __name__ == "__main__":
    main()
