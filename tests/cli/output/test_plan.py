"""The command `plan` and the output of dry runs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from sync_worker.cli.output.plan import format_markdown, summarize_plan
from sync_worker.sync.plan.contact_names import ContactName
from sync_worker.sync.plan.plan import Consequence, ContactChange
from sync_worker.sync.plan.plan_summary import PlanSummary
from tests.harness import Harness, start_harness
from tests.system.subprocesses import CommandResult, Workspace


def run(harness: Harness, *arguments: str) -> CommandResult:
    environment = {
        "HUBSPOT_BASE_URL": harness.server.base_url,
        "HUBSPOT_ACCESS_TOKEN": harness.server.token,
        "SYNC_WORKER_STATE_URL": harness.state_url,
        "SYNC_WORKER_MODEL": str(harness.folder / "model.yaml"),
    }
    return Workspace(folder=harness.folder, environment=environment).run(*arguments)


def make_plan() -> PlanSummary:
    plan = PlanSummary(names={7: ContactName(email="ann@acme.example", company="A <b>|c")}, lists={"MQL": {"add": 1, "remove": 0}})
    plan.add_contact_change(ContactChange(id=9, properties={"lead_score": ("3", "4")}, desired="{}", consequence=Consequence.SCORE))
    plan.add_contact_change(
        ContactChange(id=7, properties={"lead_mql_reason": ("", "a|b")}, desired="{}", new_mql=True, consequence=Consequence.NEW_MQL)
    )
    plan.add_contact_change(
        ContactChange(id=1, properties={"lead_score_model": ("x", "y")}, desired="{}", consequence=Consequence.MODEL_NAME)
    )
    return plan


def test_the_summary_names_the_gravest_changes_first() -> None:
    assert summarize_plan(make_plan()) == "1 new MQL, 1 score, 1 contact with another model name only, 1 list member"
    assert summarize_plan(PlanSummary()) == "no changes"


def test_the_markdown_table_escapes_values() -> None:
    lines = format_markdown(make_plan()).splitlines()
    assert lines[0] == "**Plan:** 1 new MQL, 1 score, 1 contact with another model name only, 1 list member"
    assert "| new MQL | A ‹b›\\|c, ann@acme.example (7) | lead_mql_reason: (empty) → a\\|b |" in lines
    assert lines[-1] == "- list MQL: 1 to add, 0 to remove"


@pytest.mark.parametrize("name", ["@octocat", "https://evil.example/x", "www.evil.example", "[x](http://evil.example)", "#12"])
def test_a_name_in_markdown_notifies_no_user_and_is_no_link(name: str) -> None:
    plan = replace(make_plan(), names={7: ContactName(firstname=name, email="ann@acme.example")})
    text = format_markdown(plan)
    assert not re.search(r"(?<!\w)@\w|://|\w\.example|\]\(|#\d", text.replace("ann@acme.example", ""))
    assert "ann@acme.example" in text


def test_plan_shows_names_writes_nothing_and_ends_with_its_summary(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        before = harness.digest()
        result = run(harness, "plan", "--exit-code")
        assert result.code == 6
        assert "p1@example.com (1)" in result.out
        assert result.out.splitlines()[-1].startswith("  plan      ")
        hidden = run(harness, "plan", "--no-names", "--json")
        assert "@" not in hidden.out
        assert hidden.json["plan"]["contacts"] == 6
        assert harness.digest() == before


def test_plan_without_changes_exits_with_0(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.backfill()
        harness.advance()
        result = run(harness, "plan", "--exit-code")
        assert (result.code, result.out.splitlines()[-1]) == (0, "  plan      no changes")
