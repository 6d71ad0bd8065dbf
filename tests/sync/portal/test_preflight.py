"""The preflight check finds missing scopes before the first write."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from sync_worker.cli.output.setup import print_findings
from sync_worker.errors import ExitCode
from tests.harness import make_page_view, small_portal, start_harness


@pytest.mark.parametrize("scope", ["crm.objects.contacts.write", "crm.schemas.contacts.write", "crm.lists.write"])
def test_a_missing_write_scope_is_found_without_a_write(tmp_path: Path, scope: str, capsys: pytest.CaptureFixture[str]) -> None:
    with start_harness(tmp_path) as harness:
        rule = {"fault": "withdraw_scope", "name": scope}
        requests.post(f"{harness.server.base_url}/sandbox/faults", json={"rules": [rule]}, timeout=10).raise_for_status()
        with harness.worker() as worker:
            report = worker.check()
        denied = [access for access in report.access if not access.granted]
        assert [scope in access.reason for access in denied] == [True]
        assert report.exit_code == ExitCode.REFUSED
    print_findings(report)
    assert capsys.readouterr().out.endswith("next      give the token what it lacks, then run `sync-worker check` again\n")


def test_a_token_with_all_scopes_may_write(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness, harness.worker() as worker:
        report = worker.check()
        assert [access.resource for access in report.access if access.resource.startswith("write")] == [
            "write contacts",
            "write contact properties",
            "write lists",
        ]
        assert report.exit_code == ExitCode.DONE


MODEL = """
name: Logins
score: {criteria: {logins: {event: "custom:login", points: 3}}, bands: [{name: all, from: 0}]}
qualification: {threshold: 3}
"""


def test_the_events_of_a_kind_that_a_run_does_not_read_are_a_warning(tmp_path: Path) -> None:
    views = [{**make_page_view(kind, 1), "eventType": kind} for kind in ("login", "pe42_login")]
    with start_harness(tmp_path, small_portal(events=views), model=MODEL) as harness, harness.worker() as worker:
        (warning,) = (text for text in worker.check().model.warnings if "several events" in text)
    assert "'custom:login'; pe42_login is not read" in warning
