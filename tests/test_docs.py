"""The documents are true of the code: links, settings, commands, targets, endpoints, names, and the numbers that repeat."""

from __future__ import annotations

import re
from collections.abc import Iterator
from configparser import ConfigParser
from datetime import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from sync_worker import __version__
from sync_worker.cli import interruption
from sync_worker.cli.commands import app
from sync_worker.errors import ExitCode
from sync_worker.hubspot.rest.endpoints import ENDPOINTS
from sync_worker.model.compiled.loader import load
from sync_worker.service.scheduler import RELEASE_SECONDS, STOP_SECONDS
from sync_worker.settings import FIELD_BY_VARIABLE, Settings
from sync_worker.sync.portal.managed_properties import CrmSchema

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *DEPLOY.glob("**/*.md")])
FILES = sorted({*DOCUMENTS, *(path for folder in ("deploy", "config", ".ci") for path in (ROOT / folder).rglob("*") if path.is_file())})
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
CODE_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```\w*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
NOT_SETTINGS = {"SYNC_WORKER_CONFIG"}  # where the settings are


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def relative_path(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_lines(path: Path) -> list[str]:
    """What a reader may type: code in a document, every line of another file."""
    parts = ["".join(found) for found in CODE.findall(text(path))] if path.suffix == ".md" else [text(path)]
    return [line for part in parts for line in part.splitlines()]


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ +(.+)$", CODE_FENCE.sub("", text(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table_rows(path: Path, columns: int) -> Iterator[list[str]]:
    for line in text(path).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == columns:
            yield cells


def yaml(path: Path) -> Any:
    return YAML(typ="safe").load(text(path))


def unit(path: Path) -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text(path))
    return parser


def parse_seconds(said: str) -> float:
    return float(said.removesuffix("s"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative_path)
def test_every_link_has_a_target(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", CODE_FENCE.sub("", text(document)))
    broken = []
    for link in links:
        path, _, anchor = link.partition("#")
        if re.match(r"https?:", link):
            continue
        place = (document.parent / path).resolve() if path else document
        if not place.exists() or (anchor and anchor not in anchors(place)):
            broken.append(link)
    assert not broken


# Settings.


def defaults_in_docs() -> dict[str, str]:
    found = {}
    for name, field in Settings.model_fields.items():
        value = field.default
        said = f"{value:%H:%M}" if isinstance(value, time) else str(value).lower() if isinstance(value, bool) else str(value)
        found[name] = "none" if value in (None, ()) else said
    return found


def test_operations_names_every_setting_with_its_key_and_its_default() -> None:
    table = {cells[0].strip("`"): (cells[1].strip("`"), cells[2].strip("`")) for cells in table_rows(ROOT / "docs/operations.md", 4)}
    said = defaults_in_docs()
    for alias, name in FIELD_BY_VARIABLE.items():
        assert table[alias] == ("–" if name == "access_token" else name, said[name]), alias


def test_every_setting_is_in_the_examples() -> None:
    environment, worker = text(ROOT / "config/example.env"), text(ROOT / "config/worker.yaml")
    assert [alias for alias in FIELD_BY_VARIABLE if not re.search(rf"^(# )?{alias}=", environment, re.MULTILINE)] == []
    own = [name for alias, name in FIELD_BY_VARIABLE.items() if alias.startswith("SYNC_WORKER_") and name not in {"state_url", "model"}]
    assert [name for name in own if not re.search(rf"^# {name}:", worker, re.MULTILINE)] == []


@pytest.mark.parametrize("path", FILES, ids=relative_path)
def test_no_setting_is_named_that_does_not_exist(path: Path) -> None:
    known = {*FIELD_BY_VARIABLE, *NOT_SETTINGS}
    assert set(re.findall(r"\b(?:SYNC_WORKER|HUBSPOT)_[A-Z_]*[A-Z]\b(?!_|\.)", text(path))) <= known


# Commands and targets.


def command_lines(path: Path) -> Iterator[list[str]]:
    for line in code_lines(path):
        plain = line.translate(str.maketrans('",[]`', "     "))
        for typed in re.findall(r"(?:^|\s|bin/)sync-worker((?: +[^\s#;&|>)]+)+)", plain):
            if "kubectl create" not in plain:  # there it is the name of something
                yield typed.split()


@cache
def build_commands() -> Any:
    return typer.main.get_command(app)


def unknown_word(words: list[str]) -> str | None:
    """What a command line names that the program does not have; None where all is known."""
    command: Any = build_commands()
    for word in words:
        group = getattr(command, "commands", {})
        option = word.partition("=")[0]
        if group and re.fullmatch(r"[a-z]+", word):
            if word not in group:
                return word
            command = group[word]
        elif option.startswith("--") and option != "--help" and option not in {name for each in command.params for name in each.opts}:
            return option
    return None


@pytest.mark.parametrize("path", FILES, ids=relative_path)
def test_every_command_that_is_named_exists(path: Path) -> None:
    assert [missing for words in command_lines(path) if (missing := unknown_word(words))] == []


def test_the_readme_has_every_command_in_its_table() -> None:
    rows = [line.replace("\\|", "/") for line in text(ROOT / "README.md").splitlines() if line.startswith("| `")]
    named = {
        " ".join((*group, name))
        for row in rows
        for *group, names in re.findall(r"`([a-z]+ )?([a-z/]+)[^`]*`", row.split(" | ")[0])
        for name in names.split("/")
    }
    groups: Any = build_commands()
    commands = {f"{name} {each}" if each else name for name, group in groups.commands.items() for each in getattr(group, "commands", [""])}
    assert commands - {name.strip().replace("  ", " ") for name in named} == set()


def test_a_command_that_does_not_exist_would_be_found() -> None:
    assert unknown_word(["frobnicate"]) == "frobnicate"
    assert unknown_word(["model", "frobnicate"]) == "frobnicate"
    assert unknown_word(["sync", "--frobnicate"]) == "--frobnicate"
    assert unknown_word(["backfill", "--dry-run"]) is None
    assert ["serve"] in list(command_lines(DEPLOY / "Dockerfile"))


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / ".ci/run"], ids=relative_path)
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):(?!=)", text(ROOT / "Makefile"), re.MULTILINE))
    assert {target for line in code_lines(path) for target in re.findall(r"(?:^|\s|`)make ([a-z]+)(?=\s|$|`|;|&)", line)} <= targets


def test_the_runbook_explains_every_exit_code() -> None:
    explained = {cells[0] for cells in table_rows(DEPLOY / "runbook.md", 3)}
    assert {str(int(code_)) for code_ in ExitCode} <= explained


# HubSpot.


def test_the_page_on_hubspot_names_every_endpoint_and_no_other() -> None:
    page = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`]+)`", text(ROOT / "docs/hubspot.md")))
    assert page == {f"{endpoint.method} {endpoint.date_based_path}" for endpoint in ENDPOINTS}


def test_the_page_on_hubspot_names_every_property_and_list() -> None:
    page, outputs = text(ROOT / "docs/hubspot.md"), CrmSchema(model=load(ROOT / "config/model.yaml"))
    assert {cells[0] for cells in table_rows(ROOT / "docs/hubspot.md", 3)} >= {f"`{name}`" for name in outputs.property_names}
    assert [name for name in (outputs.group_name, *outputs.list_names.values()) if f"`{name}`" not in page] == []


def test_the_same_scopes_are_asked_for_everywhere() -> None:
    scopes = set(re.findall(r"crm\.[a-z._]+[a-z]", text(ROOT / "config/example.env"))) | {"forms", "content"}
    tokens = text(ROOT / "docs/operations.md").split("**2. Look")[0]
    assert set(re.findall(r"crm\.[a-z._]+[a-z]", tokens)) | {"forms", "content"} == scopes
    assert set(re.findall(r"`(crm\.[a-z._]+[a-z]|forms|content)`", text(ROOT / "docs/hubspot.md"))) == scopes


# Deployment.


def test_every_deployment_waits_for_the_stop_of_the_service_and_of_a_command() -> None:
    pod = yaml(DEPLOY / "kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    command, service = UNITS[1], UNITS[0]
    grace = [parse_seconds(unit(path)["Service"]["TimeoutStopSec"]) for path in (command, service)]
    grace.append(pod["terminationGracePeriodSeconds"])
    grace.append(parse_seconds(yaml(DEPLOY / "compose.yaml")["services"]["worker"]["stop_grace_period"]))
    assert min(grace) > 10 > max(STOP_SECONDS + RELEASE_SECONDS, interruption.STOP_SECONDS + interruption.RELEASE_SECONDS)
    assert "@" in command.name


def test_the_service_is_restarted_after_every_exit_but_a_broken_configuration() -> None:
    service = unit(DEPLOY / "systemd/sync-worker.service")["Service"]
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("always", str(int(ExitCode.USAGE)))
    assert yaml(DEPLOY / "compose.yaml")["services"]["worker"]["restart"] == "unless-stopped"
    assert yaml(DEPLOY / "kubernetes/deployment.yaml")["spec"]["template"]["spec"]["restartPolicy"] == "Always"


def test_one_worker_at_a_time_and_never_as_root() -> None:
    deployment = yaml(DEPLOY / "kubernetes/deployment.yaml")["spec"]
    pod = deployment["template"]["spec"]
    dockerfile = text(DEPLOY / "Dockerfile")
    user = re.findall(r"^USER (\d+)", dockerfile, re.MULTILINE)[-1]
    assert (deployment["replicas"], deployment["strategy"]["type"]) == (1, "Recreate")
    assert int(user) == pod["securityContext"]["runAsUser"] > 0
    assert all(container["securityContext"]["readOnlyRootFilesystem"] for container in pod["containers"])
    # Kubernetes would name its services SYNC_WORKER_..., which the worker takes for misspelled settings.
    assert pod["enableServiceLinks"] is False


def test_the_units_are_hardened_alike() -> None:
    own = {
        "Type",
        "ExecStart",
        "ExecReload",
        "Restart",
        "RestartSec",
        "RestartPreventExitStatus",
        "KillSignal",
        "SuccessExitStatus",
        "TimeoutStopSec",
    }
    assert len({tuple((key, value) for key, value in unit(path)["Service"].items() if key not in own) for path in UNITS}) == 1


def test_the_files_of_the_deployment_are_of_this_version() -> None:
    compose, deployment = yaml(DEPLOY / "compose.yaml"), yaml(DEPLOY / "kubernetes/deployment.yaml")
    images = [compose["services"]["worker"]["image"], deployment["spec"]["template"]["spec"]["containers"][0]["image"]]
    images += re.findall(r"-t (\S+) \.", text(DEPLOY / "Dockerfile") + text(ROOT / "docs/operations.md"))
    assert set(images) == {f"sync-worker:{__version__}"}
    assert f"## [{__version__}]" in text(ROOT / "CHANGELOG.md")


def test_the_image_copies_what_its_ignore_file_allows() -> None:
    allowed = {line[1:] for line in text(DEPLOY / "Dockerfile.dockerignore").splitlines() if line.startswith("!")}
    lines = [line.split()[1:] for line in text(DEPLOY / "Dockerfile").splitlines() if line.startswith("COPY ") and "--from" not in line]
    assert {source for words in lines for source in words[:-1]} == allowed
    assert all((ROOT / source).exists() for source in allowed)


# Secrets and paths.


@pytest.mark.parametrize("path", [*FILES, ROOT / "requirements.lock", ROOT / "Makefile", ROOT / "pyproject.toml"], ids=relative_path)
def test_no_machine_no_index_and_no_token_is_named(path: Path) -> None:
    said = text(path)
    assert str(ROOT) not in said
    assert not re.search(r"/(?:root|home/\w+)/", said)
    assert not re.search(r"--(?:extra-)?index-url|/simple\b|files\.pythonhosted", said)
    assert not re.search(r"pat-(?:na|eu)\d-[0-9a-f]{8}-[0-9a-f]{4}", said)
