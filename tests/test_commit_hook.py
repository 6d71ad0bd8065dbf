"""The commit-msg hook: which messages it accepts, and why it refuses the others."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOOK = ROOT / ".githooks/commit-msg"


def run_hook(folder: Path, message: str) -> tuple[int, str]:
    file = folder / "COMMIT_EDITMSG"
    file.write_text(message, encoding="utf-8")
    done = subprocess.run(["/bin/sh", str(HOOK), str(file)], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "message",
    [
        "Retry records that HubSpot rejected for a passing reason\n",
        "Add a hook\n\nThe reason is in the body.\nIt may have several lines.\n",
        "x" * 72,
        "Rename “e-mail” to “email” in " + "é" * 42,  # 72 characters, more bytes
        "Feed the reader in batches",
        "Ping the database before a run",
        "Embed the schema",
        "Merge branch 'main' of a repository with a name that is long enough to exceed the limit",
        'Revert "Add a hook with a subject that is as long as a subject may be, word for word"\n',
        "fixup! Added a hook",
        "Add a hook\n\n# a comment of Git\n",
        "# a comment first\nAdd a hook\n# a comment in between\n\nThe reason.\n",
        "Add a hook\n\n# ------------------------ >8 ------------------------\ndiff --git a/file b/file\n",
    ],
)
def test_a_good_message_is_accepted(tmp_path: Path, message: str) -> None:
    assert run_hook(tmp_path, message) == (0, "")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("x" * 73, "73 characters"),
        ("é" * 73, "73 characters"),
        ("", "empty"),
        ("\nThe subject is missing\n", "empty"),
        ("   \n", "empty"),
        ("# only a comment\n", "empty"),
        ("Add a hook\nand the reason at once\n", "second line"),
        ("Added a hook", "imperative"),
        ("Adding a hook", "imperative"),
        ("adding a hook", "imperative"),
        ("Fixed", "imperative"),
        ("Add a hook.", "period"),
    ],
)
def test_a_bad_message_is_refused_with_its_reason(tmp_path: Path, message: str, reason: str) -> None:
    code, error = run_hook(tmp_path, message)
    assert code == 1
    assert error.startswith("commit-msg: ")
    assert reason in error


def test_git_can_execute_the_hook() -> None:
    assert os.access(HOOK, os.X_OK)
    assert "core.hooksPath .githooks" in (ROOT / "Makefile").read_text(encoding="utf-8")
