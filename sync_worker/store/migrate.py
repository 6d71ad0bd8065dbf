"""Migrations of the state with Alembic, called as a library."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from sync_worker.errors import StateError

_LOCK: Final = Lock()  # Alembic has one context for each process, and a fleet opens several states at once


def alembic_config() -> Config:
    """Return an Alembic configuration with the folder of the migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("recursive_version_locations", "true")  # each folder has up to twenty migrations
    return config


def upgrade(engine: Engine, *, database_name: str, version: str | None) -> None:
    """Apply the missing migrations in one transaction.

    Raises:
        StateError: A newer version of this program has written the state.
    """
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if version is not None and version not in known:
        raise StateError(
            f"{database_name} was written by a newer sync_worker (schema {version}).",
            hint="Run the newer version, or set SYNC_WORKER_STATE_URL to a backup from before the upgrade; the state was not changed.",
        )
    config = alembic_config()
    with _LOCK, engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            # Python's driver starts no transaction for CREATE TABLE. Without this, a failed migration would be applied in part.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
