"""`model diff` shows contacts by address, or by id."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from sync_worker.cli.commands import app
from tests.harness import MODEL
from tests.reliability.test_data_leaks import write_portal_folder


def test_a_comparison_has_addresses_or_ids_only(tmp_path: Path) -> None:
    write_portal_folder(tmp_path / "portal")
    for name, text in (("old", MODEL), ("new", MODEL.replace("[cto]", "[yodelling]"))):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    command = ["model", "diff", str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml"), "--portal", str(tmp_path / "portal")]
    for options, has_names in (([], True), (["--no-names"], False), (["--no-names", "--json"], False)):
        shown = CliRunner().invoke(app, [*command, *options])
        assert (shown.exit_code, "@" in shown.stdout) == (0, has_names), shown.output
        assert "3" in shown.stdout
