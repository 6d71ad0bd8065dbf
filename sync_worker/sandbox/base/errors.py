"""Errors of the sandbox; `cli/portal_folder.py` turns them into a sentence and an exit code."""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot start or cannot use its input; `hint` names what the operator can do."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return one paragraph for the operator: what went wrong, then the hint."""
        return f"{self.message} {self.hint}"


class PortalFolderError(SandboxError):
    """The portal folder cannot be read; the message names the file and the line."""


class FaultConfigError(SandboxError):
    """The fault rules are not valid; the message names the file and the line."""


class PortUnavailableError(SandboxError):
    """The server cannot listen on this port."""
