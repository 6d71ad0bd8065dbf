"""Secrets by reference."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.fleet.secret_reference import SecretReference


def read(text: str, **environment: str) -> str:
    return SecretReference.parse(text, "--token-from").read(environment)


def test_a_secret_is_read_from_a_variable_a_file_or_a_command(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pat-file\n")
    assert read("env:ACME", ACME=" pat-env ") == "pat-env"
    assert read(f"file:{tmp_path}/token") == "pat-file"
    assert read(f"command:{sys.executable} -c 'print(\"pat-command\")'") == "pat-command"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("env:ACME", "the variable is not set"),
        ("file:/nowhere/token", "No such file"),
        ("command:/nowhere/program", "No such file"),
        (f"command:{sys.executable} -c 'raise SystemExit(3)'", "code 3"),
        (f"command:{sys.executable} -c ''", "it is empty"),
        ("command:'unclosed", "ValueError"),
    ],
)
def test_a_secret_that_cannot_be_read_is_named_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        read(text)
    assert text in str(caught.value)


@pytest.mark.parametrize("text", ["pat-na1-secret", "env:", "vault:acme", ""])
def test_a_token_instead_of_its_place_is_refused_without_an_echo(text: str) -> None:
    with pytest.raises(ConfigurationError, match="expected env:NAME") as caught:
        read(text)
    assert "secret" not in str(caught.value).partition("hint")[0].replace("place of a secret", "")
