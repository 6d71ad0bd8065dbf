"""Secrets by reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.fleet.secret_reference import SecretReference


def read(text: str, *, command_seconds: float = 30.0, **environment: str) -> str:
    return SecretReference.parse(text, "--token-from").read(environment, command_seconds=command_seconds)


def test_a_secret_is_read_from_a_variable_a_file_or_a_command(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pat-file\n")
    assert read("env:ACME", ACME=" pat-env ") == "pat-env"
    assert read(f"file:{tmp_path}/token") == "pat-file"
    assert read("command:echo 'pat-command'") == "pat-command"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("env:ACME", "the variable is not set"),
        ("file:/nowhere/token", "No such file"),
        ("command:/nowhere/program", "No such file"),
        ("command:sh -c 'exit 3'", "the command exits with code 3"),
        ("command:true", "it is empty"),
        ("command:'unclosed", "No closing quotation"),
        (r"command:printf '\377'", "the output of the command is not text"),
    ],
)
def test_a_secret_that_cannot_be_read_is_named_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        read(text)
    assert text in str(caught.value)


def test_a_command_that_hangs_is_ended_and_one_that_asks_for_input_gets_none() -> None:
    with pytest.raises(ConfigurationError, match=r"command:sleep 60 cannot be read: the command has not ended within 0\.05 s"):
        read("command:sleep 60", command_seconds=0.05)
    with pytest.raises(ConfigurationError, match="it is empty"):
        read("command:cat")


@pytest.mark.parametrize("text", ["pat-na1-secret", "env:", "vault:acme", ""])
def test_a_token_instead_of_its_place_is_refused_without_an_echo(text: str) -> None:
    with pytest.raises(ConfigurationError, match="expected env:NAME") as caught:
        read(text)
    assert "secret" not in str(caught.value).partition("hint")[0].replace("place of a secret", "")
