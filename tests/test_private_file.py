"""Files with personal data are readable by their owner only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sync_worker.private_file import write_private_text


@pytest.mark.parametrize("mode", [None, 0o644, 0o666])
def test_a_new_and_an_existing_file_are_readable_by_their_owner_only(tmp_path: Path, mode: int | None) -> None:
    path = tmp_path / "report.html"
    if mode is not None:
        path.write_text("a longer text of an earlier report", encoding="utf-8")
        path.chmod(mode)
    write_private_text(path, "ana@example.com")
    assert path.read_text(encoding="utf-8") == "ana@example.com"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
