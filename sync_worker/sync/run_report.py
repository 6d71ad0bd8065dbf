"""Reports of a run and of `forget`, for the command line, the log and the state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from sync_worker.errors import ExitCode
from sync_worker.hubspot.rest.metrics import RequestCounts
from sync_worker.store.writes.hand_offs import NO_HAND_OFFS, HandOffCounts
from sync_worker.store.writes.held_back import NOTHING_HELD_BACK, HeldBack
from sync_worker.sync.apply.apply import Outcome
from sync_worker.sync.evaluate.parse_warnings import UnreadableProperty
from sync_worker.sync.plan.contact_names import ContactName
from sync_worker.sync.plan.named_mqls import NamedMql, add_names, hide_names
from sync_worker.sync.plan.plan_summary import PlanSummary
from sync_worker.sync.step_timer import StepTimer

MQL_LIST: Final = "MQL"  # the name of the list, in every language
MAX_REJECTED: Final = 1_000  # contacts that the JSON lists; `held_back` counts all


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureReport:
    """What `forget` deleted from the state."""

    contact_ids: Sequence[int]
    events: int

    @property
    def exit_code(self) -> ExitCode:
        """Return SOME_REJECTED if the state contains no data of the contact."""
        return ExitCode.DONE if self.contact_ids or self.events else ExitCode.SOME_REJECTED

    def as_json(self) -> dict[str, Any]:
        """Return the report for `--json`."""
        return {"contacts": [str(id_) for id_ in self.contact_ids], "events": self.events, "exit_code": int(self.exit_code)}


@dataclass(slots=True, kw_only=True)
class RunReport:
    """Counts of one run. `seconds` is the duration; `requests` is by endpoint, such as `GET /crm/objects/...`."""

    run_id: str
    command: str
    dry_run: bool
    model: str
    pulled: Counter[str] = field(default_factory=Counter)
    evaluated: int = 0
    plan: PlanSummary = field(default_factory=PlanSummary)
    written: int = 0
    stages: int = 0
    lists: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rejected: Sequence[tuple[int, str]] = ()
    held_back: HeldBack = NOTHING_HELD_BACK  # what HubSpot has rejected, in this run or before, and does not show yet
    not_visible: Sequence[str] = ()  # criteria with data that the portal's plan hides
    left_out: list[str] = field(default_factory=list)  # forms, webinars, lists and rows of replies that could not be read
    unreadable: Sequence[UnreadableProperty] = ()  # values that could not be parsed, by property; they count as unknown
    approved: bool = False
    notes: list[str] = field(default_factory=list)  # messages for the operator
    unsafe: str | None = None  # of a dry run: why the real run would be refused
    withheld: dict[str, int] = field(default_factory=dict)  # changes that wait for the approval: list members by list, and stages
    hand_offs: HandOffCounts = NO_HAND_OFFS  # messages to sales about new MQLs; `sent` in this run
    new_mqls: Sequence[NamedMql] = ()  # contacts that join the list of MQLs; never logged or saved
    waiting: int = 0  # qualified contacts above the daily limit of new MQLs (`new_per_day`)
    requests: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0
    rate_limited: int = 0
    seconds: float = 0.0
    steps: StepTimer = field(default_factory=StepTimer)
    has_backlog: bool = False  # changed contacts are left to the next run
    freshness: Sequence[float] = ()  # seconds from a form to the MQL that it caused, for each one of this run
    cursor_before: Mapping[str, str] = field(default_factory=dict)
    cursor_after: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code of the process."""
        if self.unsafe:
            return ExitCode.UNSAFE
        held_back = self.rejected or self.held_back.contacts or self.hand_offs.reason
        return ExitCode.SOME_REJECTED if held_back else ExitCode.DONE

    def count_new_mqls(self) -> int:
        """Return how many contacts became MQLs: they joined the list of MQLs, or before the approval got a reason to be an MQL."""
        if not self.approved:
            return self.plan.new_mqls
        return self.plan.lists.get(MQL_LIST, {}).get("add", 0) if self.dry_run else self.lists.get(MQL_LIST, {}).get("added", 0)

    def add_metrics(self, metrics: RequestCounts) -> None:
        """Set the counts of requests and of rows that were left out."""
        self.requests, self.retries, self.rate_limited = metrics.requests, metrics.retries, metrics.rate_limited
        self.left_out += [
            f"{number:,} {'row' if number == 1 else 'rows'} ({operation}: {reason})"
            for (operation, reason), number in metrics.unreadable.items()
        ]

    def add_outcome(self, outcome: Outcome) -> None:
        """Set the results of the changes."""
        self.written, self.stages, self.lists, self.rejected = outcome.written, outcome.stages, outcome.lists, outcome.rejected

    @property
    def listed_ids(self) -> Sequence[int]:
        """Return the new MQLs, then the sample of the plan."""
        return list(dict.fromkeys([*(mql.contact_id for mql in self.new_mqls), *(change.id for change in self.plan.samples)]))

    def with_names(self, names: Mapping[int, ContactName]) -> Self:
        """Set the names of the listed contacts, and return the report."""
        self.new_mqls, self.plan.names = add_names(self.new_mqls, names), {**self.plan.names, **names}
        return self

    def hide_names(self) -> None:
        """Remove the names and addresses of contacts, and texts of users; the ids stay."""
        self.new_mqls = hide_names(self.new_mqls)
        self.plan.hide_names()

    def as_json(self) -> dict[str, Any]:
        """Return the report for `--json`."""
        return {**self.anonymous_json(), "plan": self.plan.as_json(names=True), "mql_contacts": [mql.as_json() for mql in self.new_mqls]}

    def anonymous_json(self) -> dict[str, Any]:
        """Return the report without names and addresses, for the state and the canonical log line."""
        return {
            "run": self.run_id,
            "command": self.command,
            "dry_run": self.dry_run,
            "model": self.model,
            "pulled": self.pulled["contacts"],
            "pulled_by_kind": dict(self.pulled),
            "evaluated": self.evaluated,
            "changed": self.plan.contacts,
            "written": self.written,
            "unchanged": max(0, self.evaluated - self.plan.contacts),
            "stages": self.stages,
            "lists": {name: dict(counts) for name, counts in self.lists.items()},
            "rejected": [{"id": str(id_), "reason": reason} for id_, reason in self.rejected[:MAX_REJECTED]],
            "held_back": self.held_back.as_json(),
            "plan": self.plan.as_json(),
            "approved": self.approved,
            "unsafe": self.unsafe,
            "notes": list(self.notes),
            "withheld": dict(self.withheld),
            "waiting": self.waiting,
            "hand_offs": self.hand_offs._asdict(),
            "not_visible": [*self.not_visible, *self.left_out],
            "unreadable": [each.as_json() for each in self.unreadable],
            "requests": dict(self.requests),
            "requests_in_all": sum(self.requests.values()),
            "retries": self.retries,
            "rate_limited": self.rate_limited,
            "seconds": round(self.seconds, 3),
            "seconds_by_step": {step: round(seconds, 3) for step, seconds in self.steps.seconds.items()},
            "freshness": [round(seconds, 1) for seconds in self.freshness],
            "cursor": {"before": dict(self.cursor_before), "after": dict(self.cursor_after)},
            "exit_code": int(self.exit_code),
        }
