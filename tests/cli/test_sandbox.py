from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sync_worker.cli.sandbox import compare_models_on_folder, evaluate_folder, serve_sandbox
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
