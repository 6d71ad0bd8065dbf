"""Where Alembic meets the connection that the worker opened."""

from __future__ import annotations

from alembic import context

from sync_worker.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
