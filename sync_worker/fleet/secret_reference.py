"""A secret that the fleet's database only refers to: `env:NAME`, `file:PATH` or `command:PROGRAM ARGUMENTS`."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sync_worker.errors import ConfigurationError

FORMS: Final = "env:NAME, file:PATH or command:PROGRAM"
COMMAND_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """Where a secret is, as seen by the worker processes."""

    kind: str
    place: str

    @classmethod
    def parse(cls, text: str, option: str) -> Self:
        """Parse a reference. Raises ConfigurationError without the text, which may be the secret itself."""
        kind, colon, place = text.strip().partition(":")
        if not colon or kind not in {"env", "file", "command"} or not place.strip():
            raise ConfigurationError(
                f"{option}: expected {FORMS}.", hint="The fleet keeps only the place of a secret; the worker processes read it there."
            )
        return cls(kind=kind, place=place.strip())

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return f"{self.kind}:{self.place}"

    def read(self, environment: Mapping[str, str] = os.environ, *, command_seconds: float = COMMAND_SECONDS) -> str:
        """Return the secret; raises ConfigurationError if this process cannot read it, or if a command needs too long."""
        if self.kind == "env":
            secret = environment.get(self.place, "")
        else:
            secret = self._read_file() if self.kind == "file" else self._run_command(command_seconds)
        if not secret.strip():
            raise self._error("the variable is not set" if self.kind == "env" else "it is empty")
        return secret.strip()

    def _read_file(self) -> str:
        try:
            return Path(self.place).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise self._error(getattr(error, "strerror", None) or "the file is not text") from None

    def _run_command(self, seconds: float) -> str:
        try:
            done = subprocess.run(  # noqa: S603 -- no shell; the operator's command
                shlex.split(self.place), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise self._error(f"the command has not ended within {seconds:g} s") from None
        except UnicodeDecodeError:
            raise self._error("the output of the command is not text") from None
        except (OSError, ValueError) as error:  # the latter: such as a quotation mark that is not closed
            raise self._error(getattr(error, "strerror", None) or str(error)) from None
        if done.returncode:
            raise self._error(f"the command exits with code {done.returncode}")
        return done.stdout

    def _error(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"The secret {self} cannot be read: {reason}.", hint="Provide it on every machine that runs `sync-worker fleet serve`."
        )
