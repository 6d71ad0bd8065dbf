"""Drafts of workflows: one for each list, switched off, created once, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sync_worker.errors import ExitCode
from sync_worker.sandbox.automation.workflows import StoredWorkflow
from sync_worker.sync.portal.draft_workflows import DraftPlan
from tests.harness import MODEL, Harness, start_harness

DRAFTS = ["Lead scoring: Leads · cold", "Lead scoring: Leads · warm", "Lead scoring: MQL · direct", "Lead scoring: MQL · by score"]


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """A portal without our objects."""
    with start_harness(tmp_path, ready=False) as harness:
        yield harness


def draft(harness: Harness, *, dry_run: bool = False, feedback: bool | None = None) -> DraftPlan:
    with harness.worker() as worker:
        drafts = worker.setup(draft_workflows=True, dry_run=dry_run, feedback=feedback).drafts
        assert drafts is not None
        return drafts


def workflows(harness: Harness) -> dict[str, StoredWorkflow]:
    return {workflow.name: workflow for workflow in harness.portal.workflows}


def test_setup_creates_no_workflow_unless_it_is_asked_to(harness: Harness) -> None:
    harness.setup()
    assert workflows(harness) == {}


def test_each_list_except_that_of_the_highest_band_gets_a_workflow_that_is_off(harness: Harness) -> None:
    planned = draft(harness, dry_run=True)
    assert ([each.name for each in planned.new], workflows(harness)) == (DRAFTS, {})
    draft(harness)
    assert [*workflows(harness)] == DRAFTS
    assert {workflow.is_enabled for workflow in workflows(harness).values()} == {False}
    for name, workflow in workflows(harness).items():
        ((members,),) = [branch["filters"] for branch in workflow.body["enrollmentCriteria"]["listFilterBranch"]["filterBranches"]]
        found = harness.portal.lists.get(int(members["listId"]))
        assert found is not None
        assert name == f"Lead scoring: {found.name}"


def test_a_newsletter_is_for_contacts_that_opted_in(harness: Harness) -> None:
    nurture = draft(harness).new[0]
    assert nurture.list_name == "Leads · cold"
    (branch,) = [step for step in nurture.steps if "newsletter" in step and "If/then" in step]
    assert "did not opt in end here" in branch
    assert nurture.steps.index(branch) < min(at for at, step in enumerate(nurture.steps) if step.startswith("Send"))


def test_a_second_setup_creates_nothing_also_after_changes_by_users(harness: Harness) -> None:
    draft(harness)
    edited = workflows(harness)[DRAFTS[2]]
    edited.replace({**edited.body, "name": "Call now", "isEnabled": True}, now=1)
    before = harness.digest()
    again = draft(harness)
    assert ([each.name for each in again.existing], [*again.new]) == (DRAFTS, [])
    assert harness.digest() == before


def test_another_language_or_another_state_finds_the_drafts_by_name(harness: Harness, tmp_path: Path) -> None:
    draft(harness)
    harness.use_model(MODEL.replace("name: Small", "name: Small\nlanguage: de"))
    assert not draft(harness).new
    (tmp_path / "other").mkdir()
    harness.state_url = f"sqlite:///{tmp_path / 'other' / 'state.db'}"
    with harness.worker() as worker:
        plan = worker.setup(draft_workflows=True, take_over=True)
    assert plan.drafts is not None
    assert not plan.drafts.new
    assert len(harness.portal.workflows) == len(DRAFTS)


def test_a_deleted_draft_is_created_again(harness: Harness) -> None:
    draft(harness)
    harness.portal.workflows.delete(workflows(harness)[DRAFTS[0]].id)
    assert [each.name for each in draft(harness).new] == DRAFTS[:1]


def test_sales_is_asked_for_feedback_only_if_its_properties_exist(harness: Harness) -> None:
    (question,) = [each for each in draft(harness, feedback=True).new if each.name == "Lead scoring: MQL"]
    assert any("“Lead feedback”" in step for step in question.steps)


@pytest.mark.parametrize("rule", [{"fault": "withdraw_scope", "name": "automation"}, {"fault": "answer", "status": 404}])
def test_without_access_the_rest_of_the_setup_is_done_and_the_steps_are_shown(harness: Harness, rule: dict[str, object]) -> None:
    answer = {"body": {"status": "error", "message": "resource not found"}} if rule["fault"] == "answer" else {}
    add_fault(harness, {**rule, **answer, "endpoint": "*/automation/*"})
    with harness.worker() as worker:
        plan = worker.setup(draft_workflows=True)
    assert plan.drafts is not None
    assert [each.name for each in plan.drafts.refused] == DRAFTS
    assert "automation" in plan.drafts.refusal or "does not know" in plan.drafts.refusal
    assert plan.exit_code == ExitCode.REFUSED
    assert {each.name for each in harness.portal.lists} >= {"MQL", "Leads · cold"}


def test_a_plan_without_workflows_is_named(harness: Harness) -> None:
    add_fault(harness, {"fault": "withdraw_scope", "name": "automation"})
    assert "Professional" in draft(harness, dry_run=True).refusal


def test_drafts_that_were_created_before_a_refusal_are_kept(harness: Harness) -> None:
    add_fault(
        harness,
        {"fault": "answer", "status": 400, "body": {"status": "error", "message": "limit reached"}, "endpoint": "POST */flows", "nth": 3},
    )
    drafts = draft(harness)
    assert ([each.name for each in drafts.new], [each.name for each in drafts.refused]) == (DRAFTS[:2], DRAFTS[2:])
    assert "limit reached" in drafts.refusal
    assert [each.name for each in draft(harness).new] == DRAFTS[2:]


def test_check_names_the_scope_only_if_it_is_asked_to(harness: Harness) -> None:
    add_fault(harness, {"fault": "withdraw_scope", "name": "automation"})
    with harness.worker() as worker:
        assert worker.check().workflows is None
        asked = worker.check(draft_workflows=True)
    assert asked.workflows is not None
    assert (asked.workflows.granted, "automation" in asked.workflows.reason) == (False, True)
    assert asked.exit_code == ExitCode.DONE


def add_fault(harness: Harness, rule: dict[str, object]) -> None:
    requests.post(f"{harness.server.base_url}/sandbox/faults", json={"rules": [rule]}, timeout=10).raise_for_status()
