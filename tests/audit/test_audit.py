"""The dependency audit never passes without a look at every package."""

from __future__ import annotations

import json

from tests.audit.audit import find_problems


def test_a_vulnerable_package_is_named_with_its_fix() -> None:
    vulnerability = {"id": "GHSA-1", "fix_versions": ["2.1"], "description": "..."}
    packages = [{"name": "requests", "version": "2.0", "vulns": [vulnerability]}, {"name": "rich", "version": "1", "vulns": []}]
    assert list(find_problems(json.dumps({"dependencies": packages, "fixes": []}))) == ["requests 2.0: GHSA-1, fixed in: 2.1"]


def test_a_package_without_an_answer_is_not_audited() -> None:
    packages = [{"name": "rich", "skip_reason": "Dependency not found"}, {"name": "typer", "version": "1", "vulns": []}]
    (problem,) = find_problems(json.dumps({"dependencies": packages, "fixes": []}))
    assert problem == "offline or unknown: 1 of 2 packages could not be looked up and were not audited"


def test_no_answer_at_all_is_no_audit() -> None:
    assert [problem.startswith("offline") for problem in find_problems("")] == [True]


def test_an_audit_of_all_packages_without_a_finding_passes() -> None:
    assert list(find_problems(json.dumps({"dependencies": [{"name": "rich", "version": "1", "vulns": []}], "fixes": []}))) == []
