from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_contract_of_the_sandbox_names_every_other_module() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (contract,) = [each for each in config["tool"]["importlinter"]["contracts"] if each["name"].startswith("the sandbox imports nothing")]
    modules = [path for path in (ROOT / "sync_worker").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    others = {f"sync_worker.{path.stem}" for path in modules} - {"sync_worker.__init__", *contract["source_modules"]}
    assert set(contract["forbidden_modules"]) == others
