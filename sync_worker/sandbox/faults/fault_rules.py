"""Rules for injected faults, reproducible by seed; `server/fault_injection.py` executes the faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, get_args

FaultKind = Literal[
    "rate_limit",  # 429 by `policy`
    "error",  # `status` 5xx; `when`: before or after the call is executed; `body`: html or json
    "locked",  # 423
    "migrating",  # 477 with Retry-After
    "cut",  # half of the JSON with a success status
    "reset",  # the connection is reset instead of a response
    "hang",  # no response for `seconds`, then the connection closes
    "slow",  # the response arrives in pieces over `seconds`
    "revoke_token",  # all tokens are invalid from this call on
    "withdraw_scope",  # the scope `name` is removed from this call on
    "delete_property",  # the contact property `name` is archived just before this call
    "answer",  # `status`, `headers` and `body` instead of the real response; `when`: before or after the call is executed
    "edit",  # the response (or the request, by `part`) with another `value` at the JSON path `path`, or without it (`remove`)
    "partial",  # 207: the first input of a batch is not executed and named as an error of the category `name`
    "stale",  # the previous response to the same request; the call is not executed
]
FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)
FaultTiming = Literal["before", "after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault."""

    kind: FaultKind
    when: FaultTiming = "before"
    status: int | None = None  # default: 502 for an error, 200 for an answer, the real status for an edit
    body: object = None  # error: html (the default) or json; answer: text or any JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    part: Literal["request", "response"] = "response"
    path: str = ""  # a JSON path, such as results[0].properties.email
    value: object = None
    remove: bool = False
    policy: Literal["TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY"] = "TEN_SECONDLY_ROLLING"
    seconds: float = 30
    retry_after: int | None = None  # seconds, as a header
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """The calls that get a fault.

    `endpoint` is a pattern for `METHOD path`; `*` matches anything. Matching calls are counted from 1. A call gets the fault if
    its number is in `nth` or a multiple of `every`, or with the probability `share`; without these three, every matching call
    does. `times` limits the number of faults. With `contains`, only calls with this text in their query or body match.
    """

    fault: Fault
    endpoint: str = "*"
    contains: str = ""
    nth: tuple[int, ...] = ()
    every: int | None = None
    share: float | None = None
    times: int | None = None

    def matches(self, method: str, path: str, content: str) -> bool:
        """Return whether a call is counted by this rule."""
        return fnmatchcase(f"{method} {path}", self.endpoint) and self.contains in content


class FaultPlan:
    """Fault rules with the number of hits of each."""

    def __init__(self, rules: Sequence[FaultRule] = (), *, seed: int = 0) -> None:
        self.rules = tuple(rules)
        self._random = Random(seed)  # noqa: S311 -- not used for secrets
        self._match_counts = [0] * len(self.rules)
        self._hit_counts = [0] * len(self.rules)

    def next_fault(self, method: str, path: str, content: str = "") -> Fault | None:
        """Count a call and return the fault of the first rule that applies; None if no rule does.

        `content` is the query and the body of the call.
        """
        fault: Fault | None = None
        for index, rule in enumerate(self.rules):
            if not rule.matches(method, path, content):
                continue
            self._match_counts[index] += 1
            if self._should_trigger(index, rule) and fault is None:
                self._hit_counts[index] += 1
                fault = rule.fault
        return fault

    def has_kind(self, kind: FaultKind) -> bool:
        """Return whether a rule has this kind of fault."""
        return any(rule.fault.kind == kind for rule in self.rules)

    @property
    def hit_counts(self) -> list[int]:
        """The number of hits of each rule."""
        return list(self._hit_counts)

    def _should_trigger(self, rule_index: int, rule: FaultRule) -> bool:
        # Draw a random number for every matching call, so that one rule does not change the draws of another.
        by_chance = rule.share is not None and self._random.random() < rule.share
        if rule.times is not None and self._hit_counts[rule_index] >= rule.times:
            return False
        always = not rule.nth and rule.every is None and rule.share is None
        by_number = self._match_counts[rule_index] in rule.nth or (
            rule.every is not None and self._match_counts[rule_index] % rule.every == 0
        )
        return always or by_number or by_chance
