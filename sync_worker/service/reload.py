"""Reload: a worker with the settings and the model as their files are now, checked before it replaces the active one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from sync_worker.errors import ConfigurationError
from sync_worker.settings import Settings
from sync_worker.worker import Worker

FIXED: Final = ("state_url", "http_host", "http_port", "ui_hosts", "ping_url")  # the service uses them from its start to its end


def build_reloaded(worker: Worker, load_settings: Callable[[], Settings]) -> Worker:
    """Return a worker with the current settings and model. The caller closes the earlier one.

    Raises the error that makes them unusable: a setting, a channel, the model file, or the portal that lacks a property of the model.
    """
    settings = load_settings()
    if fixed := [name for name in FIXED if getattr(settings, name) != getattr(worker.settings, name)]:
        raise ConfigurationError(f"{', '.join(fixed)} cannot change while the service runs.", hint="Restart the service.")
    reloaded = replace(worker, settings=settings, _exit_stack=ExitStack())
    try:
        _ = reloaded.channels
        reloaded.read_portal()
    except BaseException:
        reloaded.close()
        raise
    return reloaded


def list_changes(before: Settings, after: Settings) -> list[str]:
    """Return the names of the settings that differ."""
    return [name for name in Settings.model_fields if getattr(before, name) != getattr(after, name)]
