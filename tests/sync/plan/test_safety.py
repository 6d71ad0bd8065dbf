"""The limits of a plan: what is exactly at a limit is allowed, one more is refused with its numbers."""

from __future__ import annotations

import pytest

from sync_worker.errors import UnsafePlan
from sync_worker.settings import Settings
from sync_worker.sync.plan.safety import Guard, SafetyLimits

LIMITS = SafetyLimits(max_changed_share=0.5, max_new_mqls_share=0.1, max_new_mqls=30, min_contacts=200)
CALM = {"contacts": 200, "changed": 0, "new_mqls": 0, "unexpected_mqls": 0}


@pytest.mark.parametrize("at_limit", [{"changed": 100}, {"unexpected_mqls": 20}, {"new_mqls": 30}, {"contacts": 199, "changed": 199}])
def test_a_plan_at_a_limit_is_allowed(at_limit: dict[str, int]) -> None:
    assert Guard(limits=LIMITS).violation(**{**CALM, **at_limit}) is None


@pytest.mark.parametrize(
    ("beyond", "violation"),
    [
        ({"changed": 101}, "change 101 of 200 contacts (50.5%), and max_changed_share is 50.0%"),
        ({"unexpected_mqls": 21}, "make new MQLs of 21 of 200 contacts (10.5%), and max_new_mqls_share is 10.0%"),
        ({"new_mqls": 31, "contacts": 10}, "make 31 new MQLs, and max_new_mqls is 30"),
    ],
)
def test_one_more_is_refused_with_its_numbers(beyond: dict[str, int], violation: str) -> None:
    assert Guard(limits=LIMITS).violation(**{**CALM, **beyond}) == f"The plan would {violation}."


def test_on_the_first_run_only_new_mqls_are_limited() -> None:
    first = Guard(limits=LIMITS, is_first_run=True)
    assert first.violation(**{**CALM, "changed": 200}) is None
    assert first.violation(**{**CALM, "changed": 200, "unexpected_mqls": 21}) is not None
    assert Guard(limits=LIMITS, disabled=True).violation(**{**CALM, "changed": 200, "new_mqls": 200}) is None


@pytest.mark.parametrize(("guard", "early"), [({}, False), ({"is_first_run": True}, True), ({"disabled": True}, True)])
def test_early_writes_need_a_first_run_or_the_permission(guard: dict[str, bool], early: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    assert Guard(limits=LIMITS, **guard).allows_early_writes is early


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({}, "Nothing of it was written."),
        ({"partially_written": True}, "The other changes were written; no contact became an MQL."),
    ],
)
def test_a_refusal_says_what_was_written(written: dict[str, bool], sentence: str) -> None:
    with pytest.raises(UnsafePlan) as refused:
        Guard(limits=LIMITS).check(contacts=200, changed=101, new_mqls=0, unexpected_mqls=0, **written)
    assert refused.value.message.endswith(sentence)
    assert "--allow-large" in str(refused.value.hint)


def test_the_limits_are_by_default_those_of_the_settings() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    limits = SafetyLimits()
    assert (limits.max_changed_share, limits.max_new_mqls_share) == (defaults["max_changed_share"], defaults["max_new_mqls_share"])
    assert (limits.max_new_mqls, limits.min_contacts) == (defaults["max_new_mqls"], defaults["judged_from_contacts"])
