"""What goes wrong on purpose: a list of rules, reproducible by seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, get_args

FaultKind = Literal[
    "rate_limit",  # 429 by `policy`
    "error",  # `status` 5xx; `when` before or after the request did its work; `body` html or json
    "locked",  # 423
    "migrating",  # 477 with Retry-After
    "cut",  # half of the JSON, under a good status
    "reset",  # the connection is reset instead of a reply
    "hang",  # nothing for `seconds`, then the connection ends
    "slow",  # the reply, spread over `seconds`
    "revoke_token",  # every token stops working, from this call on
    "withdraw_scope",  # the scope `name` is taken away, from this call on
    "delete_property",  # an administrator archives the contact property `name` just before this call
]
FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)
FaultTiming = Literal["before", "after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    kind: FaultKind
    when: FaultTiming = "before"
    status: int = 502
    body: Literal["html", "json"] = "html"
    policy: Literal["TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY"] = "TEN_SECONDLY_ROLLING"
    seconds: float = 30
    retry_after: int | None = None  # seconds, as a header
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """When a fault strikes.

    `endpoint` is a pattern for `METHOD path`, in which `*` stands for anything. Of the calls that fit, counted from 1, those in
    `nth` are struck, every `every`th one, and each with the chance `share`; without any of these, all. At most `times` in all.
    """

    fault: Fault
    endpoint: str = "*"
    nth: tuple[int, ...] = ()
    every: int | None = None
    share: float | None = None
    times: int | None = None


class FaultPlan:
    """Rules and how often they have struck."""

    def __init__(self, rules: Sequence[FaultRule] = (), *, seed: int = 0) -> None:
        self.rules = tuple(rules)
        self._random = Random(seed)  # noqa: S311 -- whatever it decides is no secret
        self._match_counts = [0] * len(self.rules)
        self._hit_counts = [0] * len(self.rules)

    def next_fault(self, method: str, path: str) -> Fault | None:
        """Count a call, and return what is to go wrong with it: the fault of the first rule that strikes."""
        call = f"{method} {path}"
        struck: Fault | None = None
        for at, rule in enumerate(self.rules):
            if not fnmatchcase(call, rule.endpoint):
                continue
            self._match_counts[at] += 1
            if self._should_trigger(at, rule) and struck is None:
                self._hit_counts[at] += 1
                struck = rule.fault
        return struck

    @property
    def hit_counts(self) -> list[int]:
        """How often each rule has struck."""
        return list(self._hit_counts)

    def _should_trigger(self, rule_index: int, rule: FaultRule) -> bool:
        # The die is thrown for every call that fits, so that one rule does not change what another one meets.
        by_chance = rule.share is not None and self._random.random() < rule.share
        if rule.times is not None and self._hit_counts[rule_index] >= rule.times:
            return False
        always = not rule.nth and rule.every is None and rule.share is None
        counted = self._match_counts[rule_index] in rule.nth or (
            rule.every is not None and self._match_counts[rule_index] % rule.every == 0
        )
        return always or counted or by_chance
