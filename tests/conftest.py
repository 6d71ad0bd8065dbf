"""Shared configuration of the tests: settings in the environment are ignored, and hypothesis profiles set the number of examples.

The states of all tests share their compiled statements, which a new engine would compile again.
"""

from __future__ import annotations

import os
from collections import defaultdict
from typing import Any

from hypothesis import settings
from sqlalchemy import Connection, Engine, event

for name in [name for name in os.environ if name.startswith(("HUBSPOT_", "SYNC_WORKER_")) and not name.startswith("SYNC_WORKER_TEST_")]:
    del os.environ[name]

settings.register_profile("dev", deadline=None, max_examples=30)
settings.register_profile("ci", deadline=None, max_examples=200, print_blob=True)
settings.register_profile("soak", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


class CompiledStatements(dict[tuple[Any, ...], Any]):
    """Compiled statements of one kind of database; the key that SQLAlchemy passes begins with the dialect of the engine."""

    def get(self, key: tuple[Any, ...], default: object = None) -> object:
        return super().get(key[1:], default)

    def __setitem__(self, key: tuple[Any, ...], value: object) -> None:
        super().__setitem__(key[1:], value)


compiled_statements: defaultdict[str, CompiledStatements] = defaultdict(CompiledStatements)


@event.listens_for(Engine, "engine_connect")
def share_compiled_statements(connection: Connection) -> None:
    connection.execution_options(compiled_cache=compiled_statements[connection.dialect.name])
