"""Alembic, run from inside: no ini file, no command line."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from sync_worker.errors import StateError


def alembic_config() -> Config:
    """Return where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def latest_revision() -> str:
    """Return the revision of the newest migration."""
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


def upgrade(engine: Engine, *, database_name: str, version: str | None) -> None:
    """Apply the migrations that a state lacks, in one transaction.

    Raises StateError where the state was written by a newer program.
    """
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if version is not None and version not in known:
        raise StateError(
            f"{database_name} was written by a newer sync_worker (schema {version}).",
            hint="Run that version, or name another state with SYNC_WORKER_STATE_URL; nothing was changed here.",
        )
    config = alembic_config()
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            # Python's driver begins no transaction for a CREATE TABLE: a migration that fails half-way would leave half of it.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
