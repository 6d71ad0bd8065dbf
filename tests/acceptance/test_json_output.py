"""The JSON of every command has exactly the keys of docs/json.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest
import typer.main
from typer.core import TyperGroup

from sync_worker.cli.commands import app
from sync_worker.cli.output.console import JSON_VERSION
from tests.acceptance.small_portal import READER, address, write_portal
from tests.system.subprocesses import ROOT, Workspace, start_sandbox

PAGE = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
#: In this order on one portal; RUN is the id of the last run.
COMMANDS = (
    "init start",
    "check",
    "setup",
    "plan --out plan.json",
    "apply plan.json",
    "backfill",
    "sync --dry-run",
    "report",
    "approve --note good",
    "status",
    "outcomes",
    "audit --out audit.csv",
    "explain CONTACT",
    "model check",
    "model log",
    "model note good",
    "review --note good",
    "model evaluate --portal portal",
    "model diff start/config/model.yaml start/config/presets/importance.yaml --portal portal",
    "state backup backup.db",
    "state verify backup.db",
    "state restore backup.db",
    "undo RUN --dry-run",
    "forget CONTACT",
)


def documented_keys() -> dict[str, set[str]]:
    """The keys of each command: a section is named by its command, or lists its commands below the heading."""
    found = {}
    for section in PAGE.split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        listed = body.strip().splitlines()[0]
        commands = re.findall(r"`([a-z ]+)`", listed) if listed.startswith("`") else [heading.strip()]
        rows = re.findall(r"^\| (`.+?) \| ", body, re.MULTILINE)
        keys = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
        found.update(dict.fromkeys(commands, keys))
    return found


def commands_with_json(group: TyperGroup, prefix: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands_with_json(command, f"{prefix}{name} ")
        elif any("--json" in parameter.opts for parameter in command.params):
            yield prefix + name


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[str]]:
    folder = tmp_path_factory.mktemp("json")
    write_portal(folder / "portal")
    with start_sandbox(folder, "--portal", str(folder / "portal"), "--rate", "100000") as portal:
        desk = Workspace(folder=folder, environment=portal.environment)
        return {words: set(run(desk, words)) for words in COMMANDS}


def run(desk: Workspace, words: str) -> Mapping[str, object]:
    last_run = desk.run("status", "--json").json["runs"][0]["run"] if "RUN" in words else ""
    parts = [{"RUN": last_run, "CONTACT": address(READER)}.get(word, word) for word in words.split()]
    result = desk.run(*parts, "--json")
    assert result.code == 0, (words, result.err)
    assert result.json["json_version"] == JSON_VERSION
    return result.json


@pytest.mark.parametrize("words", COMMANDS)
def test_the_keys_of_a_command_are_those_of_the_page(outputs: Mapping[str, set[str]], words: str) -> None:
    name = next(name for name in documented_keys() if f"{words} ".startswith(f"{name} "))
    assert outputs[words] - {"json_version"} == documented_keys()[name]


def test_the_page_has_every_command_with_json() -> None:
    assert set(commands_with_json(typer.main.get_group(app))) == documented_keys().keys()
