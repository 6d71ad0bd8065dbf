"""Backups of a SQLite state: create one while the worker writes, verify it, restore it. PostgreSQL has pg_dump."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import make_url

from sync_worker.errors import ExitCode, StateError
from sync_worker.store.database import is_read_only

JOURNALS: Final = ("-wal", "-shm")  # files of SQLite next to the state


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSummary:
    """The content of a verified backup. `last_run_at` is in milliseconds, or None if no run is recorded."""

    file: Path
    schema: str
    contacts: int
    runs: int
    last_run_at: int | None
    size: int  # bytes
    replaced: Path | None = None  # after a restore: where the earlier state is

    @property
    def exit_code(self) -> ExitCode:
        """Return DONE: a damaged backup raises StateError."""
        return ExitCode.DONE

    def as_json(self) -> dict[str, Any]:
        """Return the summary for `--json`."""
        return {
            "file": str(self.file),
            "schema": self.schema,
            "contacts": self.contacts,
            "runs": self.runs,
            "last_run_at": self.last_run_at,
            "bytes": self.size,
            "replaced": str(self.replaced) if self.replaced else None,
        }


def create_backup(url: str, target: Path) -> BackupSummary:
    """Write a consistent copy of the state to a new file, readable by its owner only, and verify it.

    Raises:
        StateError: The state is not a SQLite file, the target exists or cannot be written, or the copy is damaged.
    """
    source = _find_file(url)
    if target.exists():
        raise StateError(f"{target} exists.", hint="Choose another file name; a backup replaces nothing.")
    partial = target.with_name(f"{target.name}.partial")
    with _remove_on_error(partial, target):
        os.close(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600))
        with closing(_open_source(source)) as state:
            state.execute("VACUUM INTO ?", (str(partial),))  # one snapshot, also while another process writes
        summary = verify_backup(partial)
        partial.replace(target)
    return BackupSummary(**{**_fields(summary), "file": target})


def _open_source(file: Path) -> sqlite3.Connection:
    # SQLite cannot create the journal of a state on a read-only disk; such a state does not change.
    frozen = "&immutable=1" if is_read_only(file) and not file.with_name(f"{file.name}-wal").exists() else ""
    state = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro{frozen}", uri=True)
    try:
        state.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        state.close()
        raise StateError(f"{file} cannot be read: {error}.", hint="Check that SYNC_WORKER_STATE_URL is a state of this worker.") from error
    return state


def verify_backup(file: Path) -> BackupSummary:
    """Check every page of a backup, and that it is a state.

    Raises:
        StateError: The file does not exist, is damaged, or is a database of another program.
    """
    if not file.is_file():
        raise StateError(f"{file} does not exist.", hint="Name a file that `sync-worker state backup` has written.")
    journal = file.with_name(f"{file.name}-wal")
    if journal.exists() and journal.stat().st_size:
        raise StateError(f"{file} is incomplete without {journal.name}.", hint="Copy it with `sync-worker state backup` instead.")
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as state:
            problems = [row[0] for row in state.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
            if problems:
                raise StateError(f"{file} is damaged: {problems[0]}.", hint="Use another backup.")
            (schema,) = state.execute("SELECT version_num FROM alembic_version").fetchone()
            (contacts,) = state.execute("SELECT count(*) FROM contacts WHERE NOT gone").fetchone()
            runs, last = state.execute("SELECT count(*), max(started_at) FROM runs").fetchone()
    except sqlite3.DatabaseError as error:
        raise StateError(f"{file} is not a state: {error}.", hint="Name a file that `sync-worker state backup` has written.") from error
    return BackupSummary(file=file, schema=schema, contacts=contacts, runs=runs, last_run_at=last, size=file.stat().st_size)


def restore_backup(url: str, file: Path) -> BackupSummary:
    """Replace the state by a verified backup. The earlier state stays next to it, with the suffix `.replaced`.

    No process may use the state meanwhile.

    Raises:
        StateError: The backup is damaged, or a file cannot be written.
    """
    summary, state = verify_backup(file), _find_file(url)
    kept = _find_free_name(state)
    partial = state.with_name(f"{state.name}.partial")
    with _remove_on_error(partial, state):
        descriptor = os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as copy, file.open("rb") as backup:
            while block := backup.read(1 << 20):
                copy.write(block)
            copy.flush()
            os.fsync(copy.fileno())
        existed = state.exists()
        for suffix in ("", *JOURNALS):  # the journals belong to the file that they were written for
            with suppress(FileNotFoundError):
                state.with_name(state.name + suffix).replace(kept.with_name(kept.name + suffix))
        partial.replace(state)
    return BackupSummary(**{**_fields(summary), "replaced": kept if existed else None})


def _find_free_name(state: Path) -> Path:
    """Return where the earlier state is kept: an earlier copy, or its journal, is never overwritten."""
    for number in count(1):
        kept = state.with_name(f"{state.name}.replaced" + (f"-{number}" if number > 1 else ""))
        if not any(kept.with_name(kept.name + suffix).exists() for suffix in ("", *JOURNALS)):
            return kept
    raise AssertionError("unreachable")


def _fields(summary: BackupSummary) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in BackupSummary.__slots__}


def _find_file(url: str) -> Path:
    database = make_url(url)
    if database.get_backend_name() != "sqlite" or database.database in (None, "", ":memory:"):
        raise StateError("Only a SQLite file can be copied.", hint="PostgreSQL: use pg_dump and pg_restore.")
    return Path(str(database.database))


@contextmanager
def _remove_on_error(partial: Path, target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        _remove(partial)
        raise StateError(f"{target} cannot be written: {error}.", hint="Check the path, its permissions and the free space.") from error
    except StateError:
        _remove(partial)
        raise


def _remove(partial: Path) -> None:
    for suffix in ("", "-journal"):  # SQLite leaves the journal behind if the disk is full
        partial.with_name(partial.name + suffix).unlink(missing_ok=True)
