"""docs/sandbox.md matches the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.faults.fault_rules import FAULT_KINDS
from sync_worker.sandbox.folder.validators import ROW_VALIDATORS
from sync_worker.sandbox.server import admin
from sync_worker.sandbox.server.middleware import ApiGateway
from tests.sandbox.portal_factories import make_portal, start_portal

THIS_FILE = Path(__file__)
DOCS = THIS_FILE.parents[2] / "docs"
PAGE = (DOCS / "sandbox.md").read_text("utf-8")


def read_table(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without the header row."""
    lines = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def test_every_test_in_the_table_exists() -> None:
    source = "".join(path.read_text("utf-8") for path in THIS_FILE.parent.rglob("test_*.py") if path != THIS_FILE)
    existing = set(re.findall(r"def (test_\w+)", source))
    rows = read_table("Behavior and sources")
    assert [row[0] for row in rows if row[0]] == [f"**{point}**" for point in range(1, 16)]
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row[3])
        assert named, row
        assert set(named) <= existing, row


def test_every_switch_is_documented_with_its_default() -> None:
    defaults = {f"`{field.name}`": f"`{str(field.default).lower()}`" for field in fields(Switches)}
    assert {row[0]: row[1] for row in read_table("Switches")} == defaults


def test_every_fault_is_documented() -> None:
    assert [row[0] for row in read_table("Faults")] == [f"`{kind}`" for kind in FAULT_KINDS]


def test_every_endpoint_for_tests_is_documented() -> None:
    gate: ApiGateway = start_portal(make_portal()).gate
    documented = set(re.findall(r"`(/sandbox/[^`]*)`", " ".join(row[0] for row in read_table("For tests and demos"))))
    assert documented == {route.path for route in admin.routes(gate)}  # type: ignore[attr-defined]


def test_every_file_of_a_portal_folder_is_documented() -> None:
    documented = set(re.findall(r"`(\w+)\.jsonl`", " ".join(row[0] for row in read_table("Portal folder"))))
    assert documented == set(ROW_VALIDATORS)


@pytest.mark.parametrize("image", re.findall(r"!\[[^\]]+\]\((\S+)\)", PAGE))
def test_every_image_exists_and_is_small(image: str) -> None:
    assert (DOCS / image).stat().st_size <= 200_000
