"""Alembic's environment: runs the migrations on the connection of `store.migrate`."""

from __future__ import annotations

from alembic import context

from sync_worker.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
