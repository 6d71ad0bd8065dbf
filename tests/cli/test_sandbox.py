from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sync_worker.cli.portal_folder import compare_models_on_folder, evaluate_folder
from sync_worker.cli.sandbox import serve_sandbox
from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.sandbox.base.errors import SandboxError

MODEL = Path(__file__).parents[2] / "config" / "model.yaml"
DEFAULTS = {"port": 0, "contacts": 0, "seed": 1, "path": None, "tier": None, "latency_ms": 0, "rate": None, "faults": None, "switches": ()}


def serve(**options: Any) -> None:
    serve_sandbox(**{**DEFAULTS, **options})


@pytest.mark.parametrize(
    "command",
    [
        lambda missing: serve(path=missing),
        lambda missing: serve(faults=missing),
        lambda missing: evaluate_folder(missing, at=None, model_file=MODEL),
        lambda missing: compare_models_on_folder(missing, MODEL, MODEL),
    ],
    ids=["portal", "faults", "evaluate", "compare"],
)
def test_an_error_of_the_sandbox_gets_exit_code_2_and_keeps_its_text(command: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="missing") as raised:
        command(tmp_path / "missing")
    assert raised.value.exit_code is ExitCode.USAGE
    assert isinstance(raised.value.__cause__, SandboxError)
    assert str(raised.value) == str(raised.value.__cause__)


def test_a_used_port_is_an_error_with_a_hint() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ConfigurationError, match="Choose another port"):
            serve(port=other.getsockname()[1])


SUBSCRIPTION_MODEL = """
name: Consent
score:
  criteria:
    news: {when: {subscribed_to: Newsletter}, points: 4}
    left: {when: {unsubscribed_from: Newsletter}, points: -3}
  bands: [{name: cold, from: 0}]
qualification: {threshold: 4}
"""


@pytest.mark.parametrize(("at", "scores"), [("2026-11-01", [4, 0, 0]), ("2026-10-01", [-3, 0, 0]), ("2026-08-01", [0, 0, 0])])
def test_a_portal_folder_is_evaluated_with_the_subscriptions_of_that_time(tmp_path: Path, at: str, scores: list[int]) -> None:
    def write(name: str, *rows: dict[str, Any]) -> None:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    write("portal.json", {"portalId": 1, "tier": "starter", "timeZone": "UTC", "now": "2026-11-02T00:00:00Z"})
    times = {"createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"}
    addresses = ["Ana@Example.com", "bo@example.com", None]
    write("contacts.jsonl", *({"id": str(n), "properties": {"email": address}, **times} for n, address in enumerate(addresses, start=1)))
    statuses = {"2026-10-20T00:00:00Z": "SUBSCRIBED", "2026-09-01T00:00:00Z": "UNSUBSCRIBED"}
    rows = [{"email": "ana@example.com", "subscription": "newsletter", "status": statuses[time], "timestamp": time} for time in statuses]
    write("subscriptions.jsonl", *rows)
    (tmp_path / "model.yaml").write_text(SUBSCRIPTION_MODEL, encoding="utf-8")
    found = evaluate_folder(tmp_path, at=datetime.fromisoformat(at).replace(tzinfo=UTC), model_file=tmp_path / "model.yaml")
    assert [verdict["score"] for verdict in found["verdicts"]] == scores
